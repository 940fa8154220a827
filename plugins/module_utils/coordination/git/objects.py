# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects: read by the Git process of GitPython, written as loose files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from git import Repo

BLOCK_SIZE = 65_536
"""The number of bytes of an object that are read at a time."""
_ENDED = "the Git process has ended"


class GitObject(NamedTuple):
    """An object: its name, type and content; the content is None if it is larger than the requested maximum."""

    name: str
    type: str
    content: bytes | None


def find_object(repo: Repo, name: str, max_size: int | None = None) -> GitObject | None:
    """Return an object, None if it is missing.

    :param name: the object name, or another revision such as ``COMMIT^{commit}``.
    :param max_size: the maximum size in bytes up to which the content is kept; None for no maximum.
    :raises ValueError: if Git cannot read the object.
    """
    header = _open_object(repo, name)
    if header is None:
        return None
    is_wanted, length, content = max_size is None or header.size <= max_size, 0, io.BytesIO()
    while block := header.stream.read(BLOCK_SIZE):  # what is not wanted is read, too, as the process is used again
        length += len(block)
        content.write(block if is_wanted else b"")
    if length != header.size:
        raise ValueError(_ENDED)
    return GitObject(header.name, header.type, content.getvalue() if is_wanted else None)


def copy_object(source: Repo, target: Repo, name: str) -> None:
    """Copy an object to another repository, unless it exists there.

    :raises ValueError: if it is missing.
    :raises OSError: if it cannot be written.
    """
    header = _open_object(source, name)
    if header is None:
        raise ValueError(f"{name} is missing")
    _store(target, header.type, header.size, _WholeStream(header.stream))


def write_object(repo: Repo, object_type: str, content: bytes) -> str:
    """Write an object, unless it exists, and return its name.

    :raises OSError: if it cannot be written.
    """
    return _store(repo, object_type, len(content), io.BytesIO(content))


class _Header(NamedTuple):
    """An object that is about to be read: its name, type, size in bytes, and a stream of its content.

    The stream has to be read to the end, because the process is used again.
    """

    name: str
    type: str
    size: int
    stream: Any


class _WholeStream:
    """A stream of an object of which no part may be missing."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        """Return the next bytes.

        :raises ValueError: if there are fewer.
        """
        data: bytes = self._stream.read(size)
        if len(data) < size:
            raise ValueError(_ENDED)
        return data


def _open_object(repo: Repo, name: str) -> _Header | None:
    """Return an object to read, None if it is missing.

    :raises ValueError: if Git cannot read the object.
    """
    try:
        object_name, object_type, size, stream = cast(Any, repo.git.stream_object_data(name))
    except ValueError as error:
        if " missing" in str(error):  # the message of git-cat-file(1)
            return None
        raise
    return _Header(object_name.decode("ascii"), object_type.decode("ascii"), size, stream)


def _store(repo: Repo, object_type: str, size: int, stream: Any) -> str:
    from gitdb import IStream  # a dependency of GitPython, as slow to import

    name: bytes = repo.odb.store(IStream(object_type, size, stream)).hexsha
    return name.decode("ascii")
