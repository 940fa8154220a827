"""Test the output of `make demo`, after its set-up, on embedded servers."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from ansible_collections.acs.builders.tests.ansible_runner import TOP, environment, run, served
from ansible_collections.acs.builders.tests.builders import Builders


def test_the_demo_twice(tmp_path: Path) -> None:
    servers = Builders(tmp_path / "servers", ("build1", "build2"))
    variables = environment(
        tmp_path / "home",
        **served(),
        ACS_BUILDERS_SCRATCH=servers.folder,
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )
    for number in (1, 2):
        done = run(TOP / "tools" / "demo", cwd=tmp_path, variables=variables)
        assert done.code == 0, done.output
        assert "[WARNING]" not in done.output
        progress, _title, shown = done.stdout.partition("THE CONVERSATION")
        assert progress.startswith("Two servers on this machine, in ")
        assert re.search(r"^Answer the request$", progress, re.MULTILINE)
        assert re.search(r"^  build2: answered build1: Re: Install libmysqlclient-dev$", progress, re.MULTILINE)
        assert shown.count("\n") < 24
        question, answer = re.findall(r"^  (\S+)  (\w+) -> (\w+)  \[(\w+)\]  (.*)$", shown, re.MULTILINE)
        assert question[1:] == ("build1", "build2", "request", "Install libmysqlclient-dev")
        assert answer[1:] == ("build2", "build1", "info", "Re: Install libmysqlclient-dev")
        assert "    | Installed libmysqlclient-dev version 8.0.36-1 on build2. Package status:\n" in shown
        assert "\n    | install ok installed." in shown
        assert "    | Environments aligned with build1.\n" in shown
        assert re.search(r"^    libmysqlclient-dev = 8.0.36-1\b", shown, re.MULTILINE)
        assert re.findall(r"read by: (.*)", shown) == ["build2", "build1"]
        assert re.search(r"^  build1   (ok|aging) .* idle +Codex ", shown, re.MULTILINE)
        assert re.search(
            r"^  build2   (ok|aging) .* success +GitHub Copilot +demo success in \d+ s$", shown, re.MULTILINE
        )
        assert "  healthy: yes, unread: build1 0, build2 0\n" in shown
        subjects = [message["subject"] for message in servers.messages()]
        assert subjects == [
            "Ready",
            "Ready",
            *("Install libmysqlclient-dev", "Re: Install libmysqlclient-dev") * number,
        ]
        assert all(message["read"] for message in servers.messages())
        assert json.loads(servers.show("build2/status.json"))["last_build"]["id"] == "demo"
        check_places(shown.partition("WHERE TO LOOK")[2], variables, number)
        for server in servers.ids:
            listed = servers.clone(server) / "coordination" / "messages.json"
            assert len(json.loads(listed.read_text())["messages"]) >= 2 * number


def check_places(shown: str, variables: dict[str, str], number: int) -> None:
    """Run the commands under WHERE TO LOOK in another folder, without Ansible on PATH."""
    commands = dict(re.findall(r"^  (\S.*?)  +(.*)$", shown, re.MULTILINE))
    del commands["on the real servers"]
    plain = {**variables, "PATH": os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if ".venv" not in p)}
    printed = {}
    for what, command in commands.items():
        done = run("sh", "-euc", command, cwd=Path("/"), variables=plain)
        assert done.code == 0, done.output
        printed[what] = done.stdout
    assert len(json.loads(printed["messages in the repository"])["messages"]) == 2 + 2 * number
    assert printed["history of the repository"].splitlines()[0].endswith(" build2: success (demo)")
    assert printed["all messages of a server"].count('"subject": "Re: Install libmysqlclient-dev"') == number


def test_a_demo_that_fails_says_why(tmp_path: Path) -> None:
    ansible = tmp_path / "bin" / "ansible-playbook"
    ansible.parent.mkdir()
    ansible.write_text("#!/bin/sh\necho 'build1: FAILED: no room'\nexit 2\n")
    ansible.chmod(0o755)
    variables = environment(
        tmp_path / "home",
        ACS_BUILDERS_SCRATCH=tmp_path / "servers",
        PATH=f"{ansible.parent}{os.pathsep}{os.environ['PATH']}",
    )
    done = run(TOP / "tools" / "demo", cwd=tmp_path, variables=variables)
    assert done.code == 2
    assert done.stdout.partition("FAILED: no room")[2].count("The demo failed.") == 1
