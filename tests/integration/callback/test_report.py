"""Test the callback plugin that reports a run to the partners, in real runs on embedded servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.tests.ansible_runner import Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders, git, make_builders

ENABLED = {"ANSIBLE_CALLBACKS_ENABLED": "acs.builders.report"}
SECRET = "ghp_" + "a1B2c3D4e5F6" * 3


def run_tasks(builders: Builders, *tasks: dict[str, Any], arguments: tuple[str, ...] = (), enabled: bool = True) -> Run:
    """Run tasks in a new playbook, with the report if it is enabled."""
    plays = [{"name": "Own", "hosts": "builders", "gather_facts": False, "tasks": tasks}]
    (builders.folder / "own.yml").write_text(json.dumps(plays))
    variables = ENABLED if enabled else {}
    return ansible("playbook", builders.folder / "own.yml", *arguments, folder=builders.folder, **variables)


def write(folder: Path, **more: Any) -> dict[str, Any]:
    """Return a task that changes each server once."""
    file = {"content": "{{ inventory_hostname }}", "dest": f"{folder}/{{{{ inventory_hostname }}}}.txt"}
    return {"name": "Write", "ansible.builtin.copy": file, **more}


def is_empty(builders: Builders) -> bool:
    """Return whether nothing was sent."""
    return git("branch", "--list", "main", cwd=builders.remote) == ""


def test_a_run_that_changed_servers_is_reported_once(builders: Builders) -> None:
    done = run_tasks(builders, write(builders.folder), write(builders.folder))
    assert done.code == 0, done.output
    (message,) = builders.messages()
    assert (message["from"], message["to"], message["type"]) == ("build1", "build2", "info")
    assert message["subject"] == "own.yml changed build1, build2"
    assert message["body"].splitlines() == [
        "Ansible ran own.yml.",
        "build1: changed by 1 task: Write",
        "build2: changed by 1 task: Write",
    ]
    facts = {fact["name"]: fact["value"] for fact in message["facts"]}
    assert facts == {"playbook": "own.yml", "build1 changed tasks": 1, "build2 changed tasks": 1}
    assert message["key"].startswith("report-")
    assert f"build1: told build2: own.yml changed build1, build2 ({message['id']})" in " ".join(done.stdout.split())
    for file in builders.folder.glob("build?.txt"):
        file.unlink()
    assert run_tasks(builders, write(builders.folder)).code == 0
    assert len({message["key"] for message in builders.messages()}) == 2, "each run has its own message"


def test_nothing_is_sent_without_a_change_of_a_server(builders: Builders) -> None:
    on_controller = {"name": "Here", "ansible.builtin.command": "true", "delegate_to": "localhost"}
    assert run_tasks(builders, write(builders.folder), arguments=("--check",)).code == 0
    assert run_tasks(builders, {"ansible.builtin.ping": None}, on_controller).code == 0
    assert run_tasks(builders, write(builders.folder), enabled=False).code == 0
    assert is_empty(builders)
    announce = ansible("playbook", "playbooks/announce.yml", folder=builders.folder, **ENABLED)
    assert announce.code == 0 and len(builders.messages()) == 2, "messages are no changes of a server"


def test_what_failed_is_reported_without_secrets(builders: Builders) -> None:
    fail = {
        "name": "Break {{ '{{' }} it",
        "ansible.builtin.command": f"sh -c 'echo {SECRET} {{% raw %}}{{{{ x }}}}{{% endraw %}} >&2; false'",
    }
    hidden = {"name": "Hide", "ansible.builtin.command": "echo hidden", "no_log": True}
    done = run_tasks(builders, hidden, {**fail, "when": "inventory_hostname == 'build2'"})
    assert done.code != 0
    (message,) = builders.messages()
    assert (message["type"], message["subject"]) == ("error", "own.yml changed build1, build2, failed on build2")
    assert "{{ x }}" in message["body"] and "build2 failed at Break {{ it: " in message["body"]
    assert SECRET not in json.dumps(message) and "hidden" not in json.dumps(message)


def test_a_report_that_cannot_be_sent_is_a_warning(builders: Builders) -> None:
    unknown = json.dumps({"builders_partner": "build9"})
    done = run_tasks(builders, write(builders.folder), arguments=("-e", unknown))
    assert done.code == 0 and is_empty(builders)
    assert "The report of own.yml to build9 was not sent" in " ".join(done.stderr.split()), done.output
    assert "build9" in done.stdout


def test_without_a_partner_it_is_sent_to_all(tmp_path: Path) -> None:
    builders = make_builders(tmp_path)
    done = run_tasks(builders, write(tmp_path), arguments=("-e", "builders_partner=", "-l", "build2"))
    assert done.code == 0, done.output
    (message,) = builders.messages()
    assert (message["from"], message["to"]) == ("build2", "all")
