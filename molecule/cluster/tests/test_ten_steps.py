"""Test the ten steps and the quick reference of the manual of the servers."""

from __future__ import annotations

import json
import re
from typing import Any

from ansible_collections.acs.builders.tests.cluster.beats import (
    archived,
    beats_again,
    delivered,
    messages,
    remote,
    send,
)
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import until
from testinfra.host import Host

testinfra_hosts = ["ansible://builders"]


def test_1_the_server_knows_which_it_is(host: Host, server: dict[str, Any]) -> None:
    assert host.check_output("hostname") == server["builders_hostname"]
    assert host.file("/etc/build_server_id").content_string.strip() == server["inventory_hostname"]


def test_2_the_token_is_there_for_root_alone(host: Host, rig: Rig) -> None:
    pat = host.file("/PAT")
    assert (pat.mode, pat.user, pat.group) == (0o600, "root", "root")
    assert pat.content_string.strip() == rig.token
    assert re.fullmatch("ghp_[A-Za-z0-9]{36}", rig.token)


def test_3_the_clone_is_on_main_and_clean(host: Host, server: dict[str, Any]) -> None:
    assert host.check_output("git -C /root/Build remote get-url origin") == server["builders_remote_url"]
    assert host.check_output("git -C /root/Build symbolic-ref HEAD") == "refs/heads/main"
    changes = "git --no-optional-locks -C /root/Build status --porcelain"  # an update by the service causes some
    until(lambda: host.check_output(changes) == "", "a clone that is not clean")


def test_4_the_command_can_be_run(host: Host) -> None:
    command = host.file("/usr/local/bin/builderctl")
    assert (command.mode, command.user) == (0o755, "root")
    assert re.fullmatch(r"builderctl \d+\.\d+\.\d+", host.check_output("builderctl --version"))


def test_5_the_set_up_configured_git_and_fetched_the_latest(host: Host, server: dict[str, Any], rig: Rig) -> None:
    for name, value in (("name", "{}"), ("email", "{}@localhost")):
        found = host.check_output("git -C /root/Build config --local user.%s", name)
        assert found == value.format(server["inventory_hostname"])
    beats_again(rig, server["inventory_hostname"])
    beats_again(rig, server["inventory_hostname"])
    until(
        lambda: host.check_output("git -C /root/Build rev-parse HEAD") == remote(rig, "rev-parse", "main"),
        "a clone that is behind",
    )


def test_6_the_service_runs(host: Host, server: dict[str, Any], rig: Rig) -> None:
    service = host.service("build-heartbeat")
    assert service.is_running and service.is_enabled
    beat = beats_again(rig, server["inventory_hostname"])
    assert str(beat["daemon"]["pid"]) == host.check_output("systemctl show --value --property MainPID build-heartbeat")


def test_7_the_health_of_both_is_printed(host: Host, rig: Rig) -> None:
    for server in ("build1", "build2"):
        beats_again(rig, server)
    health = json.loads(host.run("builderctl health --json").stdout)
    assert {name: health["servers"][name]["state"] for name in ("build1", "build2")} == {"build1": "ok", "build2": "ok"}
    assert set(health["jobs"]) and health["messages"]["total"] > 0
    assert len(archived(rig)) + len(messages(rig)) >= 59, "the services archive old read messages, and lose none"
    shown = host.run("builderctl health").stdout
    assert re.search(r"^build1\b.*\bok\b", shown, re.MULTILINE), shown
    assert re.search(r"^build2\b.*\bok\b", shown, re.MULTILINE), shown


def test_8_the_logs_are_written(host: Host, server: dict[str, Any]) -> None:
    names = [f"/var/log/heartbeat-{server['inventory_hostname']}.log"]
    names += ["/var/log/heartbeat.log"] if server["inventory_hostname"] == "build2" else []
    for name in names:
        lines = host.check_output("tail --lines=200 %s", name).splitlines()
        beats = [line for line in lines if "Heartbeat updated" in line]
        assert beats and all(re.fullmatch(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] Heartbeat updated", b) for b in beats)
    log = host.check_output(f"zcat --force /var/log/acs-builders/build-messages-{server['inventory_hostname']}.log*")
    heading = rf"^\[[-0-9]+ [:0-9]+\] \[[A-Z]+\] {server['builders_partner']} -> {server['inventory_hostname']}: "
    assert re.search(heading, log, re.MULTILINE), log


def test_9_and_10_readiness_was_announced_once(host: Host, server: dict[str, Any], rig: Rig) -> None:
    own, partner = server["inventory_hostname"], server["builders_partner"]
    installation = json.loads(host.file("/var/lib/acs-builders/installation.json").content_string)
    ready = [m for m in messages(rig) if m.get("key") == f"ready-{installation['id']}"]
    assert [(m["from"], m["to"], m["type"], m["subject"]) for m in ready] == [(own, partner, "info", "Ready")]
    assert ready[0]["body"].startswith(f"{own.capitalize()} setup complete at 20")
    assert ready[0]["body"].endswith("Heartbeat running. Communication framework active. Ready to coordinate.")
    in_clone = json.loads(host.file("/root/Build/coordination/messages.json").content_string)["messages"]
    assert [m for m in in_clone if m["id"] == ready[0]["id"]]


def test_the_quick_reference(host: Host, server: dict[str, Any], rig: Rig) -> None:
    """Exchange messages, mark one read and publish a status with builderctl."""
    own, partner = server["inventory_hostname"], server["builders_partner"]
    asked = send(rig, own, "send --type request 'Quick reference' 'Please answer.'")["id"]
    shown = rig.ssh(partner, "builderctl read").stdout
    assert f"REQUEST {asked} {own} " in shown and "| Quick reference" in shown
    send(rig, partner, f"reply {asked} 'Done at last.'")
    answer = json.loads(host.check_output("builderctl read --json --thread %s", asked))["messages"][-1]
    assert (answer["from"], answer["body"], answer["subject"]) == (partner, "Done at last.", "Re: Quick reference")
    host.check_output("builderctl mark-read %s", answer["id"])
    assert answer["id"] not in host.check_output("builderctl read")
    host.check_output("builderctl status building --job job_1 --git-branch main")
    host.check_output("builderctl status success")
    delivered(rig, own)
    status = json.loads(remote(rig, "show", f"main:{own}/status.json"))
    assert (status["status"], status["last_build"]["id"]) == ("success", "job_1")
    assert (status["hostname"], status["server"]) == (server["builders_hostname"], own)
