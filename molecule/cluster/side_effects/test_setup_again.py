"""The set-up play on servers that are set up: what it changes, how often it restarts, and what it prints."""

from __future__ import annotations

import os
import re
import subprocess

from ansible_collections.acs.builders.tests.cluster.beats import beats_again, heartbeat
from ansible_collections.acs.builders.tests.cluster.rig import TOP, Rig
from testinfra.host import Host


def starts(host: Host) -> int:
    """How often the service was started since the host booted."""
    journal: str = host.check_output("journalctl --boot --unit build-heartbeat --output cat")
    return journal.count("Started build-heartbeat.service")


def changes(output: str) -> dict[str, int]:
    """How many tasks changed something, by server."""
    return {server: int(count) for server, count in re.findall(r"^(build\d) .*changed=(\d+)", output, re.MULTILINE)}


def test_a_changed_variable_restarts_the_service_once(rig: Rig, build1: Host) -> None:
    before = starts(build1)
    changed = ("setup.yml", "--limit", "build1", "--extra-vars", '{"build_heartbeat_interval": 2}')
    assert changes(rig.playbook(*changed)) == {"build1": 2}
    assert starts(build1) == before + 1
    assert beats_again(rig, "build1")["interval_seconds"] == 2
    assert changes(rig.playbook(*changed)) == {"build1": 0}
    assert starts(build1) == before + 1
    rig.playbook("setup.yml", "--limit", "build1")
    beats_again(rig, "build1")
    assert heartbeat(rig, "build1")["interval_seconds"] == 1


def test_check_mode_changes_nothing_where_something_would_change(rig: Rig, build1: Host) -> None:
    before = starts(build1)
    changed = ("setup.yml", "--limit", "build1", "--extra-vars", '{"build_heartbeat_interval": 3}', "--check", "--diff")
    output = rig.playbook(*changed)
    assert changes(output)["build1"] > 0
    assert '+  "interval": 3,' in output
    assert starts(build1) == before
    assert heartbeat(rig, "build1")["interval_seconds"] == 1


def test_the_controller_never_prints_the_token(rig: Rig, build1: Host, build2: Host) -> None:
    old, new = rig.token, rig.rotate_token()
    environment = {**os.environ, "ANSIBLE_INVENTORY": str(rig.folder / "inventory.yml")}
    command = ["ansible-playbook", "setup.yml", "-vvvv", "--diff", "--extra-vars", "build_pat_verify=true"]
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert all(count > 0 for count in changes(done.stdout).values())
    for token in (old, new):
        assert token not in done.stdout + done.stderr
    for server, host in (("build1", build1), ("build2", build2)):
        assert host.file("/PAT").content_string.strip() == new
        beats_again(rig, server)


def test_a_token_that_the_git_host_refuses_replaces_no_good_one(rig: Rig, build1: Host) -> None:
    wrong = "ghp_" + "x" * 36
    environment = {**os.environ, "ANSIBLE_INVENTORY": str(rig.folder / "inventory.yml"), "WRONG": wrong}
    variables = '{"build_pat_source_file": "", "build_pat_source_environment": "WRONG", "build_pat_verify": true}'
    command = ["ansible-playbook", "setup.yml", "--limit", "build1", "--extra-vars", variables]
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert wrong not in done.stdout + done.stderr
    assert build1.file("/PAT").content_string.strip() == rig.token
    beats_again(rig, "build1")


def test_a_server_is_not_set_up_as_another(rig: Rig, build1: Host) -> None:
    """Somebody exchanged two addresses in the inventory."""
    environment = {**os.environ, "ANSIBLE_INVENTORY": str(rig.folder / "inventory.yml")}
    variables = '{"ansible_host": "198.51.100.11"}'
    command = ["ansible-playbook", "setup.yml", "--limit", "build2", "--extra-vars", variables]
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ll-ACSBuilder1" in done.stdout and "build1" in done.stdout
    assert build1.file("/etc/build_server_id").content_string.strip() == "build1"
    assert beats_again(rig, "build1")["server"] == "build1"
