"""Preventing tests from starting processes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn
from unittest.mock import patch

STARTS: tuple[tuple[Any, str], ...] = (
    (subprocess.Popen, "__init__"),
    *((os, name) for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system")),
)
"""The functions that start processes in Python, also for ``subprocess.run``, ``os.popen`` and ``multiprocessing``."""


@contextmanager
def no_processes() -> Iterator[None]:
    """Make starting a process an error inside the context."""

    def refuse(*arguments: object, **_more: object) -> NoReturn:
        raise AssertionError(f"A unit test starts no process: {arguments[-1:]!r}. Put it into tests/integration.")

    with ExitStack() as stack:
        for where, name in STARTS:
            stack.enter_context(patch.object(where, name, refuse))
        yield
