# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a run: one line that is rewritten on a terminal, or a line now and then elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TextIO

from ansible_collections.acs.builders.plugins.module_utils.coordination.text import short
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import duration

INTERVAL = 30
"""Seconds between two lines where the output is no terminal."""
ERASE = "\r\x1b[K"
"""Erases the line of the cursor (ECMA-48, EL)."""


class ProgressLine:
    """The line about the task that runs.

    :param stream: the standard output.
    :param write_line: writes a line that stays, where the output is no terminal.
    :param columns: the width of the terminal.
    """

    def __init__(
        self,
        stream: TextIO,
        write_line: Callable[[str], None],
        columns: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream, self._write_line, self._columns, self._clock = stream, write_line, columns, clock
        self._is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._started = self._last = clock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started

    def begin(self, text: str) -> None:
        """Show that something begins which deserves a line of its own."""
        if self._is_terminal:
            self.show(text)
        else:
            self._last = self._clock()
            self._write_line(text)

    def show(self, text: str) -> None:
        """Show what runs. Where the output is no terminal, this prints nothing for a while after the last line."""
        if self._is_terminal:
            line = short(f"{duration(self.seconds)}  {text}", self._columns - 2)
            self._stream.write(f"{ERASE}{line}\r")  # what others print begins at the left
            self._stream.flush()
        elif self._clock() - self._last >= INTERVAL:
            self._last = self._clock()
            self._write_line(f"  after {duration(self.seconds)}: {text}")

    def clear(self) -> None:
        """Remove the line, before something is printed that stays."""
        if self._is_terminal:
            self._stream.write(ERASE)
