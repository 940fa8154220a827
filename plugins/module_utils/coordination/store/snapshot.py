# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents at one commit, and the change and the receipt of a transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Generic, TypeVar, cast

from ..documents.json_document import Document, parse_object
from ..errors import DocumentDamaged
from ..git.mirror import Mirror
from .file_history import FileHistory

D = TypeVar("D", bound=Document)
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Change(Generic[T]):
    """The change of the documents that the function of a transaction returns.

    ``files`` are the new contents by path, empty if there is no change. ``summary`` is the message of the commit.
    ``ids`` are the ids of the messages that the change adds.
    """

    result: T
    files: dict[str, bytes] = field(default_factory=dict)
    summary: str = ""
    ids: tuple[str, ...] = ()


OldContents = Callable[[Iterable[str]], dict[str, bytes]]
"""Reads the old contents of files by path."""


def _empty(paths: Iterable[str]) -> dict[str, bytes]:
    return dict.fromkeys(paths, b"")


@dataclass(frozen=True)
class Receipt(Generic[T]):
    """The outcome of a write.

    ``commit`` is None if nothing was written. ``attempts`` counts pushes. ``files`` are the new contents by path, and
    ``old`` reads the old ones. ``queued`` is true if the write waits in the outbox of this host.
    """

    result: T
    commit: str | None
    attempts: int
    files: dict[str, bytes] = field(default_factory=dict)
    old: OldContents = _empty
    queued: bool = False

    @property
    def before(self) -> dict[str, bytes]:
        """The old contents by path, which are read now."""
        return self.old(self.files)

    @property
    def changed(self) -> bool:
        """Whether something was written, or would be written without check mode."""
        return bool(self.files or self.commit or self.queued)

    def returning(self, result: U) -> Receipt[U]:
        """Return the receipt with another result."""
        return replace(cast("Receipt[U]", self), result=result)

    @property
    def delivery(self) -> str:
        """``pushed``, ``queued`` or ``none``."""
        return "queued" if self.queued else "pushed" if self.commit else "none"


_UNREAD = object()


class Snapshot:
    """The documents at one commit of the branch, each read and parsed once.

    :param commit: the commit; None if the remote is empty.
    :param age: seconds since the last answer of the remote; 0 if the commit was just fetched.
    :param fresh: whether the commit was just fetched.
    :param timeout: the timeout of a network operation in seconds.
    :param pushed_ids: the ids of messages in pushes whose outcome is not known.
    :param earlier: another snapshot, whose documents are reused if it is of the same commit.
    """

    def __init__(
        self,
        private: Mirror,
        commit: str | None,
        age: float,
        fresh: bool,
        timeout: float,
        pushed_ids: frozenset[str] = frozenset(),
        earlier: Snapshot | None = None,
    ) -> None:
        self._private = private
        self._timeout = timeout
        self.commit = commit
        self.age = age
        self.fresh = fresh
        self.pushed_ids = pushed_ids
        same = earlier if earlier and earlier.commit == commit else None
        self._documents: dict[str, Document | DocumentDamaged | None] = same._documents if same else {}
        self._names: dict[str, list[str]] = same._names if same else {}

    def names(self, folder: str = "") -> list[str]:
        """Return the names in a folder, an empty list if it does not exist."""
        if folder not in self._names:
            self._names[folder] = self._private.names(self.commit, folder) if self.commit else []
        return self._names[folder]

    def load(
        self, path: str, reader: Callable[[bytes, str], D], is_wanted: Callable[[bytes], bool] | None = None
    ) -> D | None:
        """Parse a document.

        :param reader: parses the bytes of a path; each path has one reader.
        :param is_wanted: returns whether a file with these bytes has to be parsed; None is returned for other files.
        :return: the document; None if it does not exist.
        :raises DocumentDamaged: if it cannot be parsed, with the newest commit in which it can be.
        """
        known = self._documents.get(path, _UNREAD)
        if known is _UNREAD or (is_wanted and isinstance(known, DocumentDamaged)):
            try:
                data = self._private.read(self.commit, path) if self.commit else None
                if data is not None and is_wanted and not is_wanted(data):
                    return None
                self._documents[path] = None if data is None else reader(data, path)
            except DocumentDamaged as error:
                good = self._newest_readable(path, reader)
                self._documents[path] = DocumentDamaged(path, error.line, error.reason, self.commit or "", good)
        found = self._documents[path]
        if isinstance(found, DocumentDamaged):
            raise found
        return cast("D | None", found)

    def load_object(self, path: str) -> Document | None:
        """Parse a document whose value is an object, as :meth:`load`."""
        return self.load(path, parse_object)

    def contents(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of files by path, empty for those that are missing."""
        return {path: self._content(path) for path in paths}

    def history(self, path: str, before: str | None = None) -> FileHistory:
        """Return the known history of a file up to this commit.

        :param before: a commit of it, up to whose parent the history is returned.
        """
        return FileHistory(self._private, self._private.parent(before) if before else self.commit, path)

    def versions(self, paths: Sequence[str], limit: int) -> dict[str, list[bytes]]:
        """Return the known versions of files by path, as :meth:`.Mirror.versions`; none without a commit."""
        return self._private.versions(self.commit, paths, limit) if self.commit and paths else {}

    def _content(self, path: str) -> bytes:
        document = self._documents.get(path)
        if isinstance(document, Document):
            return document.encode()
        return (self._private.read(self.commit, path) if self.commit else None) or b""

    def _newest_readable(self, path: str, reader: Callable[[bytes, str], Any]) -> str:
        for commit in self._private.history(str(self.commit), path, self._timeout):
            with contextlib.suppress(DocumentDamaged):
                data = self._private.read(commit, path)
                if data is not None:
                    reader(data, path)
                    return commit
        return ""
