# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pauses in the requests of all processes of this server to a Git host that fails or limits the rate of requests.

With these pauses, a host answers at most five requests per minute with 429 or 5xx, also if only pushes fail.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import RemoteBusy, StateUnusable
from ..state_dir import StateDirectory
from .failures import BUSY, Outcome, is_failing, is_overloaded

PAUSE_FILE = "repos/pause.json"
FIRST = 1
"""The pause in seconds after the first failure of a host that sends no Retry-After."""
MAX = 3600
"""The maximum pause in seconds, whatever a host requests."""


class _Record(NamedTuple):
    """A pause: the host, its end in seconds since 1970, the number of failures, and the reason."""

    host: str
    until: float
    failures: int
    why: str


class Pause:
    """The pause of the host of a remote.

    :param url: the URL of the remote.
    """

    def __init__(self, state: StateDirectory, url: str) -> None:
        self._state = state
        self._url = url
        self._host = urlsplit(url).netloc if "://" in url else ""

    def ask(self, request: Callable[[], Outcome]) -> Outcome:
        """Send a request, and record a pause if the remote fails or limits the rate.

        :raises RemoteBusy: without sending the request, during a pause.
        """
        if not self._host:
            return request()
        before = self._read()
        left = before.until - time.time() if before else 0
        if before and 0 < left <= MAX + 1:
            until = datetime.fromtimestamp(before.until, timezone.utc).strftime("%H:%M:%S UTC")
            busy = RemoteBusy(
                f"Requests to {self._url} are paused until {until}, because it {before.why}.", "No action is needed."
            )
            busy.wait = left
            raise busy
        outcome = request()
        self._record(outcome, before)
        return outcome

    def _read(self) -> _Record | None:
        with contextlib.suppress(StateUnusable):  # it will be overwritten
            found = self._state.read(PAUSE_FILE, _parse)
            return found if found and found.host == self._host else None
        return None

    def _record(self, outcome: Outcome, before: _Record | None) -> None:
        if outcome.status == 0:  # keep the record: pushes may still fail while fetches succeed
            return
        requested = _retry_after(outcome.headers.get("retry-after", "")) if outcome.status is not None else None
        if not (requested or is_overloaded(outcome) or is_failing(outcome)):
            return
        failures = before.failures + 1 if before and time.time() - before.until < 2 * BUSY else 1
        wait = requested or (FIRST if failures == 1 and not is_overloaded(outcome) else BUSY)
        why = "requested a pause" if requested or is_overloaded(outcome) else "failed"
        with contextlib.suppress(StateUnusable):
            self._state.make("repos")
            record = _Record(self._host, round(time.time() + wait, 1), failures, why)
            self._state.write_json(PAUSE_FILE, record._asdict())


def _retry_after(value: str) -> float | None:
    """Return the seconds in a Retry-After header (RFC 9110, section 10.2.3); None if it is not valid or in the past."""
    if value.isdecimal():
        seconds = float(value[:9])
    else:
        try:
            from email.utils import parsedate_to_datetime  # few hosts send a date, and the import takes long

            seconds = (parsedate_to_datetime(value) - datetime.now(timezone.utc)).total_seconds()
        except (TypeError, ValueError, IndexError):
            return None
    return min(seconds, MAX) if seconds > 0 else None


def _parse(record: Any) -> _Record:
    return _Record(str(record["host"]), float(record["until"]), int(record["failures"]), str(record["why"]))
