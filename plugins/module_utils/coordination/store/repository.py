# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions on the Build repository.

A write is a pure function from the documents at a known commit to changed documents and a result. It is applied to the
newest known commit, and the new commit is pushed. If the push is rejected because the branch has moved, the function is
applied again to the new documents. Documents are never merged as text.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Callable, TypeVar

from ..errors import CoordinationError, Locked, RemoteUnreachable, RepositoryDamaged, StateUnusable, explain
from ..git import working_clone
from ..git.bare_repository import WITHDRAWN
from ..git.clone_config import Remote, read_remote
from ..git.failures import ConnectionLost
from ..git.mirror import Mirror
from ..git.process import require_git
from ..secrets.redaction import register_token_file
from ..state_dir import StateDirectory
from ..timestamps import duration
from .remote_branch import RemoteBranch
from .snapshot import Change, Receipt, Snapshot
from .transaction import Transaction

T = TypeVar("T")


class Repository:
    """The Build repository. Call :meth:`close` at the end.

    :param clone: the clone where people work; it names the remote and is fast-forwarded after a write.
    :param state: the state directory of this host.
    :param remote: the name of the remote in the clone.
    :param branch: the branch that holds the documents.
    :param pat_file: the file that holds the token; it need not exist.
    :param timeout: the maximum duration of a read or a write in seconds.
    :raises DependencyMissing: if Git is not installed.
    :raises CloneInvalid: if the clone does not name the remote.

    ``notes`` are messages for the user about side effects. ``away`` is the reason why the remote was not reached the
    last time, empty if it was reached.
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
        self.branch = branch
        self._remote = remote
        register_token_file(pat_file)
        self._private = Mirror(state, read_remote(clone, remote, state), branch, pat_file)
        self._lock = f"repos/{self._private.name}.lock"
        self._remote_branch = RemoteBranch(self._private, state, timeout)

    def close(self) -> None:
        """Stop the Git process of this object."""
        self._private.close()

    @property
    def url(self) -> str:
        """The URL of the remote."""
        return self._private.url

    @property
    def origin(self) -> Remote:
        """The remote, as the clone has it."""
        return self._private.remote

    def read(self, look: Callable[[Snapshot], T], ahead: bool = False) -> T:
        """Read the documents at the newest commit of the remote, with one fetch.

        If the remote cannot be reached, the documents at the newest known commit are read. The age of the snapshot and
        a note report this.

        :param look: gets the documents. It is called again if the private repository was repaired.
        :param ahead: whether to call ``look`` for the newest known commit during the fetch. It is called again if the
            remote has a newer one.
        :raises RemoteError: if the remote rejects the fetch, or was never reached.
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
                return self._private.repaired(fetch_and_look, self._remote_branch.fetching)

    def remote_tip(self) -> str | None:
        """Return the newest commit of the remote, None if the branch is missing. No objects are fetched.

        If it is known here, this counts as an answer of the remote for the age of snapshots.

        :raises RemoteError: if the remote cannot be reached or rejects the request.
        :raises ConnectionLost: if the connection is lost.
        """
        self._private.make()
        tip = self._private.remote_tip(self.timeout)
        if tip and tip == self._private.known():
            self._remote_branch.touch()
        return tip

    def read_at(self, tip: str | None, look: Callable[[Snapshot], T]) -> T:
        """Read the documents as :meth:`read`, without a fetch if ``tip`` is known here.

        :param tip: what :meth:`remote_tip` has just returned.
        """
        try:
            if tip and self._private.known() == tip:
                return look(self._remote_branch.snapshot(tip, fresh=True))
        except (CoordinationError, RepositoryDamaged):
            pass
        return self.read(look)

    def look(self, look: Callable[[Snapshot], T]) -> T:
        """Read the documents at the newest known commit, without the network if possible.

        :param look: gets the documents. If it raises an error, it is called again with the newest documents of the
            remote.
        :raises RemoteError: if the fetch was needed and was rejected, or the remote was never reached.
        """
        try:
            self._private.make()
            tip = self._private.known()
            if tip:
                return look(self._remote_branch.snapshot(tip, fresh=False))
        except (CoordinationError, RepositoryDamaged):
            pass
        return self.read(look)

    def preview(self, function: Callable[[Snapshot], Change[T]]) -> Receipt[T]:
        """Apply the function of a transaction to the newest documents, without a write."""

        def look(snapshot: Snapshot) -> Receipt[T]:
            change = function(snapshot)
            return Receipt(change.result, None, 0, change.files, snapshot.contents)

        return self.read(look)

    def write(
        self,
        function: Callable[[Snapshot], Change[T]],
        author: str,
        settle: Callable[[Receipt[T]], None] = lambda _receipt: None,
    ) -> Receipt[T]:
        """Execute a transaction.

        :param function: returns the change of the documents. It is applied again when the branch has moved, so it must
            depend on the documents alone, and must detect what it has written already.
        :param author: the id of this server.
        :param settle: records on this host what was written, before another process of this host writes. If it fails,
            the next write searches the repository.
        :raises CoordinationError: an error of the function; nothing is written then.
        :raises RemoteError: if the remote rejects the write, or does not accept it within the timeout.
        :raises Locked: if another process writes for too long.
        """
        with self.writing():
            transaction = Transaction(self._remote_branch, function, author, self.notes)
            receipt = self._private.repaired(transaction.run, self._remote_branch.fetching)
            try:
                settle(receipt)
                transaction.forget()
            except (StateUnusable, OSError) as error:
                self.notes.append(f"The write was accepted, but this host's record of it failed: {explain(error)}")
            try:
                self._remote_branch.pack()
                if receipt.commit:
                    self.notes += self.update_clone(receipt.commit, author)
            except (CoordinationError, OSError) as error:
                self.notes.append(f"The write was accepted, but the work after it failed: {explain(error)}")
        return receipt

    @contextlib.contextmanager
    def writing(self, patience: float | None = None) -> Iterator[None]:
        """Lock the repository against writes of other processes, reentrantly.

        :param patience: seconds to wait for another process; None for the timeout.
        :raises Locked: if another process writes for too long.
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
        """Fast-forward the clone where people work, if that does not affect their work.

        :param commit: a commit of the private repository.
        :param server: the id of this server.
        :return: a note about the reason why the clone was not changed; an empty list if it is up to date.
        :raises Locked: if another process writes for too long.
        """
        with self.writing():
            return working_clone.fast_forward(self.clone, self._remote, self._private, commit, self.timeout, server)

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return whether a commit is known and is an ancestor of another known commit."""
        return self._private.holds(old) and self._private.holds(new) and self._private.is_ancestor(old, new)

    @property
    def withdrawn(self) -> list[tuple[str, str | None]]:
        """The old and the new tip for each rewind of the branch that this object found."""
        return self._remote_branch.withdrawn

    def withdrawn_tips(self) -> list[str]:
        """Return the tips of the remote from before it was rewound, if they are kept."""
        return list(self._private.refs(WITHDRAWN).values())

    def snapshot_of(self, commit: str | None) -> Snapshot:
        """Return the documents at a known commit."""
        return self._remote_branch.snapshot(commit, fresh=False)

    @property
    def pat_file(self) -> str:
        """The file that holds the token."""
        return self._private.pat_file

    @property
    def private_path(self) -> str:
        """The folder of the private repository."""
        return str(self._private.path)

    def _look_ahead(self, look: Callable[[Snapshot], T], found: dict[str | None, T]) -> None:
        """Call ``look`` for the newest known commit, and keep the result by commit."""
        with contextlib.suppress(CoordinationError, RepositoryDamaged):
            known = self._private.known()
            if known:
                found[known] = look(self._remote_branch.snapshot(known, fresh=True))

    def _newest(self, meanwhile: Callable[[], object] | None = None) -> Snapshot:
        try:
            tip = self._remote_branch.fetch(self.timeout, meanwhile)
            self.away = ""
            return self._remote_branch.snapshot(tip, fresh=True)
        except (RemoteUnreachable, ConnectionLost, Locked) as error:
            known = self._private.known()
            if known is None:
                raise _plain(error, self.url) from error
            snapshot = self._remote_branch.snapshot(known, fresh=False)
            self.away = f"{_plain(error, self.url).what} What is known here is {duration(snapshot.age)} old."
            self.notes.append(self.away)
            return snapshot


def _plain(error: RemoteUnreachable | ConnectionLost | Locked, url: str) -> CoordinationError:
    if isinstance(error, CoordinationError):
        return error
    return RemoteUnreachable(f"The remote {url} did not answer as it should: {error}", "Try again later.")
