"""Killing this process at a chosen step of what it does: a file synced, put into its place or removed, a child run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_CALLS = ("fsync", "replace", "rename", "link", "unlink", "mkdir")


class Steps:
    """Counts the steps of this process, two for each call: before it and after it."""

    def __init__(self) -> None:
        self.count = 0
        self._deadly = 0
        self._all_after: float | None = None
        for name in _CALLS:
            setattr(os, name, self._counted(getattr(os, name)))
        popen: Any = subprocess.Popen
        popen._execute_child = self._counted(popen._execute_child)
        popen.communicate = self._counted(popen.communicate)

    def arm(self, deadly: int, all_after: float | None = None) -> None:
        """Begin to count; the process is killed at a step, 0: at none.

        :param all_after: seconds after that step at which all its child processes are killed first; None: they live on.
        """
        self.count, self._deadly, self._all_after = 0, deadly, all_after

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self._step()
            try:
                return call(*arguments, **options)
            finally:
                self._step()

        return counted

    def _step(self) -> None:
        self.count += 1
        if self.count == self._deadly:
            if self._all_after is not None:
                time.sleep(self._all_after)
                _kill_below(os.getpid())
            os.kill(os.getpid(), signal.SIGKILL)


def _kill_below(process: int) -> None:
    """Kill the children of a process, theirs first: stopped ones make no new ones."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        with suppress(OSError):
            os.kill(int(child), signal.SIGSTOP)
            _kill_below(int(child))
            os.kill(int(child), signal.SIGKILL)
