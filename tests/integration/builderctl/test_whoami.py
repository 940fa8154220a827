"""Test builderctl whoami: it reports all that a session needs at its start, also when something is broken."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination import __version__
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import Inbox, write_inbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.waiting import running_service
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.integration.builderctl.test_command import Shell
from ansible_collections.acs.builders.tests.waiting import LIMIT

TOKEN = f"ghp_{'x9' * 18}"


@pytest.fixture
def shell(builders: Builders) -> Shell:
    """Return a server with builderctl."""
    made = Shell(builders)
    made.install("build1", timeout=LIMIT)
    return made


def config(shell: Shell, **changes: Any) -> Path:
    """Change the configuration of build1, and return its path."""
    path = shell.builders.folder / "bin-build1" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


def test_a_server_whose_service_runs(shell: Shell) -> None:
    state = StateDirectory(shell.builders.state("build1"))
    shell.ok("build1", "heartbeat", "--once")
    write_inbox(state, Inbox("build1", None, "2026-11-22T07:11:50Z", 3, ()))
    with running_service(state):
        result = shell.json("build1", "whoami")
        text = shell.ok("build1", "whoami")
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    assert (result["server"], result["host"], result["problems"]) == ("build1", platform.node(), [])
    assert result["versions"] == {"collection": __version__, "python": platform.python_version(), "git": version}
    assert (result["service"]["running"], result["mail"]["unread"]) == (True, 3)
    assert result["clone"] == {
        "path": str(shell.builders.clone("build1")),
        "remote": str(shell.builders.remote),
        "branch": "main",
    }
    assert result["token_file"]["state"] == "not needed"
    assert text.startswith(f"build1 on host {platform.node()}")
    assert "Problem" not in text and "mail        3 unread" in text


def test_the_partner_is_that_of_the_fleet(shell: Shell) -> None:
    fleet = {"servers": [{"id": "build1", "partner": "build2"}, {"id": "build2"}, {"id": "build3"}]}
    (shell.builders.state("build1") / "fleet.json").write_text(json.dumps(fleet))
    assert shell.json("build1", "whoami")["partner"] == "build2"
    fleet["servers"][0]["partner"] = ""
    (shell.builders.state("build1") / "fleet.json").write_text(json.dumps(fleet))
    assert shell.json("build1", "whoami")["partner"] is None


def test_each_problem_has_a_remedy_and_the_exit_code_is_zero(shell: Shell) -> None:
    (shell.builders.state("build1") / "server_id").write_text("Build 1")
    config(shell, repo="/nowhere/Build", pat_file="/nowhere/PAT")
    result = shell.json("build1", "whoami")
    assert result["server"] is None and result["clone"]["remote"] is None
    problems = "\n".join(result["problems"])
    for cause, remedy in (
        ("'Build 1' is not a server id", "A server id has"),
        ("/nowhere/Build is not a Git repository", "Clone the Build repository there"),
        ("service does not run", "systemctl start build-heartbeat"),
        ("/nowhere/PAT does not exist", "put a file with it there"),
    ):
        assert cause in problems and remedy in problems
    text = shell.ok("build1", "whoami")
    assert text.count("Problem: ") == 4 and all(len(line) <= 80 for line in text.splitlines() if "/" not in line)


def test_a_configuration_that_cannot_be_read(shell: Shell) -> None:
    config(shell).write_text("{")
    assert "config.json cannot be read" in "".join(shell.json("build1", "whoami")["problems"])


@pytest.mark.parametrize(
    ("mode", "content", "state"), [(0o600, TOKEN, "usable"), (0o644, TOKEN, "usable"), (0o600, "a b", "not usable")]
)
def test_the_token_is_judged_and_never_shown(shell: Shell, mode: int, content: str, state: str) -> None:
    git("remote", "set-url", "origin", "https://192.0.2.1/Build.git", cwd=shell.builders.clone("build1"))
    token = shell.builders.folder / "bin-build1" / "PAT"
    token.write_text(content)
    token.chmod(mode)
    done = shell.run("build1", "whoami", "--json")
    result = json.loads(done.stdout)
    assert (done.code, result["token_file"]["state"]) == (0, state)
    assert any("chmod 600" in problem for problem in result["problems"]) == (mode == 0o644)
    assert TOKEN not in done.stdout + done.stderr and TOKEN not in shell.ok("build1", "whoami")


def test_neither_gitpython_nor_the_network_is_used(shell: Shell) -> None:
    folder = shell.builders.folder / "without"
    (folder / "git").mkdir(parents=True)
    (folder / "git" / "__init__.py").write_text("raise AssertionError('GitPython was imported')")
    git("remote", "set-url", "origin", "https://192.0.2.1/Build.git", cwd=shell.builders.clone("build1"))
    paths = f"{folder}:{shell.environment('build1')['PYTHONPATH']}"
    done = shell.run("build1", "whoami", PYTHONPATH=paths)
    assert (done.code, done.stderr) == (0, "")
    assert "GitPython was imported" not in done.stdout
