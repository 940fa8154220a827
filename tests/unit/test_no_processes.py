"""A unit test starts no process."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
from collections.abc import Callable

import pytest

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
