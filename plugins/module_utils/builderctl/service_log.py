# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of the service: a log file, and the journal."""

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
"""Seconds after which a lasting problem is logged again."""
REMEMBERED = 100
"""The number of remembered events, which are logged once."""


def append(path: Path, lines: str) -> None:
    """Append lines to a log file, which is created with mode 0640.

    :raises OSError: if it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"{lines}\n")


def stamp(now: datetime) -> str:
    """Format a time in UTC for the log files."""
    return now.strftime("[%Y-%m-%d %H:%M:%S]")


class ServiceLog:
    """The log of the service: a line for each heartbeat, and each event once.

    A log file that cannot be written does not stop the service; ``error`` has the reason.

    :param path: the log file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: str | None = None
        self._problems: dict[str, tuple[str, float]] = {}
        self._reported: OrderedDict[str, None] = OrderedDict()

    def write(self, text: str, now: datetime) -> None:
        """Write a line to the log file."""
        try:
            append(self.path, f"{stamp(now)} {one_line(text)}")
            self.error = None
        except OSError as error:
            self.error = f"{self.path} cannot be written ({error.strerror})"

    def report(self, text: str, now: datetime) -> None:
        """Write a line to the log file and to the journal."""
        self.write(text, now)
        with contextlib.suppress(OSError):  # the journal may be unavailable
            sys.stderr.write(f"{one_line(text)}\n")
            sys.stderr.flush()

    def once(self, text: str, now: datetime) -> None:
        """Log an event, unless it was logged before."""
        if text not in self._reported:
            self.report(text, now)
        self._reported[text] = None
        self._reported.move_to_end(text)
        if len(self._reported) > REMEMBERED:
            self._reported.popitem(last=False)

    def problems(self, current: Mapping[str, str], now: datetime) -> None:
        """Log the problems that are new, that last for an hour more, or are resolved.

        :param current: the current problems, each under a name that is constant while it lasts.
        """
        moment = time.monotonic()
        for name, text in current.items():
            _text, logged = self._problems.get(name, ("", None))
            if logged is None or moment - logged >= REMINDER:
                self.report(text, now)
                logged = moment
            self._problems[name] = (text, logged)
        for name in set(self._problems) - set(current):
            text, _logged = self._problems.pop(name)
            self.report(f"Resolved: {text.partition('. ')[0]}", now)
