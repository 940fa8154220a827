# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop that pushes a commit, and builds it again if the remote has moved, until the remote accepts it."""

from __future__ import annotations

import math
import random
import time
from typing import Callable, TypeVar

from ..errors import Locked, RemoteBusy, RemoteUnreachable
from ..git.failures import ConnectionLost, DiskFull, PushRejected

T = TypeVar("T")

SHORT_WAIT = 5
"""The longest wait, in seconds, that a busy remote can ask for. If it asks for a longer one, the loop ends."""


class PushLoop:
    """The time and the attempts that are left for a push.

    :param timeout: the maximum duration in seconds from now.
    :param tries: the maximum number of attempts.
    :param unreachable_tries: the maximum number of attempts to connect to the remote.
    """

    def __init__(self, timeout: float, tries: float = math.inf, unreachable_tries: int = 3) -> None:
        self.failures = 0
        self._deadline = time.monotonic() + timeout
        self._tries = tries
        self._unreachable_tries = unreachable_tries

    @property
    def left(self) -> float:
        """The remaining time in seconds, and at least half a second."""
        return max(0.5, self._deadline - time.monotonic())

    @property
    def network_timeout(self) -> float:
        """The timeout of a push in seconds. It leaves half of the remaining time for the query of its outcome."""
        return max(0.5, self.left / 2)

    def run(self, attempt: Callable[[], T], refresh: Callable[[], T | None], is_stale: bool = False) -> T:
        """Attempt a push until the remote accepts it.

        :param attempt: builds a commit on the newest known state, records it, pushes it and returns the result.
        :param refresh: fetches the newest state, also after an unknown outcome. It returns the result if the remote has
            accepted an attempt, otherwise None.
        :param is_stale: whether to refresh before the first attempt.
        :raises Exception: the error of the last attempt.
        """
        while True:
            try:
                return (refresh() if is_stale else None) or attempt()
            except (PushRejected, ConnectionLost, RemoteUnreachable, Locked) as error:
                self.wait_after(error)
            is_stale = True

    def wait_after(self, error: Exception) -> None:
        """Wait after a failed attempt, or raise its error if there is no other attempt.

        The wait is random, up to 60 ms for each failure and at most 1 s. This was the best of nine back-offs, measured
        with 8 writers.
        """
        self.failures += 1
        self._unreachable_tries -= isinstance(error, RemoteUnreachable)
        wait = random.uniform(0, min(1.0, 0.06 * self.failures))  # noqa: S311 (no secret)
        if isinstance(error, RemoteBusy):
            wait = error.wait
        left = self._deadline - time.monotonic()
        is_tried = self.failures >= self._tries or self._unreachable_tries <= 0
        if is_tried or isinstance(error, DiskFull) or left <= 0 or wait > SHORT_WAIT:
            raise error
        time.sleep(min(wait, left))
