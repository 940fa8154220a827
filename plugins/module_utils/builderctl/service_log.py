# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service writes down: its log file for people, and the same lines for the journal."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from ..coordination.text import one_line

REMINDER = 3600
"""Seconds after which a problem that lasts is told again."""
REMEMBERED = 100
"""How many events are remembered so that they are told once."""


def append(path: Path, lines: str) -> None:
    """Append lines to a log file, which only root and its group can read.

    :raises OSError: when it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"{lines}\n")


def stamp(now: datetime) -> str:
    """The time as the log files show it, in UTC."""
    return now.strftime("[%Y-%m-%d %H:%M:%S]")


class ServiceLog:
    """The heartbeat log: one line for each beat, and what happens beside it told once.

    :param path: the log file. That it cannot be written never stops the service; ``error`` then says why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: str | None = None
        self._problems: dict[str, tuple[str, float]] = {}
        self._told: OrderedDict[str, None] = OrderedDict()

    def write(self, text: str, now: datetime) -> None:
        """Write a line to the log file."""
        try:
            append(self.path, f"{stamp(now)} {one_line(text)}")
            self.error = None
        except OSError as error:
            self.error = f"{self.path} cannot be written ({error.strerror})"

    def say(self, text: str, now: datetime) -> None:
        """Write a line to the log file and to the journal."""
        self.write(text, now)
        with contextlib.suppress(OSError):  # the journal may be gone
            sys.stderr.write(f"{one_line(text)}\n")
            sys.stderr.flush()

    def once(self, text: str, now: datetime) -> None:
        """Say what happened, unless it was said before."""
        if text not in self._told:
            self.say(text, now)
        self._told[text] = None
        self._told.move_to_end(text)
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    def problems(self, current: Mapping[str, str], now: datetime) -> None:
        """Say which problems are new, which last for an hour more, and which are over.

        :param current: what is wrong now, each under a name that stays the same while it lasts.
        """
        moment = time.monotonic()
        for name, text in current.items():
            _text, said = self._problems.get(name, ("", None))
            if said is None or moment - said >= REMINDER:
                self.say(text, now)
                said = moment
            self._problems[name] = (text, said)
        for name in set(self._problems) - set(current):
            text, _said = self._problems.pop(name)
            self.say(f"No longer: {text.partition('. ')[0]}", now)
