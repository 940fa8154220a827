"""Test the role git_identity: it sets the id of a server once, and refuses to change it."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.tests.ansible_runner import TASKS, Run, ansible, as_operator
from ansible_collections.acs.builders.tests.builders import Builders, git

NAME = socket.gethostname().partition(".")[0]


def write_play(folder: Path, hosts: dict[str, Any]) -> tuple[Path, Path]:
    """Write an inventory of servers on this machine and a playbook with the role, and return both."""
    inventory, playbook = folder / "inventory.json", folder / "play.yml"
    common = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory.write_text(json.dumps({"builders": {"hosts": hosts, "vars": common}}))
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "roles": ["acs.builders.git_identity"]}]))
    return inventory, playbook


def recap(done: Run) -> dict[str, tuple[int, int]]:
    """Return the number of changed and of failed tasks, by host."""
    found = re.findall(r"^(\S+)\s+: ok=.*\bchanged=(\d+).*\bfailed=(\d+)", done.stdout, re.MULTILINE)
    return {host: (int(changed), int(failed)) for host, changed, failed in found}


def test_servers_that_share_a_machine(builders: Builders) -> None:
    def variables(server: str, **more: str) -> dict[str, str]:
        state = {"builders_state_dir": str(builders.state(server)), "builders_hostname": NAME}
        return {"builders_repo": str(builders.clone(server)), **state, **more}

    hosts = {name: variables(name) for name in ("build1", "build2")}
    hosts["build3"] = variables("build2")
    inventory, playbook = write_play(builders.folder, hosts)
    (builders.state("build1") / "server_id").unlink()
    git("config", "user.name", "Codex", cwd=builders.clone("build1"))

    def play(*arguments: str) -> Run:
        return ansible("playbook", playbook, *arguments, folder=builders.folder, inventory=inventory, **TASKS)

    checked = play("--check", "--diff")
    assert git("config", "user.name", cwd=builders.clone("build1")) == "Codex"
    assert not (builders.state("build1") / "server_id").exists()
    done = play()
    assert recap(done) == {"build1": (2, 0), "build2": (0, 0), "build3": (0, 1)}, done.output
    assert "set up as build2" in done.stdout and "cannot become build3" in done.stdout
    assert recap(checked) == recap(done), checked.output
    for server in ("build1", "build2"):
        assert git("config", "user.name", cwd=builders.clone(server)) == server
        assert git("config", "user.email", cwd=builders.clone(server)) == f"{server}@localhost"
        assert (builders.state(server) / "server_id").read_text() == f"{server}\n"


def test_a_machine_of_its_own(builders: Builders, covered: list[str]) -> None:
    hosts = {"build1": {"builders_hostname": f"{NAME.upper()}.example.com"}, "build2": {"builders_hostname": "other"}}
    inventory, playbook = write_play(builders.folder, hosts)
    script = f"""
        play() {{ ansible-playbook -i {inventory} {playbook} --diff "$@" || true; echo ==; }}
        play --check --limit build1
        test ! -e /etc/build_server_id
        git clone --quiet "$REMOTE" /root/Build
        play
        cat /etc/build_server_id
    """
    done = as_operator(covered, builders, script)
    assert done.code == 0, done.output
    bare, first, kept = done.stdout.split("\n==\n")
    assert recap(done._replace(stdout=bare))["build1"][1] == 0, bare
    assert recap(done._replace(stdout=first)) == {"build1": (2, 0), "build2": (0, 1)}, first
    assert f"The host name {NAME} belongs to build1 in the inventory" in first.replace("\n", " ")
    assert kept == "build1\n"
