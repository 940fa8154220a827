# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host knows of the branch of the remote: its newest commit, and when the remote last answered."""

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
"""Seconds to wait for a fetch of another process before something that can be done later is left."""


class Tracking:
    """The remote's branch as it is known here.

    :param timeout: seconds that one operation may take on the network.

    ``withdrawn`` are the newest commits, old and new, whenever the branch was found rewound or rewritten.
    """

    def __init__(self, private: Mirror, state: StateDirectory, timeout: float) -> None:
        self.withdrawn: list[tuple[str, str | None]] = []
        self._private = private
        self._state = state
        self._timeout = timeout
        self._last: Snapshot | None = None
        self._lock = f"repos/{private.name}.fetch.lock"
        self._contact = state.path / "repos" / f"{private.name}.contact"

    def fetching(self, timeout: float | None = None) -> AbstractContextManager[None]:
        """Hold the lock under which commits are fetched and the newest known one is recorded."""
        return self._state.lock(self._lock, self._timeout if timeout is None else timeout)

    def fetch(self, timeout: float, meanwhile: Callable[[], object] | None = None) -> str | None:
        """Ask the remote for its newest commit, None when it has none.

        :param meanwhile: what is done while Git waits for the remote.

        :raises RemoteError: when the remote cannot be reached or says no.
        :raises ConnectionLost: when the connection breaks.
        :raises Locked: when another process fetches for too long.
        """
        with self.fetching(timeout):
            old = self._private.known()
            new = self._private.fetch(timeout, meanwhile)
            self._touch()
            if old and new != old and not (new and self._private.is_ancestor(old, new)):
                self._private.set_ref(WITHDRAWN + old, old)
                self.withdrawn.append((old, new))
            if new != old:
                self._private.set_known(new)
        return new

    def accepted(self, commit: str, parent: str | None) -> None:
        """Record that the remote has taken a commit. Nothing that fails here makes the write fail.

        When it cannot be recorded, the next write starts from an older commit, which costs it a fetch. Where another
        process has fetched since, it knows a newer one.
        """
        with contextlib.suppress(RepositoryDamaged, StateUnusable, Locked), self.fetching(SHORT_LOCK_TIMEOUT):
            if self._private.known() == parent:
                self._private.set_known(commit)
            self._touch()

    def pack(self) -> None:
        """Keep the private repository small, unless another process fetches."""
        with contextlib.suppress(Locked), self.fetching(SHORT_LOCK_TIMEOUT):
            self._private.pack()

    def snapshot(self, commit: str | None, fresh: bool, tried: frozenset[str] = frozenset()) -> Snapshot:
        """The documents at a commit.

        :param fresh: whether the remote was asked for it just now.
        """
        age = 0.0
        if not fresh and self._contact.exists():
            age = max(0.0, time.time() - self._contact.stat().st_mtime)
        self._last = Snapshot(self._private, commit, age, fresh, self._timeout, tried, self._last)
        return self._last

    def _touch(self) -> None:
        """Record that the remote has just answered."""
        with contextlib.suppress(OSError):
            self._contact.touch()
