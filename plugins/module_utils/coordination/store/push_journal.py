# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of the pushes of a write, and its retries."""

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
"""The maximum number of attempts to connect to a remote in one write."""
SHORT_WAIT = 5
"""The longest wait, in seconds, that a busy remote can ask for. If it asks for a longer one, the write is queued."""


class Attempt(NamedTuple):
    """A commit that was pushed, or is about to be pushed."""

    commit: str
    parent: str | None
    change: Change
    old: OldContents


class JournalFile:
    """The file of the push journal.

    It is removed when the outcome of each push is known and recorded.

    :param name: the name of the file in the state directory.
    """

    def __init__(self, state: StateDirectory, name: str) -> None:
        self._state = state
        self._name = name

    def read(self) -> list[dict[str, Any]]:
        """Return the pushes, each with its ``commit`` and the ``ids`` of its messages.

        :raises StateUnusable: if the file cannot be read.
        """
        return self._state.read(self._name, _parse) or []

    def write(self, attempts: list[dict[str, Any]]) -> None:
        """Write the file.

        :raises StateUnusable: if the file cannot be written.
        """
        self._state.write_json(self._name, attempts)

    def forget(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            os.unlink(self._state.path / self._name)


class PushJournal:
    """The pushes of one write, and its retries.

    :param url: the URL of the remote, for error messages.
    :param timeout: the maximum duration of the write, in seconds from now.
    :param file: the file of the journal.

    ``interrupted`` are the pushes of processes that ended before their outcome was known. ``pushed_ids`` are the ids of
    the messages in all pushes. ``is_uncertain`` is true while it is not known whether the remote accepted a push. A
    push whose answer was lost stays in the journal, because the history can be rewritten before the remote is queried.
    """

    def __init__(self, url: str, timeout: float, file: JournalFile) -> None:
        self.attempts: list[Attempt] = []
        self.interrupted = file.read()
        self.pushed_ids = {message_id for attempt in self.interrupted for message_id in attempt["ids"]}
        self._is_resolved = False
        self._file = file
        self._deadline = time.monotonic() + timeout
        self._url = url
        self._timeout = timeout
        self._failures = 0
        self._unreachable = 0
        self.is_uncertain = False
        self._unanswered: list[Attempt] = []

    def add(self, attempt: Attempt) -> None:
        """Record a commit on disk before it is pushed.

        :raises StateUnusable: if the journal cannot be written.
        """
        self.attempts.append(attempt)
        self.pushed_ids.update(attempt.change.ids)
        pushes = [{"commit": one.commit, "ids": list(one.change.ids)} for one in self.attempts]
        self._file.write([*self.interrupted, *pushes])

    def forget(self) -> None:
        """Remove the journal of a failed write, unless a push may have been accepted."""
        if not self.is_uncertain and not self.interrupted:
            self._file.forget()

    @property
    def network_timeout(self) -> float:
        """The timeout of the next network operation in seconds.

        It is half of the remaining time. The other half is for the query of the outcome.
        """
        return max(0.5, (self._deadline - time.monotonic()) / 2)

    @property
    def count(self) -> int:
        """The number of attempts to push."""
        return len(self.attempts)

    def record_lost_answer(self) -> None:
        """Record that the answer to the last push was lost."""
        self._unanswered.append(self.attempts[-1])
        self.is_uncertain = True

    def find_accepted(self, private: Mirror, tip: str | None) -> Attempt | None:
        """Return the attempt that the remote accepted although its answer was lost.

        :param tip: the newest commit of the remote, just fetched.
        :return: the attempt; None if the remote accepted none.
        """
        self.is_uncertain = False
        for attempt in (*self._unanswered, *self.attempts[-1:]):  # a push without an answer can be accepted late
            if tip and private.has_arrived(attempt.commit, attempt.parent, tip):
                return attempt
        return None

    def resolve_interrupted(self, private: Mirror, tip: str | None) -> list[str]:
        """Find the outcome of the interrupted pushes.

        :param tip: the newest commit of the remote, just fetched.
        :return: a note about the outcome; an empty list if there are none, or if it was reported before.
        """
        if self._is_resolved or not self.interrupted:
            return []
        self._is_resolved = True
        last = self.interrupted[-1]
        commits = [attempt["commit"] for attempt in self.interrupted]
        arrived = tip is not None and (
            any(private.holds(commit) and private.is_ancestor(commit, tip) for commit in commits)
            or any(private.mentions(tip, message_id) for message_id in last["ids"])
        )
        self.interrupted = [{**last, "ids": sorted(self.pushed_ids)}]
        what = ", ".join(last["ids"]) or f"commit {last['commit'][:12]}"
        outcome = "did arrive" if arrived else "did not arrive"
        return [f"An earlier write was interrupted before its outcome was known; it {outcome}: {what}."]

    def receipt_without_change(self, change: Change, tip: str | None) -> Receipt:
        """Return the receipt if nothing is left to write."""
        if not self._unanswered:
            return Receipt(change.result, None, self.count)
        last = self.attempts[-1]
        return Receipt(change.result, tip, self.count, last.change.files, last.old)

    def wait_before_retry(self, error: Exception) -> None:
        """Wait before the next attempt, or raise an error if there is none.

        The wait is random, up to 60 ms for each failure and at most 1 s. This was the best of nine back-offs, measured
        with 8 writers.

        :param error: the error of the last attempt.
        :raises RemoteUnreachable: if no connection was made and nothing was sent.
        :raises DeadlineReached: if the deadline has passed.
        """
        self._failures += 1
        self._unreachable += isinstance(error, RemoteUnreachable)
        is_over = time.monotonic() >= self._deadline
        is_long_wait = isinstance(error, RemoteBusy) and error.wait > SHORT_WAIT
        if isinstance(error, RemoteUnreachable) and (is_over or is_long_wait or self._unreachable >= UNREACHABLE_TRIES):
            self.forget()
            raise self.deadline_error(error.what) if self.is_uncertain else error
        if is_over:
            self.forget()
            raise self.deadline_error(str(error))
        if isinstance(error, RemoteBusy):
            time.sleep(min(error.wait, max(0.0, self._deadline - time.monotonic())))
        else:
            time.sleep(random.uniform(0, min(1.0, 0.06 * self._failures)))  # noqa: S311 (no secret)

    def deadline_error(self, why: str) -> DeadlineReached:
        """Return the error for a write that was not accepted in time."""
        what = f"The remote {self._url} did not accept the write within {self._timeout:.0f} s ({why.rstrip('.')})."
        if self.is_uncertain:
            return DeadlineReached(
                what,
                "Whether it arrived is not known: look with the next listing before you repeat it, or repeat it with "
                "the same key.",
            )
        return DeadlineReached(what, "Nothing was written. Try again, or give a longer timeout (option timeout).")


def _parse(record: Any) -> list[dict[str, Any]]:
    return [{"commit": str(one["commit"]), "ids": [str(message_id) for message_id in one["ids"]]} for one in record]
