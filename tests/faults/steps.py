"""Killing this process at a chosen step: before or after a file is synced, renamed or removed, or a child is run."""

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
        """Start counting; the process is killed at a step, or at none if it is 0.

        :param all_after: seconds after that step at which all its child processes are killed first; None: never.
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
                _kill_children(os.getpid())
            os.kill(os.getpid(), signal.SIGKILL)


def _kill_children(process: int) -> None:
    """Kill the descendants of a process, the lowest first. They are stopped before, so that they start no others."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        with suppress(OSError):
            os.kill(int(child), signal.SIGSTOP)
            _kill_children(int(child))
            os.kill(int(child), signal.SIGKILL)
