# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions on the Build repository.

A write is a pure function from the documents at a known commit to changed documents and a result.
It is applied to the newest known commit and pushed; when the branch has moved it is applied again to
what is there now. Nothing is merged as text, nothing is overwritten, and nothing is done twice.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Callable, TypeVar

from ..errors import CoordinationError, Locked, RemoteUnreachable, RepositoryDamaged, StateUnusable, explain
from ..git import working_clone
from ..git.bare_repository import WITHDRAWN
from ..git.clone_config import Remote, read_remote
from ..git.failures import ConnectionLost, PushRejected
from ..git.mirror import Mirror
from ..git.process import require_git
from ..secrets.redaction import register_token_file
from ..state_dir import StateDirectory
from .push_journal import Attempt, Attempts, AttemptsRecord
from .remote_branch import Tracking
from .snapshot import Change, Receipt, Snapshot

T = TypeVar("T")


class Repository:
    """The Build repository, as seen from this host. Close it in the end.

    :param clone: the clone where people work; it names the remote and is fast-forwarded after a write.
    :param state: this host's state directory.
    :param remote: the name of the remote in the clone.
    :param branch: the branch that holds the documents.
    :param pat_file: the file that holds the token; it need not exist.
    :param timeout: seconds that one read or write may take on the network.
    :raises DependencyMissing: without Git.
    :raises CloneInvalid: when the clone does not name the remote.

    ``notes`` collects, for people, what happened beside what was asked; ``away`` says why the remote was not reached
    the last time.
    """

    def __init__(
        self,
        clone: str,
        state: StateDirectory,
        remote: str = "origin",
        branch: str = "main",
        pat_file: str = "",
        timeout: float = 60,
    ) -> None:
        require_git()
        self.clone = clone
        self.state = state
        self.timeout = timeout
        self.notes: list[str] = []
        self.away = ""
        self._is_writing = False
        self._remote = remote
        register_token_file(pat_file)
        self._private = Mirror(state, read_remote(clone, remote, state), branch, pat_file)
        self._lock = f"repos/{self._private.name}.lock"
        self._tracking = Tracking(self._private, state, timeout)
        self._record = AttemptsRecord(state, f"repos/{self._private.name}.attempts.json")

    def close(self) -> None:
        """End the Git process that this object keeps."""
        self._private.close()

    @property
    def url(self) -> str:
        """The remote's URL."""
        return self._private.url

    @property
    def origin(self) -> Remote:
        """The remote, as the clone has it."""
        return self._private.remote

    def read(self, look: Callable[[Snapshot], T], ahead: bool = False) -> T:
        """Look at the documents at the remote's newest commit, with one fetch.

        When the remote cannot be reached, at the newest commit known here, which ``age`` and a note tell.

        :param look: gets the documents; it is called again when the private repository had to be made anew.
        :param ahead: whether to look at the newest commit known here while the remote is asked, since it is likely to
            be the remote's newest one; ``look`` is called again when it is not.
        :raises RemoteError: when the remote says no, or was never reached.
        """

        def fetch_and_look() -> T:
            found: dict[str | None, T] = {}
            snapshot = self._newest((lambda: self._look_ahead(look, found)) if ahead else None)
            return found[snapshot.commit] if snapshot.fresh and snapshot.commit in found else look(snapshot)

        try:
            self._private.make()
            return fetch_and_look()
        except RepositoryDamaged:
            with self.writing():
                return self._private.repaired(fetch_and_look, self._tracking.fetching)

    def look(self, look: Callable[[Snapshot], T]) -> T:
        """Look at the documents at the newest commit known here, without the network when that is enough.

        :param look: gets the documents; it is called again with the remote's newest ones when it raises.
        :raises RemoteError: when the remote had to be asked and says no, or was never reached.
        """
        try:
            self._private.make()
            tip = self._private.known()
            if tip:
                return look(self._tracking.snapshot(tip, fresh=False))
        except (CoordinationError, RepositoryDamaged):
            pass
        return self.read(look)

    def preview(self, function: Callable[[Snapshot], Change]) -> Receipt:
        """Apply a transaction's function to the newest documents and write nothing."""

        def look(snapshot: Snapshot) -> Receipt:
            change = function(snapshot)
            return Receipt(change.result, None, 0, change.files, snapshot.contents)

        return self.read(look)

    def write(
        self,
        function: Callable[[Snapshot], Change],
        author: str,
        settle: Callable[[Receipt], None] = lambda _receipt: None,
    ) -> Receipt:
        """Carry out one transaction.

        :param function: from the documents to the change; applied anew whenever the branch has moved, so it
            must depend on nothing else, and find for itself what it did already.
        :param author: the id of this server.
        :param settle: notes on this host what was written, before another process of this host writes. What it cannot
            note is looked for in the repository by the next write.
        :raises CoordinationError: what the function raises; nothing is written then.
        :raises RemoteError: when the remote says no, or did not take it within the timeout.
        :raises Locked: when another process writes for too long.
        """
        with self.writing():
            attempts = Attempts(self.url, self.timeout, self._record)
            receipt = self._private.repaired(
                lambda: self._transact(function, author, attempts), self._tracking.fetching
            )
            try:
                settle(receipt)
                self._record.forget()
            except (StateUnusable, OSError) as error:
                self.notes.append(f"The write was taken, but this host's record of it failed: {explain(error)}")
            try:
                self._tracking.pack()
                if receipt.commit:
                    self.notes += self.update_clone(receipt.commit, author)
            except (CoordinationError, OSError) as error:
                self.notes.append(f"The write was taken, but tidying up after it failed: {explain(error)}")
        return receipt

    @contextlib.contextmanager
    def writing(self, patience: float | None = None) -> Iterator[None]:
        """Keep other processes of this host from writing, for as long as the outermost of such blocks lasts.

        :param patience: seconds to wait for one that does; the timeout when None.
        :raises Locked: when one writes for too long.
        """
        if self._is_writing:
            yield
            return
        with self.state.lock(self._lock, self.timeout if patience is None else patience):
            self._is_writing = True
            try:
                yield
            finally:
                self._is_writing = False

    def update_clone(self, commit: str, server: str) -> list[str]:
        """Fast-forward the clone where people work to a commit that is known here, when that disturbs nobody.

        :param server: the id of this server.
        :return: a note that says why it was left as it is; empty when it was brought up to date.
        :raises Locked: when another process writes for too long.
        """
        with self.writing():
            return working_clone.fast_forward(self.clone, self._remote, self._private, commit, self.timeout, server)

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether a commit that is known here leads to another."""
        return self._private.holds(old) and self._private.holds(new) and self._private.is_ancestor(old, new)

    @property
    def withdrawn(self) -> list[tuple[str, str | None]]:
        """The newest commits, old and new, whenever this object found the branch rewound or rewritten."""
        return self._tracking.withdrawn

    def withdrawn_tips(self) -> list[str]:
        """The commits that were the newest ones of the remote before it was rewound, as far as they are kept here."""
        return list(self._private.refs(WITHDRAWN).values())

    def snapshot_of(self, commit: str | None) -> Snapshot:
        """The documents at a commit that is known here."""
        return self._tracking.snapshot(commit, fresh=False)

    @property
    def pat_file(self) -> str:
        """The file that holds the token."""
        return self._private.pat_file

    @property
    def private_path(self) -> str:
        """The folder of the private repository."""
        return str(self._private.path)

    def _transact(self, function: Callable[[Snapshot], Change], author: str, attempts: Attempts) -> Receipt:
        self._private.make()
        tip = self._private.known()
        ask = bool(attempts.interrupted or attempts.made) or tip is None
        while True:
            try:
                if ask:
                    tip = self._tracking.fetch(attempts.share)
                    arrived = attempts.find_arrived(self._private, tip)
                    if arrived:
                        return self._accepted(arrived, attempts.count)
                    self.notes += attempts.settle_interrupted(self._private, tip)
                snapshot = self._tracking.snapshot(tip, ask, frozenset(attempts.tried))
                try:
                    change = function(snapshot)
                except CoordinationError:
                    if ask:
                        raise
                    ask = True
                    continue
                if not change.files:
                    return attempts.without_change(change, tip)
                attempt = Attempt(
                    self._private.commit(tip, change.files, change.summary, author, int(time.time())),
                    tip,
                    change,
                    snapshot.contents,
                )
                attempts.add(attempt)
                try:
                    self._private.push(attempt.commit, tip, attempts.share)
                except (ConnectionLost, RepositoryDamaged):
                    attempts.answer_lost()
                    raise
                return self._accepted(attempt, attempts.count)
            except (PushRejected, ConnectionLost, RemoteUnreachable, Locked) as error:
                attempts.failed(error)
            except CoordinationError as error:
                if attempts.uncertain:
                    raise attempts.too_late(error.what) from error
                attempts.forget()
                raise
            ask = True

    def _look_ahead(self, look: Callable[[Snapshot], T], found: dict[str | None, T]) -> None:
        """Look at the newest commit known here as if it were the remote's, and put by commit what comes of it."""
        with contextlib.suppress(CoordinationError, RepositoryDamaged):
            known = self._private.known()
            if known:
                found[known] = look(self._tracking.snapshot(known, fresh=True))

    def _newest(self, meanwhile: Callable[[], object] | None = None) -> Snapshot:
        try:
            tip = self._tracking.fetch(self.timeout, meanwhile)
            self.away = ""
            return self._tracking.snapshot(tip, fresh=True)
        except (RemoteUnreachable, ConnectionLost, Locked) as error:
            known = self._private.known()
            if known is None:
                raise _plain(error, self.url) from error
            snapshot = self._tracking.snapshot(known, fresh=False)
            self.away = f"{_plain(error, self.url).what} What is known here is {snapshot.age:.0f} s old."
            self.notes.append(self.away)
            return snapshot

    def _accepted(self, attempt: Attempt, attempts: int) -> Receipt:
        """The receipt of a commit that is on the remote."""
        self._tracking.accepted(attempt.commit, attempt.parent)
        return Receipt(attempt.change.result, attempt.commit, attempts, attempt.change.files, attempt.old)


def _plain(error: RemoteUnreachable | ConnectionLost | Locked, url: str) -> CoordinationError:
    if isinstance(error, CoordinationError):
        return error
    return RemoteUnreachable(f"The remote {url} did not answer as it should: {error}", "Try again later.")
