"""Test that a command of the manager starts for unread mail within limits, and that a loop of managers ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.cluster.beats import arrived, beats_again, messages, send
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import until

STATE = "var/lib/acs-builders"
COMMAND = ["/usr/local/bin/stand-in", "Read your mail", "100%h $HOME", 'q"\\', ";"]
STAND_IN = """#!/usr/bin/python3
import json, os, sys, time
with open("/home/manager/starts", "a") as stream:
    stream.write(json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)}) + "\\n")
while os.path.exists("/home/manager/hold"):
    time.sleep(0.1)
sys.exit(os.path.exists("/home/manager/fail"))
"""
SETTINGS = "/home/manager/.claude/settings.json"
RECEIVE = """
import sys
sys.path.insert(0, "/usr/local/lib/acs-builders/current")
from acs_builders.coordination.mail.inbox import Inbox, UnreadMessage, write_inbox
from acs_builders.coordination.state_dir import StateDirectory
texts = ("build2", "request", "normal", "Top secret subject", "2026-11-22T07:11:46Z", "msg_1", "", "true", True, False)
messages = tuple(UnreadMessage(name, *texts) for name in sys.argv[1:])
inbox = Inbox("build1", None, "2026-11-22T07:11:50Z", len(messages), messages)
write_inbox(StateDirectory("/var/lib/acs-builders"), inbox)
"""


@pytest.fixture(scope="module", autouse=True)
def activation(rig: Rig) -> Iterator[None]:
    """Turn the activation of build1 on, and off again. The record of the mail contains only that of the tests."""
    machine = rig.machines["build1"]
    machine.write("usr/local/bin/stand-in", STAND_IN, 0o755)
    machine.write("root/receive", RECEIVE)
    rig.ssh("build1", "useradd --create-home manager")
    user = {"build_manager_user": "manager", "build_manager_clients": ["claude"]}
    configure(rig, build_manager_command=COMMAND, build_manager_max_per_hour=3, **user)
    rig.ssh("build1", f"systemctl stop build-heartbeat; rm --force /{STATE}/inbox.json /{STATE}/unread")
    yield
    rig.ssh("build1", f"rm --force /{STATE}/inbox.json /{STATE}/unread")
    configure(rig, build_manager_command=[], **{**user, "build_manager_clients": []})
    assert rig.ssh("build1", "systemctl cat build-manager.path", check=False).returncode == 1
    assert rig.ssh("build1", f"ls {SETTINGS}", check=False).returncode != 0
    rig.ssh("build1", "userdel --remove manager")
    beats_again(rig, "build1")


@pytest.fixture(autouse=True)
def fresh(rig: Rig) -> None:
    """Remove the records of earlier starts."""
    remove = f"/home/manager/starts /home/manager/hold /home/manager/fail /{STATE}/activation.json /{STATE}/sessions"
    rig.ssh("build1", f"systemctl stop build-manager; rm --force --recursive {remove}")


def configure(rig: Rig, **variables: Any) -> None:
    """Run the setup of build1 with variables of the activation, then again in check mode without a change."""
    arguments = ("setup.yml", "--limit", "build1", "--extra-vars", json.dumps(variables))
    rig.playbook(*arguments)
    _code, output = rig.playbook(*arguments, "--check", "--diff")
    assert "changed=0" in output.partition("PLAY RECAP")[2], output


def receive(rig: Rig, *ids: str) -> None:
    """Record unread messages as the service does."""
    rig.ssh("build1", f"python3 /root/receive {' '.join(ids)}")


def starts(rig: Rig) -> list[dict[str, Any]]:
    """Return the arguments and the environment of each start of the command."""
    path = Path(rig.machines["build1"].root, "home/manager/starts")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def decide(rig: Rig) -> None:
    """Start the unit again, and wait until it has decided."""
    rig.ssh("build1", "systemctl start build-manager", check=False)


def has_ended(rig: Rig) -> bool:
    """Return whether the unit neither runs nor decides."""
    state = rig.ssh("build1", "systemctl show --value --property ActiveState build-manager").stdout.strip()
    return state in ("inactive", "failed")


def test_new_mail_starts_the_command_without_its_text(rig: Rig) -> None:
    receive(rig, "msg_1")
    (start,) = until(lambda: starts(rig), "no start")
    assert start["arguments"] == COMMAND[1:]
    assert start["environment"]["USER"] == "manager"
    assert "secret" not in json.dumps(start)


def test_another_user_than_root_has_the_hooks(rig: Rig) -> None:
    owners = rig.ssh("build1", f"stat --format='%U %a' {SETTINGS} $(dirname {SETTINGS})").stdout.splitlines()
    assert owners == ["manager 600", "manager 755"]
    command = json.loads(rig.ssh("build1", f"cat {SETTINGS}").stdout)["hooks"]["SessionStart"][0]["hooks"][0]["command"]
    silent = rig.ssh("build1", f"echo '{{}}' | runuser --user manager -- sh -c '{command}'")
    assert (silent.stdout, silent.stderr) == ("", ""), (
        "the hook prints nothing for a user without access to the state directory"
    )


def test_one_command_runs_at_a_time(rig: Rig) -> None:
    rig.ssh("build1", "touch /home/manager/hold")
    receive(rig, "msg_1")
    until(lambda: starts(rig), "no start")
    receive(rig, "msg_1", "msg_2")
    decide(rig)
    assert len(starts(rig)) == 1
    rig.ssh("build1", "rm /home/manager/hold")
    until(lambda: has_ended(rig), "no end of the command")
    decide(rig)
    until(lambda: len(starts(rig)) == 2, "no start for the second message")


def test_starts_are_limited_and_a_failure_is_a_problem(rig: Rig) -> None:
    rig.ssh("build1", "touch /home/manager/fail")
    for number in range(1, 5):
        receive(rig, f"msg_{number}")
        decide(rig)
        until(lambda: has_ended(rig), "no end of the command")
    assert len(starts(rig)) == 3
    rig.ssh("build1", "systemctl start build-heartbeat")
    until(
        lambda: any("manager failed" in one for one in beats_again(rig, "build1").get("attention", [])),
        "no problem in the heartbeat",
    )
    rig.ssh("build1", "systemctl stop build-heartbeat")


def test_nothing_starts_while_a_session_is_attached(rig: Rig) -> None:
    rig.machines["build1"].write(f"{STATE}/sessions/seen", "")
    receive(rig, "msg_1")
    decide(rig)
    assert starts(rig) == []
    rig.ssh("build1", f"rm /{STATE}/sessions/seen")
    decide(rig)
    until(lambda: starts(rig), "no start after the session")


def test_a_loop_of_two_managers_ends(rig: Rig) -> None:
    """Two scripted managers answer every message."""
    message = send(rig, "build1", "send 'Hello' 'How are you?'")
    first, answers = message["id"], 0
    while True:
        server = "build1" if message["from"] == "build2" else "build2"
        rig.ssh(server, "builderctl read --json")
        done = rig.ssh(server, f"builderctl reply --json {message['id']} 'Thank you.'", check=False)
        if done.returncode:
            break
        message, answers = arrived(rig, done.stdout), answers + 1
    assert (done.returncode, json.loads(done.stdout)["error"], answers) == (2, "loop", 5)
    assert len([entry for entry in messages(rig) if first in (entry["id"], entry.get("thread"))]) == 6
    last = send(rig, server, f"reply --continue {message['id']} 'One more.'")
    rig.ssh(last["to"], f"builderctl mark-read {last['id']}")
