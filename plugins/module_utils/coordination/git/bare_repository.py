# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare repository of this host, in which commits are made and read without a work tree."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Callable, NamedTuple, TypeVar

from ..errors import DocumentDamaged
from ..state_dir import StateDirectory
from .cat_file import GitObject, ObjectReader, Unreadable
from .clone_config import Remote
from .failures import Interrupted, Outcome, local_failure
from .object_files import EXECUTABLE, FILE, FOLDER, Entry, dump_tree, parse_tree, read_ref, write_object, write_ref
from .pause import Pause
from .process import GitCommand

T = TypeVar("T")

_FORMAT = ("-c", "init.defaultObjectFormat=sha1", "-c", "init.defaultRefFormat=files")
"""What :mod:`.object_files` reads and writes, whatever this host's settings for new repositories are."""
MAX_SIZE = 32_000_000
"""Bytes of a document, some ten thousand messages: with a larger one, somebody could fill this host's memory."""
_SUBMODULE = b"160000"
_MADE = "refs/acs-builders/made"
"""The commit that was made last: what nothing refers to would be pruned."""
WITHDRAWN = "refs/acs-builders/withdrawn/"
"""Where the old tip is kept when the remote's branch no longer descends from it."""


class Damaged(Exception):
    """Git finds this repository damaged."""

    def __init__(self, outcome: Outcome, doing: str) -> None:
        super().__init__(doing)
        self.error = local_failure(outcome, doing)


class Made(NamedTuple):
    """A commit that was made here, its parent, and all objects that were made for it, each after what it names."""

    commit: str
    parent: str | None
    objects: tuple[str, ...]


class BareRepository:
    """A bare repository at a path, and the remote that it works with.

    :param path: its folder; :meth:`make` makes it.
    :param remote: the remote: its URL, and the settings with which it is reached.
    :param pat_file: the file that holds the token.
    :param state: this host's state directory.

    ``made`` is the commit that this object made last.
    """

    def __init__(self, path: Path, remote: Remote, pat_file: str, state: StateDirectory) -> None:
        self.path = path
        self.remote = remote
        self.url = remote.url
        self._pause = Pause(state, remote.url)
        git = GitCommand(path, url=remote.url, pat_file=pat_file, settings=remote.settings)
        self.run = git.run
        self.made: Made | None = None
        self._objects = ObjectReader(git)

    def close(self) -> None:
        """End the Git process that this object keeps."""
        self._objects.close()

    def ask(self, *arguments: str, timeout: float, meanwhile: Callable[[], object] | None = None) -> Outcome:
        """Run ``git`` with arguments that ask the remote something, as :meth:`.GitCommand.run`.

        :raises RemoteBusy: when its host is left alone for a while; nothing is asked then.
        """
        return self._pause.ask(lambda: self.run(*arguments, timeout=timeout, meanwhile=meanwhile))

    def make(self) -> None:
        """Make the repository when there is none; another process may do so at the same time."""
        if (self.path / "HEAD").exists():
            return
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=self.path.parent))
        outcome = self.run(f"--git-dir={new}", *_FORMAT, "init", "--quiet", "--bare", "--template=")
        try:
            self.local(outcome, "making the private repository")
            with contextlib.suppress(OSError):
                os.rename(new, self.path)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def remake(self) -> None:
        """Throw the repository away and make an empty one; it is kept aside when it holds withdrawn commits."""
        self.close()
        if self.path.exists():
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            os.rename(self.path, aside)
            if not _holds_withdrawn(aside):
                shutil.rmtree(aside, ignore_errors=True)
        self.make()

    def mended(self, action: Callable[[], T], guard: Callable[[], AbstractContextManager[None]] = nullcontext) -> T:
        """Do something, once more in a new repository when this one is damaged.

        :param guard: is entered while the repository is replaced.
        :raises GitFailed: when that does not help.
        """
        with contextlib.suppress(Damaged):
            return action()
        try:
            with guard():
                self.remake()
            return action()
        except Damaged as again:
            raise again.error from again

    def ref(self, name: str) -> str | None:
        """The commit of a ref, None when there is no such ref."""
        try:
            return read_ref(self.path, name)
        except (OSError, ValueError) as error:
            raise _unreadable(error) from error

    def set_ref(self, name: str, commit: str) -> None:
        """Point a ref to a commit."""
        try:
            write_ref(self.path, name, commit)
        except OSError as error:
            raise Damaged(Outcome(None, b"", str(error)), f"setting {name}") from error

    def commit(self, parent: str | None, files: dict[str, bytes], message: str, author: str, when: int) -> str:
        """Make a commit without a work tree or an index, and return its name.

        :param files: new contents by path.
        :param author: who is named as author and committer, a server id.
        :param when: seconds since 1970, UTC.
        """
        objects: list[str] = []
        try:
            tree = self._root(parent) if parent else None
            tree = self._with_files(tree, {path.encode("utf-8"): data for path, data in files.items()}, objects)
            person = f"{author} <{author}@localhost> {when} +0000"
            lines = [f"tree {tree}", *([f"parent {parent}"] if parent else [])]
            lines += [f"author {person}", f"committer {person}", "", message]
            commit = write_object(self.path, "commit", "\n".join(lines).encode("utf-8"))
        except (OSError, ValueError) as error:
            raise Damaged(Outcome(None, b"", str(error)), "making a commit") from error
        self.set_ref(_MADE, commit)
        self.made = Made(commit, parent, (*objects, commit))
        return commit

    def _with_files(self, tree: str | None, files: dict[bytes, bytes], objects: list[str]) -> str:
        """The name of a tree like another one, with new contents of some files; adds what it writes to ``objects``."""
        entries = self._tree(tree) if tree else {}
        folders: dict[bytes, dict[bytes, bytes]] = {}
        for path, content in files.items():
            name, slash, rest = path.partition(b"/")
            if slash:
                folders.setdefault(name, {})[rest] = content
            else:
                there = entries.get(name)
                mode = EXECUTABLE if there and there.mode == EXECUTABLE else FILE  # a link of a document ends here
                objects.append(write_object(self.path, "blob", content))
                entries[name] = Entry(mode, objects[-1])
        for name, inner in folders.items():
            there = entries.get(name)
            below = there.object if there and there.mode == FOLDER else None
            entries[name] = Entry(FOLDER, self._with_files(below, inner, objects))
        objects.append(write_object(self.path, "tree", dump_tree(entries)))
        return objects[-1]

    def read(self, commit: str, path: str) -> bytes | None:
        """The content of a file in a commit, None when there is no such file.

        :raises DocumentDamaged: when it is too large for any document; it is not read then.
        """
        entry = self._entry(commit, path)
        if entry is None or entry.mode == FOLDER or entry.mode == _SUBMODULE:
            return None
        found = self._object(entry.object, MAX_SIZE)
        if found.content is None:
            raise DocumentDamaged(path, 1, f"larger than {MAX_SIZE // 10**6} MB")
        return found.content

    def names(self, commit: str, folder: str = "") -> list[str]:
        """The names in a folder of a commit; none when there is no such folder."""
        entry = self._entry(commit, folder) if folder else Entry(FOLDER, self._root(commit))
        if entry is None or entry.mode != FOLDER:
            return []
        found = self._tree(entry.object).items()
        return [name.decode("utf-8", "surrogateescape") for name, one in found if one.mode != _SUBMODULE]

    def holds(self, commit: str) -> bool:
        """Whether a commit is in this repository."""
        return self.find(f"{commit}^{{commit}}") is not None

    def find(self, name: str, max_size: int | None = None) -> GitObject | None:
        """An object by its name, None when there is none, as :meth:`.ObjectReader.find`."""
        try:
            return self._objects.find(name, max_size)
        except Unreadable as error:
            raise _unreadable(error) from error

    def refs(self, prefix: str, every: bool = False) -> dict[str, str]:
        """The commits of the refs at or below ``prefix``, by name.

        :param every: whether refs to anything else are told too; else they are left out.
        """
        outcome = self.run("for-each-ref", "--format=%(objecttype) %(refname) %(objectname)", prefix)
        self.local(outcome, "listing refs")
        found = (line.split(" ") for line in outcome.stdout.decode("utf-8", "replace").splitlines())
        return {name: target for kind, name, target in found if every or kind == "commit"}

    def _entry(self, commit: str, path: str) -> Entry | None:
        """What a commit has at a path."""
        entry = Entry(FOLDER, self._root(commit))
        for name in path.encode("utf-8").split(b"/"):
            below = self._tree(entry.object).get(name) if entry.mode == FOLDER else None
            if below is None:
                return None
            entry = below
        return entry

    def _root(self, commit: str) -> str:
        """The name of a commit's tree."""
        return self._object(f"{commit}^{{tree}}", None).name

    def _tree(self, name: str) -> dict[bytes, Entry]:
        try:
            return parse_tree(self._object(name, None).content or b"")
        except ValueError as error:
            raise _unreadable(error) from error

    def _object(self, name: str, max_size: int | None) -> GitObject:
        found = self.find(name, max_size)
        if found is None:
            raise _unreadable(Unreadable(f"{name} is missing"))
        return found

    def checked(self, error: Exception, outcome: Outcome, doing: str) -> Exception:
        """Tell damage here from a broken connection, which can look alike."""
        if isinstance(error, Interrupted) and outcome.status is not None:
            if self.run("fsck", "--connectivity-only", "--no-dangling", "--no-progress").status != 0:
                return Damaged(outcome, doing)
            if "Unable to create" in outcome.stderr or ".lock'" in outcome.stderr:
                return Damaged(outcome, doing)
        return error

    def local(self, outcome: Outcome, doing: str) -> None:
        """Check a call that touches no remote.

        :raises Damaged: when it failed.
        """
        if outcome.status != 0:
            raise Damaged(outcome, doing)


def _unreadable(error: Exception) -> Damaged:
    return Damaged(Outcome(None, b"", str(error)), "reading the private repository")


def _holds_withdrawn(path: Path) -> bool:
    packed = path / "packed-refs"
    in_packed = packed.exists() and WITHDRAWN.encode() in packed.read_bytes()
    return in_packed or any((path / WITHDRAWN).rglob("*"))
