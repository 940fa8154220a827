"""Killing this process at a chosen step of what it does: a file synced, put into its place or removed, a child run."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

_CALLS = ("fsync", "replace", "rename", "link", "unlink", "mkdir")


class Steps:
    """Counts the steps of this process, two for each call: before it and after it."""

    def __init__(self) -> None:
        self.count = 0
        self._deadly = 0
        for name in _CALLS:
            setattr(os, name, self._counted(getattr(os, name)))
        popen: Any = subprocess.Popen
        popen._execute_child = self._counted(popen._execute_child)
        popen.communicate = self._counted(popen.communicate)

    def arm(self, deadly: int) -> None:
        """Begin to count; the process is killed at a step, 0: at none."""
        self.count, self._deadly = 0, deadly

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
            os.kill(os.getpid(), signal.SIGKILL)
