"""Test the module build_environment_fact, and the play that compares servers, on embedded servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.acs.builders.tests.ansible_runner import TASKS, TOP, Run, ansible, call, check_failure, succeed
from ansible_collections.acs.builders.tests.builders import Builders, git, make_builders
from ansible_collections.acs.builders.tests.environments import install, installed

NO_OPTIONS: dict[str, Any] = dict.fromkeys(("repo", "state_dir", "pat_file", "timeout"))
"""This module does not have the common options of the others."""


@pytest.fixture
def three(tmp_path: Path) -> Builders:
    """Return two servers with separate environments, and a third that is unreachable."""
    builders = make_builders(tmp_path, ("build1", "build2", "build3"))
    inventory = yaml.safe_load((TOP / "inventory" / "local.yml").read_text())
    hosts = inventory["builders"]["hosts"]
    for server in ("build1", "build2"):
        hosts[server]["ansible_python_interpreter"] = str(install(builders, server) / "python")
    hosts["build3"] = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    install(builders, "build1", node="echo v18.19.0", dpkg_query=installed(bash="5.2", curl="8.1", make="4.3"))
    install(builders, "build2", node="echo v20.0.0", dpkg_query=installed(bash="5.2", curl="8.1"))
    return builders


def check_environment(builders: Builders, *arguments: str) -> Run:
    """Run the play on these servers with the path of the playbook."""
    inventory = builders.folder / "inventory.yml"
    playbook = TOP / "playbooks" / "check_environment.yml"
    return ansible("playbook", playbook, *arguments, folder=builders.folder, inventory=inventory, **TASKS)


def shown(done: Run) -> list[list[str]]:
    """Return the words of each line of the table."""
    lines: list[str] = json.loads(done.stdout.split('=> {\n    "msg": ', 1)[1].split("\n}", 1)[0])
    return [line.split() for line in lines]


def test_what_differs_is_printed_written_and_reported_once(three: Builders) -> None:
    file = three.folder / "compared.json"
    done = check_environment(three, "-e", f"json={file}", "-e", "tell=true")
    assert done.code == 0, done.output
    table = shown(done)
    assert table[:5] == [
        ["KIND", "NAME", "STATE", "VERSION", "SERVERS"],
        ["toolchain", "node", "differing", "18.19.0", "build1"],
        ["toolchain", "node", "differing", "20.0.0", "build2"],
        ["packages", "make", "missing", "4.3", "build1"],
        ["packages", "make", "missing", "-", "build2"],
    ]
    assert table[5:7] == [["compared:", "2", "servers,", "build1", "build2"], table[6]]
    assert table[6][:3] == ["not", "compared:", "build3,"]
    assert "ssh: " in " ".join(table[6]).casefold(), "ssh fails before or while Ansible sends"
    assert " ".join(table[7]) == "identical: 5, differing: 1, missing: 1", "kernel, git, python, bash, curl"
    compared = json.loads(file.read_text())
    assert compared["packages"]["make"] == {"state": "missing", "versions": {"build1": "4.3", "build2": None}}
    assert compared["counts"] == {"identical": 5, "differing": 1, "missing": 1}

    messages = three.messages()
    assert [(message["from"], message["to"]) for message in messages] in (
        [("build1", "build2"), ("build2", "build1")],
        [("build2", "build1"), ("build1", "build2")],
    )
    assert "toolchain node: build1 18.19.0, build2 20.0.0" in messages[0]["body"]
    facts = {fact["name"]: fact["value"] for fact in messages[0]["facts"]}
    assert (facts["build1/packages/make"], facts["build2/packages/make"]) == ("4.3", "missing")

    again = check_environment(three, "-e", f"json={file}", "-e", "tell=true")
    assert again.code == 0 and len(three.messages()) == 2, again.output
    assert "changed=0" in again.stdout and "changed=1" not in again.stdout

    install(three, "build2", node="echo v18.19.0", dpkg_query=installed(bash="5.2", curl="8.1", make="4.3"))
    same = check_environment(three, "-e", "tell=true")
    assert same.code == 0, same.output
    assert shown(same)[0][0] == "compared:" and "identical: 7, differing: 0, missing: 0" in same.stdout
    assert {message["subject"] for message in three.messages()[2:]} == {"Environments are identical"}
    assert len(three.messages()) == 4


def test_without_a_partner_it_is_sent_to_all(three: Builders) -> None:
    done = check_environment(three, "-e", "tell=true", "-e", "builders_partner=")
    assert done.code == 0, done.output
    assert [message["to"] for message in three.messages()] == ["all", "all"]


def test_it_writes_and_sends_nothing_unless_asked_to(three: Builders) -> None:
    file = three.folder / "compared.json"
    done = check_environment(three)
    assert done.code == 0, done.output
    checked = check_environment(three, "--check", "-e", f"json={file}", "-e", "tell=true")
    assert checked.code == 0, checked.output
    assert not file.exists() and git("branch", "--list", "main", cwd=three.remote) == ""


def test_two_servers_are_needed(three: Builders) -> None:
    install(three, "build2", dpkg_query="echo 'the database is damaged' >&2; exit 2")
    done = check_environment(three, "-e", "tell=true")
    assert done.code != 0
    assert "the database is damaged" in done.output and "Traceback" not in done.output
    assert "facts were gathered from 1 of 3" in done.output
    assert git("branch", "--list", "main", cwd=three.remote) == ""


def test_many_servers_are_on_one_line(tmp_path: Path) -> None:
    servers = [f"build{number}" for number in range(1, 51)]
    common = {"kernel": "6.1.0", "toolchain": {}, "packages": {}}
    environments = {server: {**common, "kernel": "6.1.1" if server == "build9" else "6.1.0"} for server in servers}
    template = TOP / "playbooks" / "templates" / "environment.txt.j2"
    task = {
        "ansible.builtin.debug": {"msg": f"{{{{ lookup('ansible.builtin.template', '{template}').splitlines() }}}}"},
        "vars": {
            "comparison": "{{ environments | acs.builders.compare_environments }}",
            "environment_servers": "{{ ansible_play_hosts_all }}",
        },
    }
    play = {"hosts": "build1", "gather_facts": False, "vars": {"environments": environments}, "tasks": [task]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = ansible("playbook", tmp_path / "play.yml", folder=tmp_path, **TASKS)
    assert done.code == 0, done.output
    lines = [" ".join(words) for words in shown(done)]
    first = " ".join(sorted(set(servers) - {"build9"})[:8])
    assert lines[1:3] == [
        f"kernel kernel differing 6.1.0 {first} and 41 more",
        "kernel kernel differing 6.1.1 build9",
    ]


def test_the_module(builders: Builders) -> None:
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm1", "--allow-empty", cwd=builders.clone("build1"))
    clone = str(builders.clone("build1"))
    for check in (False, True):
        options = {**NO_OPTIONS, "packages": ["no-such-package"], "paths": [clone, str(builders.folder)]}
        result = succeed(builders, "build1", "build_environment_fact", check=check, **options)
        assert not result["changed"]
        seen = result["ansible_facts"]["build_environment"]
        assert seen["packages"] == {}
        assert seen["commits"] == {clone: {"commit": git("rev-parse", "HEAD", cwd=Path(clone)), "branch": "main"}}


def test_the_module_on_a_machine_whose_dpkg_fails(builders: Builders) -> None:
    folder = install(builders, "build1", dpkg_query="echo 'the database\nis damaged' >&2; exit 2")
    variables = {"PATH": f"{folder}:/usr/bin:/bin"}
    done = call(builders, "build1", "build_environment_fact", variables=variables, **NO_OPTIONS)
    check_failure(done)
    assert done.result["reason"] == "observation"
    assert "the database is damaged" in done.result["msg"]
