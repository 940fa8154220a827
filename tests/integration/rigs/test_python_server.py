"""Test the server that runs programs for the tests: runs are isolated, and failures are reported."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import (
    ad_hoc,
    ansible,
    as_operator,
    call,
    controller,
    module_command,
    module_input,
    module_variables,
    serve,
)
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.waiting import LIMIT


def test_a_run_leaves_nothing_to_the_next(builders: Builders) -> None:
    before = call(builders, "build1").result
    assert call(builders, "build1", variables={"PATH": "/nonexistent", "HOME": "/nonexistent"}).code == 1
    assert call(builders, "build1").result == before


def test_a_module_that_crashes_says_where(builders: Builders) -> None:
    done = serve(*module_command()[1:], cwd=builders.folder, variables=module_variables(builders), stdin="{")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("Traceback") and "build_message.py" in done.stderr


def test_a_module_that_hangs_is_killed(builders: Builders) -> None:
    stdin = module_input(builders, "build1", state="awaited", wait_timeout=LIMIT, poll_interval=LIMIT)
    command, variables = module_command()[1:], module_variables(builders)
    with pytest.raises(TimeoutError, match="has not ended"):
        serve(*command, cwd=builders.folder, variables=variables, stdin=stdin, limit=0.1)


def test_a_module_of_ansible_runs_with_the_variables_of_the_play(builders: Builders, tmp_path: Path) -> None:
    """Without the variables of the server and those that select it."""
    task = {"ansible.builtin.command": "env", "environment": {"GIVEN": "by the play"}, "register": "shown"}
    debug = {"ansible.builtin.debug": {"var": "shown.stdout_lines"}}
    play = {"hosts": "build1", "gather_facts": False, "tasks": [task, debug]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    shown = ansible("playbook", tmp_path / "play.yml", folder=builders.folder).stdout
    assert "GIVEN=by the play" in shown and f"ACS_BUILDERS_SCRATCH={builders.folder}" in shown
    assert "PYTHON_SERVER" not in shown and "PYTHONPATH" not in shown


def test_a_server_that_is_gone_is_no_reason_to_go_on_without(builders: Builders) -> None:
    gone = {"PYTHON_SERVER_MODULES": builders.folder / "socket"}
    assert "no server" in ad_hoc(builders.folder, "build1", "build_message", **gone).output


def test_runs_with_another_configuration_have_it(builders: Builders) -> None:
    """Runs with the same one are forks of a process that has loaded it, and share the wrapped modules."""
    words = ("adhoc", "localhost", "-m", "debug", "-a", "msg={{ lookup('config', 'DEFAULT_FORKS') }}")
    runs = [ansible(*words, folder=builders.folder, ANSIBLE_FORKS=forks).stdout for forks in (3, 4, 3)]
    assert [re.findall(r'"msg": "?(\d+)', run) for run in runs] == [["3"], ["4"], ["3"]]
    assert ad_hoc(builders.folder, "build1", "build_message").code == 0
    assert [*Path(controller().address).parent.glob("[0-9]*/*.build_message-*")]


def test_a_configuration_that_cannot_be_loaded_is_reported(builders: Builders) -> None:
    done = ansible("adhoc", "localhost", "-m", "debug", folder=builders.folder, ANSIBLE_FORKS="many")
    assert done.code != 0 and "DEFAULT_FORKS" in done.stderr


def test_a_run_sees_the_files_of_who_asks_for_it(builders: Builders, covered: list[str]) -> None:
    """A run uses the mount namespace of its caller."""
    script = "echo here > /etc/covered; ansible localhost -m slurp -a src=/etc/covered"
    assert "aGVyZQo=" in as_operator(covered, builders, script).stdout
    assert not Path("/etc/covered").exists()
