"""The operator: set up beside embedded servers, asked by them, and heard; no play changes a server in his name."""

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
    ad_hoc,
    ansible,
    environment,
    run,
)
from ansible_collections.acs.builders.tests.builders import Builders

PLAYBOOKS = sorted(path.name for path in (TOP / "playbooks").glob("*.yml"))
WITH_OPERATOR = {"answer.yml", "demo.yml", "inbox.yml", "setup.yml", "trust.yml"}
"""The playbooks in which he takes part without ``-l``."""
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
    """The beginning of a command that cannot write to system folders; empty for a user who cannot do so anyway."""
    return ["unshare", "--mount", "sh", "-euc", READ_ONLY, "sh"] if os.geteuid() == 0 else []


class Scene:
    """Two embedded servers and an operator in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fleet = Builders(folder, ("build1", "build2"))
        self.home = folder / "operator"

    def play(self, playbook: str, *arguments: str) -> str:
        """Run a playbook that succeeds, and return what it prints."""
        done = ansible("playbook", playbook, *arguments, folder=self.folder, **TASKS)
        assert done.code == 0, done.output
        return done.stdout

    def module(self, member: str, **options: Any) -> dict[str, Any]:
        """Run build_message as a member, and return its result."""
        done = ad_hoc(self.folder, member, "build_message", options=options)
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
    """The scene after a set-up that could write to no system folder, as one by an ordinary user."""
    scene = Scene(tmp_path_factory.mktemp("fleet"))
    places: dict[str, str | Path] = {
        "ACS_BUILDERS_SCRATCH": scene.folder,
        "ANSIBLE_REMOTE_TEMP": scene.folder / "tmp",
        **TASKS,
    }
    variables = environment(scene.folder / "home", **places)
    command: list[str | Path] = [
        *read_only(),
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "-i",
        LOCAL_INVENTORY,
        "setup.yml",
    ]
    done = run(*command, cwd=TOP, variables=variables)
    assert done.code == 0, done.output
    printed = done.stdout
    assert re.search(r"^operator .* changed=[1-9]", printed, re.MULTILINE)
    for role, lines in re.findall(r"^TASK \[acs\.builders\.(\w+) : .*\n((?:.+\n)*)", printed, re.MULTILINE):
        assert role not in OF_SERVERS or not re.search(r"^(ok|changed|fatal): \[operator", lines, re.MULTILINE), role
    return scene


def test_a_second_set_up_changes_nothing(set_up: Scene) -> None:
    printed = set_up.play("setup.yml")
    assert re.search(r"^operator .* changed=0 ", printed, re.MULTILINE), printed
    checked = set_up.play("setup.yml", "--check", "--diff", "-l", "operator")
    assert re.search(r"^operator .* changed=0 ", checked, re.MULTILINE), checked


def test_all_members_know_and_trust_each_other(set_up: Scene) -> None:
    states = [*map(set_up.fleet.state, set_up.fleet.ids), set_up.home / ".local/state/acs-builders"]
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
    inbox = set_up.play("playbooks/inbox.yml")
    assert inbox.count(asked) >= 1 and "only the operator may answer it" in inbox
    assert "| May I move to Java 21?" in inbox and "\x1b" not in inbox and r"| \\x1b[2J| x" in inbox
    assert f"Waits for the operator: {asked}" in set_up.builderctl("health").stdout
    printed = ansible("playbook", "playbooks/health.yml", folder=set_up.folder, **TASKS).stdout  # fails: no heartbeats
    assert f"Waits for the operator: {asked}" in printed

    before = set_up.fleet.commits()
    answer = ("playbooks/answer.yml", "-e", f"id={asked}", "-e", "body='Yes, after the release.'")
    assert "changed=1" in set_up.play(*answer, "--check", "--diff")
    assert set_up.fleet.commits() == before
    shown = set_up.play(*answer, "--diff")
    assert "changed=1" in shown and '+      "body": "Yes, after the release."' in shown
    after = set_up.fleet.commits()
    assert "changed=0" in set_up.play(*answer)
    assert set_up.fleet.commits() == after > before
    assert "Nothing waits for the operator." in set_up.play("playbooks/inbox.yml")
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
    done = ad_hoc(set_up.folder, "build2", "build_message", options={"state": "replied", "id": asked, "body": "Yes."})
    assert done.result["reason"] == "needs_operator"
    assert f"Only the operator may answer {asked}, and this is build2." in done.result["msg"]
    response = {"state": "sent", "responses": [{"id": asked, "body": "Yes."}]}
    done = ad_hoc(set_up.folder, "build2", "build_response", options=response)
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
    for options, module in (({"status": "idle"}, "build_status"), ({"beat": True}, "build_heartbeat_fact")):
        done = ad_hoc(set_up.folder, "operator", module, options=options)
        assert done.code != 0 and "The operator has no" in done.result["msg"], done.output
    who = set_up.builderctl("whoami")
    assert who.stdout.startswith("operator on host ") and "service" not in who.stdout and "Problem" not in who.stdout


def hosts(playbook: str, folder: Path) -> set[str]:
    """The hosts of the plays of a playbook."""
    done = ansible("playbook", f"playbooks/{playbook}", "--list-hosts", folder=folder)
    assert done.code == 0, done.output
    return set(re.findall(r"^      (\w+)$", done.stdout, re.MULTILINE))


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_he_is_no_build_server(playbook: str, tmp_path: Path) -> None:
    assert ("operator" in hosts(playbook, tmp_path)) is (playbook in WITH_OPERATOR)


def test_a_fleet_without_operator_has_no_warning(tmp_path: Path) -> None:
    (tmp_path / "inventory.yml").write_text("builders: {hosts: {build1: {ansible_connection: local}}}\n")
    for playbook in ("setup.yml", "trust.yml", "announce.yml"):
        inventory = tmp_path / "inventory.yml"
        done = ansible("playbook", f"playbooks/{playbook}", "--list-hosts", folder=tmp_path, inventory=inventory)
        assert done.code == 0 and "WARNING" not in done.output and "operator" not in done.stdout, done.output
