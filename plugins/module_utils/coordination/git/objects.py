# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects: read by the Git process of GitPython, written as loose files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from git import Repo

BLOCK_SIZE = 1_000_000
"""The number of bytes of an object that are read at a time."""


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
    try:
        found: Any = repo.git.stream_object_data(name)
    except ValueError as error:
        if " missing" in str(error):  # the message of git-cat-file(1)
            return None
        raise
    object_name, object_type, size, stream = found
    is_wanted, length, blocks = max_size is None or size <= max_size, 0, []
    while block := stream.read(BLOCK_SIZE):  # what is not wanted is read, too, as the process is used again
        length += len(block)
        blocks += [block] if is_wanted else []
    if length != size:
        raise ValueError("the Git process has ended")
    return GitObject(object_name.decode("ascii"), object_type.decode("ascii"), b"".join(blocks) if is_wanted else None)


def copy_object(source: Repo, target: Repo, name: str) -> None:
    """Copy an object to another repository, unless it exists there.

    :raises ValueError: if it is missing.
    :raises OSError: if it cannot be written.
    """
    found = find_object(source, name)
    if found is None or found.content is None:
        raise ValueError(f"{name} is missing")
    write_object(target, found.type, found.content)


def write_object(repo: Repo, object_type: str, content: bytes) -> str:
    """Write an object, unless it exists, and return its name.

    :raises OSError: if it cannot be written.
    """
    from gitdb import IStream  # a dependency of GitPython, as slow to import

    name: bytes = repo.odb.store(IStream(object_type, len(content), io.BytesIO(content))).hexsha
    return name.decode("ascii")
