"""Test that the modules name the package of a missing program or Python library."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import ad_hoc, fail, make_python, send
from ansible_collections.acs.builders.tests.builders import Builders


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python without packages."""
    return make_python(tmp_path_factory.mktemp("bare") / "python")


@pytest.fixture(scope="module")
def git_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with GitPython but without jmespath."""
    return make_python(tmp_path_factory.mktemp("git") / "python", "GitPython")


@pytest.mark.parametrize("module", ["build_message", "build_status", "build_heartbeat_fact"])
def test_without_gitpython(builders: Builders, bare_python: Path, module: str) -> None:
    done = ad_hoc(builders.folder, "build1", module, "-e", f"ansible_python_interpreter={bare_python}")
    assert done.code != 0
    assert "Traceback" not in done.output
    assert done.result["reason"] == "dependency"
    assert "GitPython" in done.result["msg"] and "apt-get install python3-git" in done.result["msg"]


def test_without_git(builders: Builders, tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir()
    result = fail(builders, "build1", variables={"PATH": tmp_path / "programs"})
    assert result["reason"] == "dependency"
    assert "apt-get install git" in result["msg"]


def test_jmespath_is_needed_for_a_query_and_for_nothing_else(builders: Builders, git_python: Path) -> None:
    send(builders, "build2", "one")
    interpreter = ("-e", f"ansible_python_interpreter={git_python}")
    plain = ad_hoc(builders.folder, "build1", "build_message", *interpreter)
    assert plain.code == 0, plain.output
    assert [message["subject"] for message in plain.result["messages"]] == ["one"]
    asked = ad_hoc(builders.folder, "build1", "build_message", *interpreter, options={"query": "[?subject=='one']"})
    assert asked.code != 0
    assert "Traceback" not in asked.output
    assert "jmespath" in asked.result["msg"] and "apt-get install python3-jmespath" in asked.result["msg"]
    assert asked.result["reason"] == "dependency"
