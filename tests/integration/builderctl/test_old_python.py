"""Test that a module and the installed command end with one sentence before Python 3.9."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination import check_python
from ansible_collections.acs.builders.tests.ansible_runner import TOP, ad_hoc, environment, run

SCRIPT = TOP / "roles" / "build_heartbeat" / "files" / "builderctl"
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"


def find_python(minor: int) -> str | None:
    """Return a Python 3 of this minor version from pyenv or PATH."""
    found = [*map(str, sorted(PYENV.glob(f"3.{minor}.*/bin/python3"))), shutil.which(f"python3.{minor}")]
    return next(filter(None, found), None)


def old_python(*minors: int) -> str:
    """Return the newest installed Python of these minor versions, or skip the test."""
    found = next(filter(None, map(find_python, sorted(minors, reverse=True))), None)
    return found or pytest.skip("no Python before 3.9 is installed here")


def test_the_check_prints_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    check_python((3, 9, 0, "final", 0))
    check_python(sys.version_info)
    with pytest.raises(SystemExit) as ended:
        check_python((3, 8, 18, "final", 0))
    printed = "".join(capsys.readouterr())
    assert ended.value.code == 5
    assert f"acs.builders needs Python 3.9 or later, but {sys.executable} is Python 3.8.18. " in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("minor", [6, 7, 8])
def test_the_installed_command(minor: int, tmp_path: Path) -> None:
    python = old_python(minor)
    done = run(python, "-I", SCRIPT, "read", cwd=tmp_path, variables=environment(tmp_path / "home"))
    assert (done.code, done.stdout) == (5, "")
    assert done.stderr.startswith(f"builderctl: It needs Python 3.9 or later, but {python} is Python 3.{minor}. ")
    assert done.stderr.count("\n") == 1


def test_the_command_from_a_clone(tmp_path: Path) -> None:
    variables = environment(tmp_path / "home", PYTHONPATH=TOP / "collections")
    module = "ansible_collections.acs.builders.plugins.module_utils.builderctl.cli"
    done = run(old_python(7, 8), "-m", module, "read", cwd=tmp_path, variables=variables)
    assert (done.code, done.stdout) == (5, "")
    assert done.stderr.startswith("acs.builders needs Python 3.9 or later, but ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("module", ["build_message", "build_environment_fact"])
def test_a_module(module: str, tmp_path: Path) -> None:
    python = old_python(8)
    interpreter = ("-e", json.dumps({"ansible_python_interpreter": python}))
    options = {"options": {}, "python": sys.executable}
    done = ad_hoc(tmp_path, "build1", f"acs.builders.{module}", *interpreter, **options)
    assert done.code != 0
    assert done.result["msg"].startswith(f"acs.builders needs Python 3.9 or later, but {python} is Python 3.8.")
    assert done.result["reason"] == "dependency"
    assert "Traceback" not in done.output
