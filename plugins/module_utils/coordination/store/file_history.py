# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a file of the branch, as far as this host knows it."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cached_property
from typing import Callable, NamedTuple

from ..git.mirror import Mirror


class Appearance(NamedTuple):
    """The commit with which a file got some content.

    :param commit: the commit.
    :param at: its time in UTC, by the clock of its committer.
    :param is_oldest: whether it is the oldest commit that this host knows, so that an earlier one may have done it.
    """

    commit: str
    at: datetime
    is_oldest: bool


class FileHistory:
    """The history of a file. The remote is not asked.

    :param commit: the newest commit; None for an empty history.
    :param path: the path of the file.
    """

    def __init__(self, private: Mirror, commit: str | None, path: str) -> None:
        self._private = private
        self._commit = commit
        self._path = path

    def appearance(self, has_it: Callable[[str, bytes], bool]) -> Appearance | None:
        """Find the commit since which the file has some content.

        Not every commit is read: the distance to the newest one is doubled until one is found without the content, then
        halved. If the content came, went and came again, any of its appearances is found.

        :param has_it: gets a commit, and the file at it; returns whether that has the content.
        :return: None if the newest commit does not have the content.
        """
        changes = self._changes

        def is_there(place: int) -> bool:
            data = self._private.read(changes[place], self._path)
            return data is not None and has_it(changes[place], data)

        if not changes or not is_there(0):
            return None
        there, step = 0, 1
        while there + step < len(changes) and is_there(there + step):
            there, step = there + step, 2 * step
        missing = min(there + step, len(changes))
        while missing - there > 1:
            middle = (there + missing) // 2
            there, missing = (middle, missing) if is_there(middle) else (there, middle)
        when = datetime.fromtimestamp(self._private.committed_at(changes[there]), timezone.utc)
        return Appearance(changes[there], when, missing == len(changes) and self._private.is_shallow)

    @cached_property
    def _changes(self) -> list[str]:
        """The known commits that changed the file, newest first."""
        return self._private.changes(self._commit, self._path) if self._commit else []
