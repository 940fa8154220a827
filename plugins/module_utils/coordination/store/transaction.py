# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transaction: a change that is applied to the newest documents of the branch, and pushed."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any, Callable, Generic, TypeVar

from ..errors import CoordinationError, DeadlineReached, Locked, RepositoryDamaged
from ..git.failures import ConnectionLost, PushRejected
from .push_loop import PushLoop
from .remote_branch import RemoteBranch
from .snapshot import Change, OldContents, Receipt, Snapshot

T = TypeVar("T")


@dataclass(frozen=True)
class _Attempt(Generic[T]):
    """A commit that was pushed, or is about to be pushed."""

    commit: str
    parent: str | None
    change: Change[T]
    old: OldContents


class Transaction(Generic[T]):
    """One write to the branch, and the journal of its pushes.

    :param function: as for :meth:`.Repository.write`.
    :param author: the id of this server.
    :param notes: gets messages for the user.
    :raises StateUnusable: if the journal cannot be read.

    ``_interrupted`` are the pushes of processes that ended before their outcome was known. ``_pushed_ids`` are the ids
    of the messages in all pushes. ``_is_uncertain`` is true while it is not known whether the remote accepted a push. A
    push whose answer was lost stays in the journal, because the history can be rewritten before the remote is queried.
    """

    def __init__(
        self, branch: RemoteBranch, function: Callable[[Snapshot], Change[T]], author: str, notes: list[str]
    ) -> None:
        self._branch, self._private = branch, branch.private
        self._function, self._author, self._notes = function, author, notes
        self._loop = PushLoop(branch.timeout)
        self._journal = f"repos/{self._private.name}.attempts.json"
        self._interrupted = branch.state.read(self._journal, parse_pushes) or []
        self._is_resolved = not self._interrupted
        self._pushed_ids = {message_id for push in self._interrupted for message_id in push["ids"]}
        self._tip: str | None = None
        self._is_fresh = False
        self._attempts: list[_Attempt[T]] = []
        self._unanswered: list[_Attempt[T]] = []
        self._is_uncertain = False

    def run(self) -> Receipt[T]:
        """Apply and push the change until the remote accepts it. This is called again after a repair.

        :raises CoordinationError: as :meth:`.Repository.write`.
        :raises RepositoryDamaged: if the private repository is damaged.
        """
        self._private.make()
        self._tip, self._is_fresh = self._private.known(), False
        is_stale = bool(self._interrupted or self._attempts) or self._tip is None
        try:
            return self._loop.run(self._attempt, self._refresh, is_stale)
        except (PushRejected, ConnectionLost, Locked) as error:
            raise self._failed(str(error)) from error
        except CoordinationError as error:
            failed = self._failed(error.what)
            if self._is_uncertain:
                raise failed from error
            raise

    def forget(self) -> None:
        """Remove the journal, since the outcome of each push is known and recorded."""
        with contextlib.suppress(OSError):
            (self._branch.state.path / self._journal).unlink()

    def _refresh(self) -> Receipt[T] | None:
        """Fetch the branch, and return the receipt if it contains an attempt."""
        self._tip, self._is_fresh = self._branch.fetch(self._loop.network_timeout), True
        self._is_uncertain = False
        for attempt in (*self._unanswered, *self._attempts[-1:]):  # a push without an answer can be accepted late
            if self._tip and self._private.has_arrived(attempt.commit, attempt.parent, self._tip):
                return self._accepted(attempt)
        self._resolve_interrupted()
        return None

    def _attempt(self) -> Receipt[T]:
        """Apply the function to the newest known documents, and push the change."""
        snapshot = self._branch.snapshot(self._tip, self._is_fresh, frozenset(self._pushed_ids))
        try:
            change = self._function(snapshot)
        except CoordinationError:
            if self._is_fresh:
                raise
            return self._refresh() or self._attempt()
        if not change.files:
            if not self._unanswered:
                return Receipt(change.result, None, len(self._attempts))
            last = self._attempts[-1]
            return Receipt(change.result, self._tip, len(self._attempts), last.change.files, last.old)
        commit = self._private.commit(self._tip, change.files, change.summary, self._author, int(time.time()))
        attempt = _Attempt(commit, self._tip, change, snapshot.contents)
        self._record(attempt)
        try:
            self._private.push(self._private.branch_ref, commit, self._tip, self._loop.network_timeout)
        except (ConnectionLost, RepositoryDamaged):
            self._unanswered.append(attempt)
            self._is_uncertain = True
            raise
        return self._accepted(attempt)

    def _record(self, attempt: _Attempt[T]) -> None:
        """Record an attempt on disk before it is pushed."""
        self._attempts.append(attempt)
        self._pushed_ids.update(attempt.change.ids)
        pushes = [{"commit": one.commit, "ids": list(one.change.ids)} for one in self._attempts]
        self._branch.state.write_json(self._journal, [*self._interrupted, *pushes])

    def _accepted(self, attempt: _Attempt[T]) -> Receipt[T]:
        """Record that the remote has accepted an attempt, and return the receipt."""
        self._branch.accepted(attempt.commit, attempt.parent)
        change = attempt.change
        return Receipt(change.result, attempt.commit, len(self._attempts), change.files, attempt.old)

    def _resolve_interrupted(self) -> None:
        """Find the outcome of the interrupted pushes, and report it once."""
        if self._is_resolved:
            return
        self._is_resolved = True
        private, tip, last = self._private, self._tip, self._interrupted[-1]
        commits = [push["commit"] for push in self._interrupted]
        arrived = tip is not None and (
            any(private.holds(commit) and private.is_ancestor(commit, tip) for commit in commits)
            or any(private.mentions(tip, message_id) for message_id in last["ids"])
        )
        self._interrupted = [{**last, "ids": sorted(self._pushed_ids)}]
        what = ", ".join(last["ids"]) or f"commit {last['commit'][:12]}"
        outcome = "did arrive" if arrived else "did not arrive"
        self._notes.append(f"An earlier write was interrupted before its outcome was known; it {outcome}: {what}.")

    def _failed(self, why: str) -> DeadlineReached:
        """Remove the journal, unless a push may have been accepted. Return the error for a write that took too long."""
        if self._is_uncertain:
            remedy = (
                "Whether it arrived is not known: look with the next listing before you repeat it, or repeat it with "
                "the same key."
            )
        else:
            remedy = "Nothing was written. Try again, or give a longer timeout (option timeout)."
            if not self._interrupted:
                self.forget()
        within = f"within {self._branch.timeout:.0f} s ({why.rstrip('.')})"
        return DeadlineReached(f"The remote {self._private.url} did not accept the write {within}.", remedy)


def parse_pushes(record: Any) -> list[dict[str, Any]]:
    """Return the pushes of a journal, each with its ``commit`` and the ``ids`` of its messages."""
    return [{"commit": str(one["commit"]), "ids": [str(message_id) for message_id in one["ids"]]} for one in record]
