# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pushes that one write has tried, and whether to go on trying."""

from __future__ import annotations

import contextlib
import os
import random
import time
from typing import Any, NamedTuple

from ..errors import DeadlineReached, RemoteBusy, RemoteUnreachable
from ..git.mirror import Mirror
from ..state_dir import StateDirectory
from .snapshot import Change, OldContents, Receipt

UNREACHABLE_TRIES = 3
"""How often a remote to which no connection can be made is tried in one write."""
SHORT_WAIT = 5
"""Seconds for which a write waits while a host is left alone; where it is longer, the write is queued at once."""


class Attempt(NamedTuple):
    """A commit that was, or is about to be, pushed."""

    commit: str
    parent: str | None
    change: Change
    old: OldContents


class AttemptsRecord:
    """The commits that this host has pushed, or was about to, on disk until it is known and noted what became of them.

    :param name: of the file in the state directory.
    """

    def __init__(self, state: StateDirectory, name: str) -> None:
        self._state = state
        self._name = name

    def read(self) -> list[dict[str, Any]]:
        """Each with its ``commit`` and the ``ids`` of its messages.

        :raises StateUnusable: when it cannot be read.
        """
        return self._state.read(self._name, _parse) or []

    def write(self, attempts: list[dict[str, Any]]) -> None:
        """Record attempts.

        :raises StateUnusable: when it cannot be written.
        """
        self._state.write_json(self._name, attempts)

    def forget(self) -> None:
        """Forget them."""
        with contextlib.suppress(OSError):
            os.unlink(self._state.path / self._name)


class Attempts:
    """The commits that one write has tried to push, and whether to go on trying.

    ``interrupted`` are those of processes that ended before they knew what became of them, and ``tried`` the ids of the
    messages in all of them. ``uncertain`` while it is not known whether one of them is on the remote; that an answer
    was lost once is remembered beyond that, since the history may have been rewritten before the remote was asked.

    :param timeout: seconds that the write may take from now on.
    """

    def __init__(self, url: str, timeout: float, record: AttemptsRecord) -> None:
        self.made: list[Attempt] = []
        self.interrupted = record.read()
        self.tried = {message_id for attempt in self.interrupted for message_id in attempt["ids"]}
        self._settled = False
        self._record = record
        self._deadline = time.monotonic() + timeout
        self._url = url
        self._timeout = timeout
        self._failures = 0
        self._unreachable = 0
        self.uncertain = False
        self._unheard: list[Attempt] = []

    def add(self, attempt: Attempt) -> None:
        """Record on disk a commit that is about to be pushed.

        :raises StateUnusable: when that cannot be done.
        """
        self.made.append(attempt)
        self.tried.update(attempt.change.ids)
        made = [{"commit": one.commit, "ids": list(one.change.ids)} for one in self.made]
        self._record.write([*self.interrupted, *made])

    def forget(self) -> None:
        """Forget the attempts of a write that has failed, unless one of them may have arrived."""
        if not self.uncertain and not self.interrupted:
            self._record.forget()

    @property
    def share(self) -> float:
        """Seconds for the next network operation: half of what is left, so that its outcome can still be asked for."""
        return max(0.5, (self._deadline - time.monotonic()) / 2)

    @property
    def count(self) -> int:
        """How many commits were pushed or tried to be."""
        return len(self.made)

    def answer_lost(self) -> None:
        """Note that a push was sent and its outcome not heard."""
        self._unheard.append(self.made[-1])
        self.uncertain = True

    def find_arrived(self, private: Mirror, tip: str | None) -> Attempt | None:
        """The attempt that the remote accepted although this was not heard.

        :param tip: the remote's newest commit, for which it was asked just now.
        """
        self.uncertain = False
        for attempt in (*self._unheard, *self.made[-1:]):  # one that was not heard may arrive late
            if tip and private.has_arrived(attempt.commit, attempt.parent, tip):
                return attempt
        return None

    def settle_interrupted(self, private: Mirror, tip: str | None) -> list[str]:
        """Keep of the interrupted attempts what may still have to be looked for.

        :param tip: the remote's newest commit, for which it was asked just now.
        :return: a note that says what became of them; none when there are none, or people were told before.
        """
        if self._settled or not self.interrupted:
            return []
        self._settled = True
        last = self.interrupted[-1]
        commits = [attempt["commit"] for attempt in self.interrupted]
        arrived = tip is not None and (
            any(private.holds(commit) and private.is_ancestor(commit, tip) for commit in commits)
            or any(private.mentions(tip, message_id) for message_id in last["ids"])
        )
        self.interrupted = [{**last, "ids": sorted(self.tried)}]
        what = ", ".join(last["ids"]) or f"commit {last['commit'][:12]}"
        outcome = "did arrive" if arrived else "did not arrive"
        return [f"An earlier write was interrupted before its outcome was known; it {outcome}: {what}."]

    def without_change(self, change: Change, tip: str | None) -> Receipt:
        """The receipt when nothing is left to write: an attempt had arrived, or there never was anything."""
        if not self._unheard:
            return Receipt(change.result, None, self.count)
        last = self.made[-1]
        return Receipt(change.result, tip, self.count, last.change.files, last.old)

    def failed(self, error: Exception) -> None:
        """Wait before the next try, or give up.

        A uniform wait up to 60 ms for each failure and at most 1 s was the best of nine back-offs measured
        with 8 writers.

        :raises RemoteUnreachable: when no connection could be made and nothing was sent.
        :raises DeadlineReached: when the time is over.
        """
        self._failures += 1
        self._unreachable += isinstance(error, RemoteUnreachable)
        over = time.monotonic() >= self._deadline
        left_alone = isinstance(error, RemoteBusy) and error.wait > SHORT_WAIT
        if isinstance(error, RemoteUnreachable) and (over or left_alone or self._unreachable >= UNREACHABLE_TRIES):
            self.forget()
            raise self.too_late(error.what) if self.uncertain else error
        if over:
            self.forget()
            raise self.too_late(str(error))
        if isinstance(error, RemoteBusy):
            time.sleep(min(error.wait, max(0.0, self._deadline - time.monotonic())))
        else:
            time.sleep(random.uniform(0, min(1.0, 0.06 * self._failures)))  # noqa: S311 (no secret)

    def too_late(self, why: str) -> DeadlineReached:
        """The error for a write that was not accepted in time, or whose outcome cannot be asked for."""
        what = f"The remote {self._url} did not take the write within {self._timeout:.0f} s ({why.rstrip('.')})."
        if self.uncertain:
            return DeadlineReached(
                what,
                "Whether it arrived is not known: look with the next listing before you repeat it, or repeat it with "
                "the same key.",
            )
        return DeadlineReached(what, "Nothing was written. Try again, or give a longer timeout (option timeout).")


def _parse(record: Any) -> list[dict[str, Any]]:
    return [{"commit": str(one["commit"]), "ids": [str(message_id) for message_id in one["ids"]]} for one in record]
