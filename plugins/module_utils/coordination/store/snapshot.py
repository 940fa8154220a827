# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents at one commit, and what a transaction makes of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Callable, TypeVar

from ..documents.json_document import Document, parse_object
from ..errors import DocumentDamaged
from ..git.mirror import Mirror

T = TypeVar("T")


@dataclass(frozen=True)
class Change:
    """What a transaction's function returns.

    ``files`` are the new contents by path, empty when there is nothing to do; ``summary`` is the commit's
    message; ``ids`` are the ids of the messages that it adds.
    """

    result: Any
    files: dict[str, bytes] = field(default_factory=dict)
    summary: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """How a write ended.

    ``commit`` is None when nothing was written, ``attempts`` counts pushes; ``files`` are the new contents by
    path and ``before`` the old ones. ``queued`` when the write waits in this host's outbox.
    """

    result: Any
    commit: str | None
    attempts: int
    files: dict[str, bytes] = field(default_factory=dict)
    before: dict[str, bytes] = field(default_factory=dict)
    queued: bool = False

    @property
    def changed(self) -> bool:
        """Whether something was written, or would be."""
        return bool(self.files or self.commit or self.queued)

    @property
    def delivery(self) -> str:
        """``pushed``, ``queued`` or ``none``."""
        return "queued" if self.queued else "pushed" if self.commit else "none"


class Snapshot:
    """The documents at one commit of the branch.

    :param commit: the commit; None when the remote is empty.
    :param age: seconds since the remote was known to be there; 0 when it was just asked.
    :param fresh: whether the remote was asked for this snapshot.
    :param tried: ids of messages that were pushed, or were about to be, without that it is known whether they arrived.
    """

    def __init__(
        self,
        private: Mirror,
        commit: str | None,
        age: float,
        fresh: bool,
        timeout: float,
        tried: frozenset[str] = frozenset(),
    ) -> None:
        self._private = private
        self._timeout = timeout
        self.commit = commit
        self.age = age
        self.fresh = fresh
        self.tried = tried

    def read(self, path: str) -> bytes | None:
        """The content of a file, None when there is none."""
        return self._private.read(self.commit, path) if self.commit else None

    def names(self, folder: str = "") -> list[str]:
        """The names in a folder, none when there is no such folder."""
        return self._private.names(self.commit, folder) if self.commit else []

    def load(self, path: str, reader: Callable[[bytes, str], T]) -> T | None:
        """Parse a document, None when there is none.

        :param reader: gets the bytes and the path.
        :raises DocumentDamaged: naming the commit, the line and the newest commit where it could be read.
        """
        try:
            data = self.read(path)
            return None if data is None else reader(data, path)
        except DocumentDamaged as error:
            good = self._newest_readable(path, reader)
            raise DocumentDamaged(path, error.line, error.reason, self.commit or "", good) from error

    def load_object(self, path: str) -> Document | None:
        """Parse a document whose value is an object, as :meth:`load`."""
        return self.load(path, parse_object)

    def contents(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The contents of files by path, empty for those that are missing."""
        return {path: self.read(path) or b"" for path in paths}

    def _newest_readable(self, path: str, reader: Callable[[bytes, str], Any]) -> str:
        for commit in self._private.history(str(self.commit), path, self._timeout):
            with contextlib.suppress(DocumentDamaged):
                data = self._private.read(commit, path)
                if data is not None:
                    reader(data, path)
                    return commit
        return ""
