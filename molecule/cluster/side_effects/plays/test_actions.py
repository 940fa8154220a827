"""Test that booted servers execute and answer each request once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.cluster.beats import delivered, remote, send, settled
from ansible_collections.acs.builders.tests.cluster.rig import TOP, Rig
from ansible_collections.acs.builders.tests.waiting import until

RESPOND = "playbooks/respond.yml"
INSTALL = "playbooks/install_packages.yml"


@pytest.fixture(scope="module", autouse=True)
def scene(rig: Rig) -> None:
    """Mark all messages read on both servers, and install a package on one."""
    for server in ("build1", "build2"):
        rig.ssh(server, "builderctl read --json > /dev/null; builderctl mark-read")
    rig.make_package("libmysqlclient-dev", "8.0.36-1")
    rig.ssh("build1", "apt-get -qq update && apt-get -qq install libmysqlclient-dev")


def ask(
    rig: Rig, subject: str, body: str = "Please.", kind: str = "request", server: str = "build1", **request: Any
) -> str:
    """Send a message to the partner and return its id."""
    more = f" --request '{json.dumps(request)}'" if request else ""
    return str(send(rig, server, f"send --type {kind} '{subject}' '{body}'{more}")["id"])


def answers(rig: Rig, *ids: str) -> list[dict[str, Any]]:
    """Return the answers to messages, in the order of the messages."""
    found = [message for message in settled(rig) if message.get("in_reply_to") in ids]
    return sorted(found, key=lambda message: ids.index(message["in_reply_to"]))


def sent_since(rig: Rig, before: list[dict[str, Any]], sender: str) -> list[dict[str, Any]]:
    """Return the messages of a server that are not in an earlier mailbox."""
    known = {message["id"] for message in before}
    return [message for message in settled(rig) if message["id"] not in known and message["from"] == sender]


def facts(message: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a message by name."""
    return {fact["name"]: fact["value"] for fact in message["facts"]}


def commits(rig: Rig, author: str) -> int:
    """Count the commits of a server on the branch."""
    return int(remote(rig, "rev-list", "--count", f"--author={author}@", "main"))


def installed(rig: Rig, server: str, package: str) -> str:
    """Return the version of a package on a server; empty if it is not installed."""
    show = f"dpkg-query --show --showformat='${{Version}} ${{Status}}' {package}"
    version, _space, status = rig.ssh(server, show, check=False).stdout.partition(" ")
    return version if status == "install ok installed" else ""


def test_the_complete_interaction(rig: Rig) -> None:
    rig.playbook("molecule/cluster/interaction.yml")
    assert installed(rig, "build2", "libmysqlclient-dev") == "8.0.36-1"
    answer = [message for message in settled(rig) if message["subject"] == "Re: Install libmysqlclient-dev"][-1]
    assert answer["body"].startswith("Installed libmysqlclient-dev version 8.0.36-1 on build2 (since 20")
    assert "Package status: install ok installed. Matches build1: yes." in answer["body"]
    assert answer["body"].endswith("Environments aligned with build1.")


def test_the_five_patterns_of_a_reply(rig: Rig) -> None:
    rig.ssh("build2", "builderctl status idle")
    delivered(rig, "build2")
    asked = [
        ask(rig, "Install libmysqlclient-dev"),
        ask(rig, "A question", "What is your status?"),
        ask(rig, "Starting build ABC", "From commit 1234.", "info"),
        ask(rig, "Build failed at step X", "No space left.", "error"),
        ask(rig, "Check environment for package libmysqlclient-dev"),
    ]
    _code, output = rig.playbook(RESPOND, "--limit", "build2")
    install, status, started, failed, check = answers(rig, *asked)
    assert install["body"].startswith("Installed libmysqlclient-dev version 8.0.36-1 on build2")
    assert re.match(r"build2 is idle\. Last activity: 20\S+Z\. Current job: none\.", status["body"])
    assert started["body"].startswith("Acknowledged. build2 standing by. Current status: idle.")
    assert failed["body"].startswith("Acknowledged build1 failure at step X. build2 current status: idle")
    assert "build2 has package libmysqlclient-dev version 8.0.36-1 installed" in check["body"]
    assert "dpkg status: install ok installed. Matches build1: yes." in check["body"]
    assert facts(status)["status"] == "idle" and float(facts(status)["disk free in GB"]) > 0
    kept = next(message for message in settled(rig) if message["id"] == asked[3])
    assert (kept["read_by"], kept["acknowledged_by"]) == ([], ["build2"]), "an error stays unread for the manager"
    assert "Build failed at step X" in output
    rig.ssh("build2", f"builderctl mark-read {asked[3]}")


def test_a_mismatch_is_found_and_reported(rig: Rig) -> None:
    rig.make_package("rig-tool", "1.0")
    rig.ssh("build1", "apt-get -qq update && apt-get -qq install rig-tool")
    rig.make_package("rig-tool", "2.0")
    before = settled(rig)
    _code, output = rig.playbook(INSTALL, "--extra-vars", '{"packages": ["rig-tool"]}')
    assert "NOT aligned: build2 has 2.0." in output and "NOT aligned: build1 has 1.0." in output
    for server, other in (("build1", "build2"), ("build2", "build1")):
        (sent,) = sent_since(rig, before, server)
        assert (sent["type"], sent["to"]) == ("warning", other)
        version = installed(rig, server, "rig-tool")
        assert facts(sent)["rig-tool"] == version and facts(sent)["rig-tool aligned"] == "no"
        assert f"rig-tool version {version} is installed on {server} since 20" in sent["body"]
    (check,) = answers(rig, *[respond_to(rig, "Check package rig-tool")])
    assert (
        "version 2.0 installed" in check["body"] and "Matches build1: no. Difference: 1.0 on build1." in check["body"]
    )
    before = settled(rig)
    rig.playbook(INSTALL, "--extra-vars", '{"packages": ["rig-tool"], "state": "latest"}')
    sent = sent_since(rig, before, "build1") + sent_since(rig, before, "build2")
    assert [(one["type"], facts(one)["rig-tool"], facts(one)["rig-tool aligned"]) for one in sent] == [
        ("info", "2.0", "yes")
    ] * 2
    before = settled(rig)
    rig.playbook(INSTALL, "--extra-vars", '{"packages": ["rig-tool=1.0"]}')
    assert [installed(rig, server, "rig-tool") for server in ("build1", "build2")] == ["1.0", "1.0"]
    rig.playbook(INSTALL, "--extra-vars", '{"packages": ["rig-tool"], "state": "absent"}')
    assert [installed(rig, server, "rig-tool") for server in ("build1", "build2")] == ["", ""]
    before = settled(rig)
    _code, output = rig.playbook(INSTALL, "--extra-vars", '{"packages": ["rig-tool"], "state": "absent"}')
    assert settled(rig) == before and changes(output) == 0, "a second run changes nothing"


def changes(output: str) -> int:
    """Count the changed tasks."""
    return sum(map(int, re.findall(r"^build\d .*changed=(\d+)", output, re.MULTILINE)))


def respond_to(rig: Rig, subject: str, **request: Any) -> str:
    """Send a request to build2, run the playbook there, and return the message id."""
    asked = ask(rig, subject, **request)
    rig.playbook(RESPOND, "--limit", "build2")
    return asked


def test_an_install_that_fails_on_one_server(rig: Rig) -> None:
    rig.make_package(
        "rig-fussy", "1.0", "test ! -e /root/no-rig-fussy || { echo 'rig-fussy is not wanted' >&2; exit 1; }"
    )
    rig.ssh("build2", "touch /root/no-rig-fussy")
    before = settled(rig)
    try:
        code, output = rig.playbook(
            INSTALL, "--extra-vars", '{"packages": ["rig-fussy", "libmysqlclient-dev"]}', check=False
        )
    finally:
        rig.ssh("build2", "rm /root/no-rig-fussy; dpkg --purge --force-all rig-fussy")
    assert code != 0
    (good,), (bad,) = (sent_since(rig, before, server) for server in ("build1", "build2"))
    assert bad["type"] == "error" and "rig-fussy" in bad["subject"]
    assert "Error of the package manager: " in bad["body"] and "rig-fussy is not wanted" in bad["body"]
    assert (facts(bad)["libmysqlclient-dev"], facts(bad)["libmysqlclient-dev aligned"]) == ("8.0.36-1", "yes")
    assert (good["type"], facts(good)["rig-fussy"], facts(good)["rig-fussy aligned"]) == ("warning", "1.0", "no")
    assert re.search(r"^build1 .*failed=0", output, re.MULTILINE) and re.search(
        r"^build2 .*failed=1", output, re.MULTILINE
    )


def test_a_package_that_does_not_exist(rig: Rig) -> None:
    before = settled(rig)
    code, _output = rig.playbook(INSTALL, "--extra-vars", '{"packages": ["rig-nothing"]}', check=False)
    assert code != 0
    for server in ("build1", "build2"):
        (sent,) = sent_since(rig, before, server)
        assert sent["type"] == "error" and "Unable to locate package rig-nothing" in sent["body"]
    (answer,) = answers(rig, respond_to(rig, "Install rig-nothing"))
    assert answer["type"] == "error" and "Unable to locate package rig-nothing" in answer["body"]


@pytest.mark.parametrize("name", ["rig-glob-*", "rig-glob-a:all", "rig-glob-a>=0.1", "rig-glob-a=1.*"])
def test_what_apt_takes_for_a_pattern_is_refused_before_anything_is_done(rig: Rig, name: str) -> None:
    rig.make_package("rig-glob-a", "1.0")
    rig.ssh("build1", "apt-get -qq update && apt-get -qq install rig-glob-a")
    before = settled(rig)
    code, output = rig.playbook(
        INSTALL, "--extra-vars", json.dumps({"packages": [name], "state": "absent"}), check=False
    )
    assert code != 0 and "is not the name of a package" in " ".join(output.split())
    assert installed(rig, "build1", "rig-glob-a") == "1.0" and settled(rig) == before


def test_what_stands_in_the_place_of_a_renamed_package_is_reported_and_stays(rig: Rig) -> None:
    rig.make_package("rig-new", "2.0", provides="rig-old")
    before = settled(rig)
    rig.playbook(INSTALL, "--extra-vars", '{"packages": ["rig-old"]}')
    for server in ("build1", "build2"):
        (sent,) = sent_since(rig, before, server)
        assert (sent["type"], facts(sent)["rig-old"], facts(sent)["rig-old provided by"]) == ("info", "2.0", "rig-new")
    before = settled(rig)
    _code, output = rig.playbook(INSTALL, "--extra-vars", '{"packages": ["rig-old"]}')
    assert settled(rig) == before and changes(output) == 0
    _code, output = rig.playbook(INSTALL, "--extra-vars", '{"packages": ["rig-old"], "state": "absent"}')
    assert "rig-new was not removed; name it to remove it." in output
    assert [installed(rig, server, "rig-new") for server in ("build1", "build2")] == ["2.0", "2.0"]


def test_what_is_not_allowed_is_declined(rig: Rig) -> None:
    rig.make_package("rig-tool", "1.0")
    rig.ssh("build2", "apt-get -qq update && apt-get -qq install rig-tool=1.0")
    before = installed(rig, "build2", "nginx-light")
    asked = [
        ask(rig, "Install nginx-light"),
        ask(rig, "Install", action="install_packages", packages=["rig-tool-"]),
        ask(rig, "Install", action="install_packages", packages=["--reinstall"]),
    ]
    rig.playbook(RESPOND, "--limit", "build2")
    sent = answers(rig, *asked)
    assert [answer["type"] for answer in sent] == ["warning"] * 3
    assert (
        "Declined by build2. The rules of this server do not permit the installation of nginx-light." in sent[0]["body"]
    )
    assert "apt would take them for actions: rig-tool-" in sent[1]["body"]
    assert "not the name of a package" in sent[2]["body"]
    assert (installed(rig, "build2", "rig-tool"), installed(rig, "build2", "nginx-light")) == ("1.0", before)


def test_an_interrupted_run_is_finished_by_the_next(rig: Rig) -> None:
    """The play is killed during the installation, which continues, before it answers."""
    rig.make_package("rig-once", "1.0", "touch /root/begun; until [ -e /root/go ]; do sleep 0.1; done")
    asked = ask(rig, "Install rig-once")
    command = ["ansible-playbook", RESPOND, "--limit", "build2"]
    with subprocess.Popen(
        command,
        cwd=TOP,
        env=rig.operator(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as play:
        try:
            until((rig.machines["build2"].root / "root/begun").exists, "no installation")
        finally:
            os.killpg(play.pid, signal.SIGKILL)
    rig.ssh("build2", "touch /root/go")
    until(lambda: installed(rig, "build2", "rig-once"), "no package")
    until(lambda: rig.ssh("build2", "pgrep -x apt-get", check=False).stdout == "", "no end of the installation")
    assert answers(rig, asked) == []
    rig.playbook(RESPOND, "--limit", "build2")
    rig.playbook(RESPOND, "--limit", "build2")
    (answer,) = answers(rig, asked)
    assert answer["type"] == "info" and "Installed rig-once version 1.0 on build2" in answer["body"]
    assert rig.ssh("build2", "grep --count ' install rig-once:' /var/log/dpkg.log").stdout.strip() == "1"


def test_a_heartbeat_that_is_said_to_be_stale(rig: Rig) -> None:
    before = rig.ssh("build2", "systemctl show --value --property MainPID build-heartbeat").stdout
    (answer,) = answers(rig, respond_to(rig, "Heartbeat stale"))
    assert "was active and was restarted. It is active now. Heartbeat: ok" in answer["body"]
    assert rig.ssh("build2", "systemctl show --value --property MainPID build-heartbeat").stdout != before


def test_twenty_messages_in_one_run(rig: Rig) -> None:
    rig.make_package("rig-many", "1.0")
    asked = [ask(rig, f"Status check {number}", action="status_report") for number in range(5)]
    asked += [ask(rig, "Check", action="check_packages", packages=["git", "rig-tool"]) for _number in range(4)]
    asked += [ask(rig, f"Starting build {number}", kind="info") for number in range(3)]
    asked += [ask(rig, "Facts", action="facts", query=["disk", "load", "toolchain"]) for _number in range(4)]
    asked += [ask(rig, "Install rig-many"), ask(rig, "Install sudo")]
    asked += [ask(rig, f"Build job_{number} failed", kind="error") for number in range(2)]
    before = commits(rig, "build2")
    rig.playbook(RESPOND, "--limit", "build2")
    delivered(rig, "build2")
    assert commits(rig, "build2") - before == 1
    assert [answer["in_reply_to"] for answer in answers(rig, *asked)] == asked
    rig.ssh("build2", f"builderctl mark-read {' '.join(asked[-2:])}")


def test_servers_that_respond_to_each_other_fall_silent(rig: Rig) -> None:
    ask(rig, "Status check"), ask(rig, "Status check", server="build2"), ask(rig, "Status check", "x", "info")
    rig.playbook(RESPOND)
    before = settled(rig)
    _code, output = rig.playbook(RESPOND)
    assert settled(rig) == before and changes(output) == 0
    assert "Re: Status check" in output and "it is an answer from build2" in output


def test_the_environments_are_compared(rig: Rig) -> None:
    rig.make_package("0-rig", "1.0")  # the first by name: not all differences of two releases fit into a message
    rig.ssh("build2", "apt-get -qq update && apt-get -qq install 0-rig")
    before = settled(rig)
    _code, output = rig.playbook("playbooks/check_environment.yml", "--extra-vars", "tell=true")
    assert re.search(r"packages +0-rig +missing +1\.0 +build2", output)
    for server in ("build1", "build2"):
        (sent,) = sent_since(rig, before, server)
        assert sent["subject"] == "Environments differ" and facts(sent)["build2/packages/0-rig"] == "1.0"
