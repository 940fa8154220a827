# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git's objects and refs as files of a repository (gitrepository-layout(5)), where a process would cost more."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

FILE, EXECUTABLE, FOLDER = b"100644", b"100755", b"40000"
"""Modes of entries in a tree."""
_NAME_BYTES = 20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FASTEST = 1
"""Level of compression: Git compresses anew what it sends and packs."""


class Entry(NamedTuple):
    """What stands in a tree under a name: its mode and the name of the object."""

    mode: bytes
    object: str


def parse_tree(content: bytes) -> dict[bytes, Entry]:
    """The entries of a tree object by name, in its order.

    :raises ValueError: when it is none.
    """
    entries = {}
    position = 0
    while position < len(content):
        blank = content.index(b" ", position)
        end = content.index(b"\0", blank)
        name_end = end + 1 + _NAME_BYTES
        mode = content[position:blank].lstrip(b"0")  # some tools write 040000
        entries[content[blank + 1 : end]] = Entry(mode, content[end + 1 : name_end].hex())
        position = name_end
    return entries


def dump_tree(entries: dict[bytes, Entry]) -> bytes:
    """The content of a tree object; Git sorts a folder as if its name ended in a slash."""
    lines = sorted(entries.items(), key=lambda item: item[0] + (b"/" if item[1].mode == FOLDER else b""))
    return b"".join(b"%s %s\0%s" % (entry.mode, name, bytes.fromhex(entry.object)) for name, entry in lines)


def write_object(git_dir: Path, kind: str, content: bytes) -> str:
    """Write a loose object, whole and on disk, and return its name.

    :param kind: ``blob``, ``tree`` or ``commit``.
    :raises OSError: when it cannot be written.
    """
    data = b"%s %d\0%s" % (kind.encode("ascii"), len(content), content)
    name = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    _put(git_dir, name, zlib.compress(data, _FASTEST))
    return name


def copy_object(git_dir: Path, target: Path, name: str) -> None:
    """Copy a loose object to another repository.

    :raises OSError: when it is not there, or cannot be written.
    """
    if not os.path.exists(_object_path(target, name)):
        with open(_object_path(git_dir, name), "rb") as stream:
            _put(target, name, stream.read())


def _object_path(git_dir: Path, name: str) -> str:
    """Where a loose object belongs. No Path: its parts are interned, and that table would grow with each."""
    return f"{git_dir}/objects/{name[:2]}/{name[2:]}"


def _put(git_dir: Path, name: str, packed: bytes) -> None:
    """Put a loose object where it belongs, also over one that is there, which may be damaged."""
    path = _object_path(git_dir, name)
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix="tmp_obj_", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(packed)
            stream.flush()
            os.fchmod(descriptor, 0o444)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def read_ref(git_dir: Path, name: str) -> str | None:
    """The commit that a ref names, None when there is no such ref.

    :raises ValueError: when it names none.
    :raises OSError: when it cannot be read.
    """
    try:
        value = (git_dir / name).read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        value = _packed_ref(git_dir, name)
        if not value:
            return None
    if not _COMMIT.fullmatch(value):
        raise ValueError(f"{name} does not name a commit")
    return value


def _packed_ref(git_dir: Path, name: str) -> str:
    try:
        lines = (git_dir / "packed-refs").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ""
    found = (line.partition(" ") for line in lines)
    return next((value for value, _blank, ref in found if ref == name), "")


def write_ref(git_dir: Path, name: str, commit: str) -> None:
    """Point a ref to a commit, under the lock that Git takes for it.

    :raises OSError: when it cannot be written, or the lock is there.
    """
    path = git_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f"{path.name}.lock")
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{commit}\n")
            stream.flush()
            os.fsync(descriptor)
        os.replace(lock, path)
    except BaseException:
        with contextlib.suppress(OSError):
            lock.unlink()
        raise
