# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees, the folders of a commit."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, NamedTuple

from ..errors import GitFailed
from .library import gitpython
from .objects import copy_object, find_object, write_object

if TYPE_CHECKING:
    from git import Repo

FILE, EXECUTABLE, FOLDER, SUBMODULE = 0o100644, 0o100755, 0o040000, 0o160000
"""The modes of tree entries."""


class Entry(NamedTuple):
    """A tree entry: its mode and the name of its object."""

    mode: int
    object: str


def read_tree(repo: Repo, name: str) -> dict[str, Entry]:
    """Return the entries of a tree by name, in their order.

    :raises ValueError: if the tree cannot be read.
    :raises GitFailed: if the tree contains a name that GitPython refuses, such as ``.git``.
    """
    found = find_object(repo, name)
    if found is None:
        raise ValueError(f"{name} is missing")
    try:
        entries = gitpython().objects.fun.tree_entries_from_data(found.content)
    except ValueError as error:
        raise GitFailed(
            f"GitPython refuses a folder of the Build repository: {error}.",
            f"Find the file with git -C {repo.git_dir} ls-tree {found.name}, and remove it from the Build repository.",
        ) from error
    return {name: Entry(mode, binary.hex()) for binary, mode, name in entries}


def write_tree(repo: Repo, old: str | None, files: dict[str, bytes]) -> str:
    """Write a copy of a tree with new contents of some files, and return its object name.

    :param old: the tree to copy; None for an empty one.
    :param files: the new contents by path.
    :raises OSError: if it cannot be written.
    """
    entries = read_tree(repo, old) if old else {}
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(name, {})[rest] = content
        else:
            before = entries.get(name)
            mode = EXECUTABLE if before and before.mode == EXECUTABLE else FILE  # a file replaces a link
            entries[name] = Entry(mode, write_object(repo, "blob", content))
    for name, inner in folders.items():
        before = entries.get(name)
        subtree = before.object if before and before.mode == FOLDER else None
        entries[name] = Entry(FOLDER, write_tree(repo, subtree, inner))
    lines = sorted((os.fsencode(name) + (b"/" if one.mode == FOLDER else b""), one) for name, one in entries.items())
    stream = io.BytesIO()
    tree = [(bytes.fromhex(one.object), one.mode, key.rstrip(b"/")) for key, one in lines]  # in the order of Git
    gitpython().objects.fun.tree_to_stream(tree, stream.write)
    return write_object(repo, "tree", stream.getvalue())


def copy_tree(source: Repo, target: Repo, new: str, old: str | None) -> None:
    """Copy a tree to another repository, without the objects of an old tree that exists there.

    :param old: the old tree; None for none.
    :raises ValueError: if an object is missing.
    :raises OSError: if an object cannot be written.
    """
    existing = read_tree(source, old) if old else {}
    for name, entry in read_tree(source, new).items():
        before = existing.get(name)
        if entry == before or entry.mode == SUBMODULE:
            continue
        if entry.mode == FOLDER:
            copy_tree(source, target, entry.object, before.object if before and before.mode == FOLDER else None)
        else:
            copy_object(source, target, entry.object)
    copy_object(source, target, new)
