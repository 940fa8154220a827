"""Test the options of modules that are set in /etc/acs-builders/builderctl.json on the server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import CONFIG_FILE
from ansible_collections.acs.builders.tests.ansible_runner import (
    Run,
    as_operator,
    module_command,
    module_variables,
    run,
)
from ansible_collections.acs.builders.tests.builders import Builders

WRITE = f'mkdir -p /etc/acs-builders; printf %s "$1" > {CONFIG_FILE}; shift; exec "$@"'


def status(covered: list[str], builders: Builders, content: str, **options: Any) -> Run:
    """Read the status of build2 with a module, on a host with a configuration."""
    words = (*covered, "sh", "-euc", WRITE, "sh", content, *module_command("build_status"))
    stdin = json.dumps({"ANSIBLE_MODULE_ARGS": options})
    return run(*words, cwd=builders.folder, variables=module_variables(builders), stdin=stdin)


def places(builders: Builders, **more: str) -> dict[str, str]:
    """Return the options in the configuration."""
    paths = {"repo": str(builders.clone("build2")), "state_dir": str(builders.state("build2"))}
    return {**paths, "pat_file": str(builders.folder / "PAT"), "remote": "origin", "branch": "main", **more}


def test_they_need_not_be_given(builders: Builders, covered: list[str]) -> None:
    done = status(covered, builders, json.dumps({**places(builders), "interval": 5}))
    assert done.code == 0, done.output
    assert done.result["server"] == "build2"


def test_a_given_option_takes_precedence(builders: Builders, covered: list[str]) -> None:
    configured = places(builders, branch="elsewhere")
    done = status(covered, builders, json.dumps(configured), repo="/given/Build")
    given = done.result["invocation"]["module_args"]
    assert {name: given[name] for name in configured} == {**configured, "repo": "/given/Build"}


def test_the_inventory_takes_precedence(builders: Builders, covered: list[str]) -> None:
    """The configuration sets the remote, for which the inventory has no variable."""
    done = as_operator(
        covered,
        builders,
        f"""
        mkdir -p /etc/acs-builders
        echo '{{"repo": "/configured/Build", "remote": "elsewhere"}}' > {CONFIG_FILE}
        ACS_BUILDERS_SCRATCH={builders.folder} ansible build2 -i inventory/local.yml -m build_status
        """,
    )
    assert f"The clone {builders.clone('build2')} has no remote 'elsewhere'." in done.result["msg"], done.output


@pytest.mark.parametrize("content", ["{", '{"interval": 0}'])
def test_a_damaged_configuration_is_one_sentence(builders: Builders, covered: list[str], content: str) -> None:
    """It is not read if every option is given."""
    done = status(covered, builders, content)
    assert done.code != 0 and done.result["reason"] == "invalid_input", done.output
    assert done.result["msg"].startswith(CONFIG_FILE) and "ansible-playbook setup.yml" in done.result["msg"]
    assert "Traceback" not in done.output
    assert status(covered, builders, content, **places(builders)).code == 0
