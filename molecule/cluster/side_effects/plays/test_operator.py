"""Test that a manager asks the operator at the controller, and that no one else can answer in the operator's name."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.acs.builders.tests.cluster.beats import messages, send
from ansible_collections.acs.builders.tests.cluster.forgery import forge
from ansible_collections.acs.builders.tests.cluster.network import namespace
from ansible_collections.acs.builders.tests.cluster.rig import TOP, Rig

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
AT_CONTROLLER = f'mount --bind "$1" {CERTIFICATES} && shift && exec "$@"'
"""Run a command with the certificates that include the authority of the Git host, in the mounts of ip-netns(8)."""


@dataclass
class Operator:
    """The operator of a rig, with a separate home folder."""

    rig: Rig
    home: Path

    def run(self, *command: str | Path) -> str:
        """Run a command in the network of the rig, which must succeed, and return its output."""
        inside = ("ip", "netns", "exec", namespace(self.rig.folder).name, "sh", "-c", AT_CONTROLLER, "sh")
        variables = {"HOME": str(self.home), "ACS_BUILDERS_PAT": self.rig.token, "ANSIBLE_STDOUT_CALLBACK": "default"}
        variables = {**self.rig.operator(), **variables}
        words = [*inside, str(self.home / "certificates"), *map(str, command)]
        done = subprocess.run(words, cwd=TOP, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert self.rig.token not in done.stdout + done.stderr
        return done.stdout

    def play(self, playbook: str, *arguments: str) -> str:
        """Run a playbook on the servers and the operator."""
        inventories = (self.rig.folder / "inventory.yml", self.home / "inventory.json")
        given = [word for path in inventories for word in ("-i", str(path))]
        return self.run("ansible-playbook", playbook, *given, *arguments)


@pytest.fixture
def operator(rig: Rig, tmp_path: Path) -> Iterator[Operator]:
    """Set up an operator, and remove the operator from the fleet afterwards."""
    variables = yaml.safe_load((TOP / "inventory" / "group_vars" / "operators.yml").read_text())
    inventory = {"operators": {"hosts": {"operator": {**variables, "builders_home": str(tmp_path)}}}}
    (tmp_path / "inventory.json").write_text(json.dumps(inventory))
    shutil.copy(CERTIFICATES, tmp_path / "certificates")
    with (tmp_path / "certificates").open("a") as stream:
        stream.write((rig.folder / "ca" / "ca.crt").read_text())
    member = Operator(rig, tmp_path)
    member.play("setup.yml")
    yield member
    rig.playbook("setup.yml")


def listed(text: str) -> list[dict[str, Any]]:
    """Return the messages that a command lists."""
    found: list[dict[str, Any]] = json.loads(text)["messages"]
    return found


def waiting(rig: Rig, server: str) -> list[str]:
    """Return the ids of the open questions to the operator on a server."""
    seen = json.loads(rig.ssh(server, "builderctl health --json", check=False).stdout)
    return [question["id"] for question in seen["messages"]["operator_questions"]]


def test_a_question_is_answered_by_the_operator_alone(rig: Rig, operator: Operator) -> None:
    question = send(rig, "build1", "send --to build2 --needs operator 'Java 21?' 'Build2 would have to follow.'")
    asked = question["id"]
    refused = rig.ssh("build2", f"builderctl reply --json {asked} 'Yes.'", check=False)
    assert (refused.returncode, json.loads(refused.stdout)["error"]) == (2, "needs_operator")
    answer = {"to": "build1", "type": "info", "subject": "Re: Java 21?", "body": "Yes.", "in_reply_to": asked}
    answer["timestamp"] = question["timestamp"]
    forged = [{**answer, "id": f"{asked}_{sender}", "from": sender} for sender in ("operator", "build2")]
    forge(rig, *forged)
    seen = listed(rig.ssh("build1", f"builderctl read --json --thread {asked}").stdout)
    assert [one["not_operators"] for one in seen] == [False, True, True]
    shown = rig.ssh("build1", f"builderctl read --brief --thread {asked}").stdout
    assert shown.count("unsigned, not the operator's  Re: Java 21?") == 2
    assert waiting(rig, "build1") == waiting(rig, "build2") == [asked]
    assert rig.ssh("build1", f"builderctl wait --reply {asked} --timeout 1s", check=False).returncode == 3

    assert asked in operator.play("playbooks/inbox.yml")
    operator.play("playbooks/answer.yml", "-e", f"id={asked}", "-e", "body='After the release.'")
    assert "changed=0" in operator.play("playbooks/answer.yml", "-e", f"id={asked}", "-e", "body='After the release.'")
    rig.ssh("build1", f"builderctl wait --reply {asked}")
    seen = listed(rig.ssh("build1", f"builderctl read --json --thread {asked}").stdout)
    assert [one["not_operators"] for one in seen] == [False, True, True, False]
    assert [seen[-1][name] for name in ("from", "body", "verified")] == ["operator", "After the release.", "true"]
    assert waiting(rig, "build1") == waiting(rig, "build2") == []
    command = operator.home / ".local" / "bin" / "builderctl"
    assert listed(operator.run(command, "read", "--needs", "operator", "--json")) == []
    operator.run(command, "send", "--to", "everyone", "Update", "At 22:00 UTC.")
    assert [messages(rig)[-1][name] for name in ("from", "to")] == ["operator", "all"]
    token = operator.home / ".config" / "acs-builders" / "token"
    assert (token.stat().st_mode & 0o777, token.read_text().strip()) == (0o600, rig.token)
