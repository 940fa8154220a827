# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The branch of the remote as of the last fetch: its newest commit, and its age."""

from __future__ import annotations

import contextlib
import time
from contextlib import AbstractContextManager
from typing import Callable

from ..errors import Locked, RepositoryDamaged, StateUnusable
from ..git.bare_repository import WITHDRAWN
from ..git.mirror import Mirror
from ..state_dir import StateDirectory
from .snapshot import Snapshot

SHORT_LOCK_TIMEOUT = 1
"""Seconds to wait for the fetch of another process before an operation that can be done later."""


class RemoteBranch:
    """The branch of the remote, as of the last fetch.

    :param timeout: the timeout of a network operation in seconds.

    ``withdrawn`` has the old and the new tip for each time that the branch was found rewound or rewritten.
    """

    def __init__(self, private: Mirror, state: StateDirectory, timeout: float) -> None:
        self.withdrawn: list[tuple[str, str | None]] = []
        self.private = private
        self.state = state
        self.timeout = timeout
        self._last: Snapshot | None = None
        self._lock = f"repos/{private.name}.fetch.lock"
        self._contact = state.path / "repos" / f"{private.name}.contact"

    def fetching(self, timeout: float | None = None) -> AbstractContextManager[None]:
        """Hold the lock for fetching commits and recording the newest one.

        :param timeout: seconds to wait for the lock; None for the timeout of this object.
        """
        return self.state.lock(self._lock, self.timeout if timeout is None else timeout)

    def fetch(self, timeout: float, meanwhile: Callable[[], object] | None = None) -> str | None:
        """Fetch the newest commit of the remote.

        :param timeout: seconds.
        :param meanwhile: a function to call while Git waits for the remote.
        :return: the commit; None if the remote has none.
        :raises RemoteError: if the remote cannot be reached or rejects the fetch.
        :raises ConnectionLost: if the connection breaks.
        :raises Locked: if another process fetches for too long.
        """
        with self.fetching(timeout):
            new = self.private.fetch(timeout, meanwhile)
            self.touch()
            old = self.private.known()
            if old and new != old and not (new and self.private.is_ancestor(old, new)):
                self.private.set_ref(WITHDRAWN + old, old)
                self.withdrawn.append((old, new))
            if new != old:
                self.private.set_known(new)
        return new

    def accepted(self, commit: str, parent: str | None) -> None:
        """Record that the remote has accepted a commit.

        An error here does not make the write fail: the next write then starts from an older commit and needs a fetch.
        If another process has fetched since, a newer commit is recorded already.

        :param parent: the parent of the commit; None if it has none.
        """
        with contextlib.suppress(RepositoryDamaged, StateUnusable, Locked), self.fetching(SHORT_LOCK_TIMEOUT):
            if self.private.known() == parent:
                self.private.set_known(commit)
            self.touch()

    def pack(self) -> None:
        """Repack the private repository if needed, unless another process fetches."""
        with contextlib.suppress(Locked), self.fetching(SHORT_LOCK_TIMEOUT):
            self.private.pack()

    def snapshot(self, commit: str | None, fresh: bool, pushed_ids: frozenset[str] = frozenset()) -> Snapshot:
        """Return the documents at a commit.

        :param fresh: whether the commit was just fetched.
        :param pushed_ids: as for :class:`.Snapshot`.
        """
        age = 0.0
        if not fresh and self._contact.exists():
            age = max(0.0, time.time() - self._contact.stat().st_mtime)
        self._last = Snapshot(self.private, commit, age, fresh, self.timeout, pushed_ids, self._last)
        return self._last

    def touch(self) -> None:
        """Record the time of the last answer of the remote."""
        with contextlib.suppress(OSError):
            self._contact.touch()
