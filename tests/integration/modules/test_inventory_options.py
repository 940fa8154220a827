"""Test the options of modules that are set by variables of the inventory."""

from __future__ import annotations

import json

import pytest
from ansible_collections.acs.builders.plugins.plugin_utils.inventory_options import VARIABLES
from ansible_collections.acs.builders.tests.ansible_runner import TOP, Run, ansible
from ansible_collections.acs.builders.tests.builders import Builders


def status(builders: Builders, module: str, *arguments: str, **options: str) -> Run:
    """Read the status of build2 on build2, with only these options."""
    given = " ".join(f"{name}={value}" for name, value in options.items())
    return ansible("adhoc", "build2", "-m", module, "-a", given, *arguments, folder=builders.folder)


@pytest.mark.parametrize("module", ["build_status", "acs.builders.build_status"])
def test_they_need_not_be_given(builders: Builders, module: str) -> None:
    done = status(builders, module)
    assert done.code == 0, done.output
    assert done.result["server"] == "build2"


def test_what_a_task_gives_counts(builders: Builders) -> None:
    """Other options have the values of variables, which the command line sets here."""
    variables = json.dumps({variable: f"/variable/{option}" for option, variable in VARIABLES.items()})
    done = status(builders, "build_status", "-vvv", "-e", variables, repo="/task/repo")
    given = done.result["invocation"]["module_args"]
    assert {option: given[option] for option in VARIABLES} == {
        **{option: f"/variable/{option}" for option in VARIABLES},
        "repo": "/task/repo",
    }


def test_every_module_with_these_options_takes_them() -> None:
    modules = {path.stem for path in (TOP / "plugins" / "modules").glob("build_*.py")}
    without = {module for module in modules if not has_common_options(module)}
    assert without == {"build_environment_fact", "build_files"}
    assert {path.stem for path in (TOP / "plugins" / "action").glob("*.py")} == modules - without


def has_common_options(module: str) -> bool:
    """Return whether a module has the common options."""
    return "acs.builders.builders" in (TOP / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
