"""Test the operator: set-up beside embedded servers, questions and answers, and that no play treats it as a server."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import (
    LOCAL_INVENTORY,
    TASKS,
    TOP,
    Run,
    ansible,
    call,
    environment,
    run,
    served,
)
from ansible_collections.acs.builders.tests.builders import Builders

WITH_OPERATOR = {"answer.yml", "demo.yml", "inbox.yml", "setup.yml", "trust.yml"}
"""The playbooks in which the operator takes part without ``-l``."""
OF_SERVERS = ("build_heartbeat", "build_manager", "build_packages", "build_respond")
"""Roles that change a server."""
QUESTION = {
    "state": "sent",
    "needs": "operator",
    "subject": "May I move to Java 21?",
    "body": "Tests pass.\n\x1b[2J| x",
}


READ_ONLY = """
mount --make-rprivate /
for folder in /etc /opt /root /usr /var/lib /var/log; do
    mount --bind $folder $folder
    mount -o remount,bind,ro $folder
done
exec "$@"
"""


def read_only() -> list[str]:
    """Return a command prefix that makes system folders read-only; empty for a user other than root."""
    return ["unshare", "--mount", "sh", "-euc", READ_ONLY, "sh"] if os.geteuid() == 0 else []


class Scene:
    """Two embedded servers and an operator in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fleet = Builders(folder, ("build1", "build2"))
        self.home = folder / "operator"
        self.operators_state = self.home / ".local/state/acs-builders"

    def play(self, *arguments: str) -> str:
        """Run playbooks, which must succeed, and return their output."""
        done = ansible("playbook", *arguments, folder=self.folder, **TASKS)
        assert done.code == 0, done.output
        return done.stdout

    def run(self, member: str, module: str, **options: Any) -> Run:
        """Run a module as a member."""
        places: dict[str, str] = {}
        if member == "operator":
            places = {"repo": str(self.operators_state / "Build"), "state_dir": str(self.operators_state)}
        return call(self.fleet, member, module, **places, **options)

    def module(self, member: str, **options: Any) -> dict[str, Any]:
        """Run build_message as a member, and return its result."""
        done = self.run(member, "build_message", **options)
        assert done.code == 0, done.output
        return done.result

    def ask(self, member: str = "build1", **options: Any) -> str:
        """Ask the operator, and return the id of the question."""
        return str(self.module(member, **{**QUESTION, **options})["message"]["id"])

    def builderctl(self, *arguments: str) -> Run:
        """Run the operator's command from another folder."""
        command = self.home / ".local" / "bin" / "builderctl"
        return run(command, *arguments, cwd=Path("/"), variables=environment(self.folder / "home"))


@pytest.fixture(scope="module")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Return the scene after a set-up without write access to system folders, as for an ordinary user."""
    scene = Scene(tmp_path_factory.mktemp("fleet"))
    places: dict[str, str | Path] = {
        "ACS_BUILDERS_SCRATCH": scene.folder,
        "ANSIBLE_REMOTE_TEMP": scene.folder / "tmp",
        **TASKS,
        **served(),
    }
    variables = environment(scene.folder / "home", **places)
    program = Path(sys.executable).with_name("ansible-playbook")
    done = run(*read_only(), program, "-i", LOCAL_INVENTORY, "setup.yml", cwd=TOP, variables=variables)
    assert done.code == 0, done.output
    printed = done.stdout
    assert re.search(r"^operator .* changed=[1-9]", printed, re.MULTILINE)
    for role, lines in re.findall(r"^TASK \[acs\.builders\.(\w+) : .*\n((?:.+\n)*)", printed, re.MULTILINE):
        assert role not in OF_SERVERS or not re.search(r"^(ok|changed|fatal): \[operator", lines, re.MULTILINE), role
    return scene


def test_a_second_set_up_changes_nothing(set_up: Scene) -> None:
    printed = set_up.play("setup.yml")
    assert len(re.findall(r"^(?:build1|build2|operator) .* changed=0 ", printed, re.MULTILINE)) == 3, printed
    checked = set_up.play("setup.yml", "--check", "--diff", "-l", "operator")
    assert re.search(r"^operator .* changed=0 ", checked, re.MULTILINE), checked


def test_all_members_know_and_trust_each_other(set_up: Scene) -> None:
    states = [*map(set_up.fleet.state, set_up.fleet.ids), set_up.operators_state]
    for name in ("fleet.json", "signers.json"):
        assert len({(state / name).read_text() for state in states}) == 1
    fleet = json.loads((states[0] / "fleet.json").read_text())["servers"]
    assert [(member["id"], member.get("kind")) for member in fleet] == [
        *(("build1", None), ("build2", None), ("operator", "operator"))
    ]
    assert (states[2].stat().st_mode & 0o777, (states[2] / "signing_key").stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_question_is_shown_and_answered(set_up: Scene) -> None:
    asked = set_up.ask()
    assert [one["id"] for one in set_up.module("operator")["messages"]] == [asked]
    both = ("playbooks/inbox.yml", "playbooks/health.yml")  # the second one fails if the heartbeats are already stale
    printed = ansible("playbook", *both, folder=set_up.folder, **TASKS).stdout
    inbox, _title, health = printed.partition("Print the health")
    assert inbox.count(asked) >= 1 and "only the operator may answer it" in inbox
    assert "| May I move to Java 21?" in inbox and "\x1b" not in inbox and r"| \\x1b[2J| x" in inbox
    waits = f"Waits for the operator: {asked}"
    assert waits in health and waits in set_up.builderctl("health").stdout

    before = set_up.fleet.commits()
    answer = ("-e", f"id={asked}", "-e", "body='Yes, after the release.'")
    assert "changed=1" in set_up.play("playbooks/answer.yml", *answer, "--check", "--diff")
    assert set_up.fleet.commits() == before
    shown = set_up.play("playbooks/answer.yml", *answer, "--diff")
    assert "changed=1" in shown and '+      "body": "Yes, after the release."' in shown
    after = set_up.fleet.commits()
    again = set_up.play("playbooks/answer.yml", "playbooks/inbox.yml", *answer)
    assert "changed=0" in again and "Nothing waits for the operator." in again
    assert set_up.fleet.commits() == after > before
    for member in ("build1", "build2", "operator"):
        question, reply = set_up.module(member, thread=asked)["messages"]
        assert (question["needs"], question["read_by"]) == ("operator", ["operator"])
        assert (reply["from"], reply["verified"], reply["not_operators"]) == ("operator", "true", False)
        assert set_up.module(member, needs="operator")["messages"] == []


def test_answer_needs_its_variables(set_up: Scene) -> None:
    done = ansible("playbook", "playbooks/answer.yml", "-e", "id=msg_1_2", folder=set_up.folder)
    assert done.code != 0 and "The id of the message or the answer is missing" in done.output


def test_the_answer_of_a_server_is_refused(set_up: Scene) -> None:
    asked = set_up.ask(to="build2")
    done = set_up.run("build2", "build_message", state="replied", id=asked, body="Yes.")
    assert done.result["reason"] == "needs_operator"
    assert f"Only the operator may answer {asked}, and this is build2." in done.result["msg"]
    done = set_up.run("build2", "build_response", state="sent", responses=[{"id": asked, "body": "Yes."}])
    assert done.result["reason"] == "needs_operator"
    listed = set_up.builderctl("read", "--needs", "operator", "--json")
    assert [one["id"] for one in json.loads(listed.stdout)["messages"]] == [asked], listed.output
    assert set_up.builderctl("reply", asked, "No.").code == 0
    assert json.loads(set_up.builderctl("read", "--needs", "operator", "--json").stdout)["messages"] == []


def test_what_he_announces_is_his(set_up: Scene) -> None:
    set_up.play("playbooks/announce.yml", "-l", "operator", "-e", "subject='Update' body='At 22:00 UTC.'")
    last = set_up.fleet.messages()[-1]
    assert (last["from"], last["to"], last["subject"]) == ("operator", "all", "Update")
    for server in set_up.fleet.ids:
        (found,) = set_up.module(server, ids=[last["id"]])["messages"]
        assert (found["verified"], found["verified_reason"]) == ("true", "signed by operator")
    set_up.play("playbooks/announce.yml", "-e", "subject='Here' body='Ready.' to=everyone")
    new = [message for message in set_up.fleet.messages() if message["subject"] == "Here"]
    assert sorted((message["from"], message["to"]) for message in new) == [
        *(("build1", "all"), ("build1", "operator"), ("build2", "all"), ("build2", "operator"))
    ]


def test_he_has_no_status_and_no_heartbeat(set_up: Scene) -> None:
    for module, option in (("build_status", {"status": "idle"}), ("build_heartbeat_fact", {"beat": True})):
        done = set_up.run("operator", module, **option)
        assert done.code != 0 and "The operator has no" in done.result["msg"], done.output
    who = set_up.builderctl("whoami")
    assert who.stdout.startswith("operator on host ") and "service" not in who.stdout and "Problem" not in who.stdout


def hosts(folder: Path, *playbooks: str, **options: Any) -> dict[str, set[str]]:
    """Return the hosts of the plays, by playbook."""
    paths = [f"playbooks/{playbook}" for playbook in playbooks]
    done = ansible("playbook", *paths, "--list-hosts", folder=folder, **options)
    assert done.code == 0 and "WARNING" not in done.output, done.output
    parts = (part.partition("\n") for part in done.stdout.split("\nplaybook: playbooks/")[1:])
    return {name: set(re.findall(r"^      (\w+)$", plays, re.MULTILINE)) for name, _end, plays in parts}


def test_he_is_no_build_server(tmp_path: Path) -> None:
    playbooks = [path.name for path in (TOP / "playbooks").glob("*.yml")]
    found = hosts(tmp_path, *playbooks)
    assert set(found) == set(playbooks)
    assert {name for name, members in found.items() if "operator" in members} == WITH_OPERATOR


def test_a_fleet_without_operator_has_no_warning(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text("builders: {hosts: {build1: {ansible_connection: local}}}\n")
    found = hosts(tmp_path, "setup.yml", "trust.yml", "announce.yml", inventory=inventory)
    assert list(found.values()) == [{"build1"}] * 3
