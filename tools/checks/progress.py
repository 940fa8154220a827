"""Which steps are running, and for how long: a line that is kept up to date on a terminal, else one every minute."""

from __future__ import annotations

import sys
import time

from .processes import Processes

EVERY = 60
"""Seconds between two lines where no terminal is."""
CLEAR = "\r\x1b[2K"
"""Back to the begin of the line, and erase it (ECMA-48, EL)."""


class Progress:
    """The progress of a run.

    :param processes: where the running steps are asked for.
    :param number: how many steps there are.
    """

    def __init__(self, processes: Processes, number: int) -> None:
        self._processes = processes
        self._number = number
        self._done = 0
        self._told = time.monotonic()
        self._is_terminal = sys.stdout.isatty()

    def tell(self, line: str) -> None:
        """Print a line that stays."""
        print(f"{CLEAR if self._is_terminal else ''}{line}", flush=True)

    def step_ended(self, line: str) -> None:
        """Print the line of a step that is done."""
        self._done += 1
        self.tell(line)

    def show(self) -> None:
        """Say what is running, if it is time to."""
        if self._number == 1:
            return
        running = self._processes.running()
        names = ", ".join(f"{step.name} {clock(seconds)}" for step, seconds in running.items())
        line = f"{self._done} of {self._number} steps done; running: {names}"
        if self._is_terminal:
            print(f"{CLEAR}{line[:150]}" if running else CLEAR, end="", flush=True)
        elif running and time.monotonic() - self._told >= EVERY:
            self._told = time.monotonic()
            print(line, flush=True)


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
