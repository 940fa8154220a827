# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects: read through the Git processes that GitPython keeps, written by it as loose files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from git import Repo


class GitObject(NamedTuple):
    """An object: its name, its kind and its content, which is None when it is larger than asked for."""

    name: str
    kind: str
    content: bytes | None


def find_object(repo: Repo, name: str, max_size: int | None = None) -> GitObject | None:
    """An object by its name, None when there is none.

    :param name: of the object, or as ``COMMIT^{commit}``.
    :param max_size: bytes; the content of a larger one is not read.
    :raises ValueError: when Git cannot read it.
    """
    found: Any = (name, "", 0, b"")
    try:
        if max_size is not None:
            found = (*repo.git.get_object_header(name), None)
        if max_size is None or found[2] <= max_size:
            found = repo.git.get_object_data(name)
    except ValueError as error:
        if " missing" in str(error):  # as git-cat-file(1) has it
            return None
        raise
    object_name, kind, size, content = found
    if content is not None and len(content) != size:
        raise ValueError("Git has ended")
    return GitObject(object_name.decode("ascii"), kind.decode("ascii"), content)


def write_object(repo: Repo, kind: str, content: bytes) -> str:
    """Write an object, where there is none of its content, and return its name.

    :raises OSError: when it cannot be written.
    """
    from gitdb import IStream  # part of GitPython, and as slow to import

    name: bytes = repo.odb.store(IStream(kind, len(content), io.BytesIO(content))).hexsha
    return name.decode("ascii")
