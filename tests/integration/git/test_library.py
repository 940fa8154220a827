"""Test that GitPython is imported only when Git is used, and ignores variables of the caller."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.builders import Builders, git

COMMAND = "ansible_collections.acs.builders.plugins.module_utils.builderctl.cli"
TOP = Path(__file__).resolve().parents[3]
LIBRARY = "ansible_collections.acs.builders.plugins.module_utils.coordination.git.library"


def run(code: str, *words: str, **variables: str) -> str:
    """Run Python code with arguments, and return the last line that it prints."""
    paths = os.pathsep.join([str(TOP / "collections"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "PYTHONPATH": paths, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("words", [["--help"], ["health", "--summary"], ["outbox"], ["read"]], ids=" ".join)
def test_only_a_command_that_needs_git_imports_it(builders: Builders, words: list[str]) -> None:
    config = builders.folder / "builderctl.json"
    config.write_text(
        f'{{"repo": "{builders.clone("build1")}", "state_dir": "{builders.state("build1")}", "branch": "main"}}'
    )
    code = f"import sys; from {COMMAND} import main; main(sys.argv[1:]); print('git' in sys.modules)"
    assert run(code, "--config", str(config), *words) == str(words == ["read"])


def test_the_callers_variables_choose_no_other_git_and_stay(tmp_path: Path) -> None:
    git("init", "--quiet", "--bare", tmp_path / "here.git")
    code = f"""
import os, sys
from {LIBRARY} import git_variables_hidden, gitpython, open_repository
before = dict(os.environ)
with git_variables_hidden(), open_repository(sys.argv[1]) as repo:
    folders = repo.odb.root_path(), repo.git.rev_parse("--git-path", "objects")
print(gitpython().Git.GIT_PYTHON_GIT_EXECUTABLE, *folders, before == dict(os.environ))
"""
    here = str(tmp_path / "here.git")
    variables = dict.fromkeys(("GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE"), "/nowhere")
    found = run(code, here, GIT_PYTHON_GIT_EXECUTABLE="/nowhere/git", **variables)
    assert found in [f"git {here}/objects {objects} True" for objects in ("objects", f"{here}/objects")]
