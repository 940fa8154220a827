"""The progress of a run: an updated line on a terminal, otherwise a line a minute."""

from __future__ import annotations

import sys
import time

from .processes import Processes

EVERY = 60
"""Seconds between two lines without a terminal."""
CLEAR = "\r\x1b[2K"
"""Return to the start of the line, and erase it (ECMA-48, EL)."""


class Progress:
    """The progress of a run.

    :param processes: the processes of the run.
    :param number: the number of steps.
    """

    def __init__(self, processes: Processes, number: int) -> None:
        self._processes = processes
        self._number = number
        self._done = 0
        self._printed_at = time.monotonic()
        self._is_terminal = sys.stdout.isatty()

    def print_line(self, line: str) -> None:
        """Print a permanent line."""
        print(f"{CLEAR if self._is_terminal else ''}{line}", flush=True)

    def step_ended(self, line: str) -> None:
        """Print the line of a completed step."""
        self._done += 1
        self.print_line(line)

    def show(self) -> None:
        """Print the running steps, if a line is due."""
        if self._number == 1:
            return
        running = self._processes.running()
        names = ", ".join(f"{step.name} {clock(seconds)}" for step, seconds in running.items())
        line = f"{self._done} of {self._number} steps done; running: {names}"
        if self._is_terminal:
            print(f"{CLEAR}{line[:150]}" if running else CLEAR, end="", flush=True)
        elif running and time.monotonic() - self._printed_at >= EVERY:
            self._printed_at = time.monotonic()
            print(line, flush=True)


def clock(seconds: float) -> str:
    """Format seconds as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
