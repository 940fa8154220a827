# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaving a Git host alone that fails or asks for it, whichever process of this host would ask next.

A request that is refused for its credential first counts twice. With the pauses here, a host answers 429 or 5xx to at
most five requests in a minute, also where it does so to pushes alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import RemoteBusy, StateUnusable
from ..state_dir import StateDirectory
from .failures import BUSY, Outcome, is_failing, is_overloaded

PAUSE_FILE = "repos/pause.json"
FIRST = 1
"""Seconds after a first failure of a host that does not ask for a pause; after a second one they are more."""
MAX = 3600
"""Seconds; a longer pause is not believed."""


class _Record(NamedTuple):
    """Which host is left alone, until when, in seconds since 1970, how often it has failed, and why."""

    host: str
    until: float
    failures: int
    why: str


class Pause:
    """The pause that the host of a remote gets.

    :param url: the remote's URL.
    """

    def __init__(self, state: StateDirectory, url: str) -> None:
        self._state = state
        self._url = url
        self._host = urlsplit(url).netloc if "://" in url else ""

    def ask(self, request: Callable[[], Outcome]) -> Outcome:
        """Ask the remote something, and note whether its host is to be left alone now.

        :raises RemoteBusy: when it is left alone still, and nothing was asked.
        """
        if not self._host:
            return request()
        before = self._read()
        left = before.until - time.time() if before else 0
        if before and 0 < left <= MAX + 1:
            until = datetime.fromtimestamp(before.until, timezone.utc).strftime("%H:%M:%S UTC")
            busy = RemoteBusy(
                f"The remote {self._url} is not asked before {until}, since it {before.why}.", "Nothing is to be done."
            )
            busy.wait = left
            raise busy
        outcome = request()
        self._note(outcome, before)
        return outcome

    def _read(self) -> _Record | None:
        with contextlib.suppress(StateUnusable):  # it is written anew
            found = self._state.read(PAUSE_FILE, _parse)
            return found if found and found.host == self._host else None
        return None

    def _note(self, outcome: Outcome, before: _Record | None) -> None:
        if outcome.status == 0:  # it may still fail with what is asked next: one that cannot be pushed to is read
            return
        asked = _retry_after(outcome.headers.get("retry-after", "")) if outcome.status is not None else None
        if not (asked or is_overloaded(outcome) or is_failing(outcome)):
            return
        failures = before.failures + 1 if before and time.time() - before.until < 2 * BUSY else 1
        wait = asked or (FIRST if failures == 1 and not is_overloaded(outcome) else BUSY)
        why = "has asked for a pause" if asked or is_overloaded(outcome) else "has failed"
        with contextlib.suppress(StateUnusable):
            self._state.make("repos")
            record = _Record(self._host, round(time.time() + wait, 1), failures, why)
            self._state.write_json(PAUSE_FILE, record._asdict())


def _retry_after(value: str) -> float | None:
    """Seconds that a host asks for (RFC 9110, section 10.2.3); None when it asks for none that can be understood."""
    if value.isdecimal():
        seconds = float(value[:9])
    else:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(timezone.utc)).total_seconds()
        except (TypeError, ValueError, IndexError):
            return None
    return min(seconds, MAX) if seconds > 0 else None


def _parse(record: Any) -> _Record:
    return _Record(str(record["host"]), float(record["until"]), int(record["failures"]), str(record["why"]))
