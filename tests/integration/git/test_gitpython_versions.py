"""Test the repository with the GitPython of each supported release; other tests use the newest version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TOP

SUITE = (
    *("tests/integration/git/test_bare_repository.py", "tests/integration/git/test_library.py"),
    *("tests/integration/store/test_private_repository.py", "tests/contract/test_repository.py"),
)


@pytest.mark.parametrize("version", ["3.1.14", "3.1.24", "3.1.30"])
def test_with_an_older_gitpython(tmp_path: Path, version: str) -> None:
    folder = TOP / ".venv" / f"gitpython-{version}"
    assert folder.is_dir(), f"make {folder.relative_to(TOP)}/.done"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'p'}", *SUITE]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    variables["PYTHONPATH"] = str(folder)
    shown = [sys.executable, "-c", "import git; print(git.__version__)"]
    assert subprocess.run(shown, env=variables, capture_output=True, text=True, check=False).stdout.strip() == version
    done = subprocess.run(command, cwd=TOP, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
