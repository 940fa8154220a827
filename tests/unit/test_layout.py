"""Test that unit tests have the folders of their modules, and start no process."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PLUGINS = HERE.parents[1] / "plugins"
EVENT_SOURCES = PLUGINS.parent / "extensions" / "eda" / "plugins"
BESIDE = {"docs", "playbooks", "roles", "tools", Path(__file__).name}
"""Tests of anything other than plugins."""
STARTS: dict[str, Callable[[], object]] = {
    "run": lambda: subprocess.run(["true"], check=True),
    "Popen": lambda: subprocess.Popen("true", shell=True),
    "system": lambda: os.system("true"),
    "popen": lambda: os.popen("true"),
    "spawn": lambda: os.spawnlp(os.P_WAIT, "true", "true"),
    "posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "fork": lambda: multiprocessing.get_context("fork").Process().start(),
}


@pytest.mark.parametrize("start", STARTS)
def test_whatever_starts_one_fails(start: str) -> None:
    with pytest.raises(AssertionError, match="A unit test starts no process"):
        STARTS[start]()


def test_each_file_has_the_name_and_the_folder_of_a_module() -> None:
    tests = [path.relative_to(HERE) for path in HERE.rglob("test_*.py")]
    names = [path.with_name(path.name.removeprefix("test_")) for path in tests if path.parts[0] not in BESIDE]
    places = [PLUGINS, PLUGINS / "module_utils", PLUGINS / "module_utils" / "coordination", EVENT_SOURCES]
    assert len(names) > 40
    assert [name for name in names if not any((place / name).is_file() for place in places)] == []
