# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare repository of this host, in which commits are made and read without a work tree."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from configparser import Error as ConfigError
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Callable, TypeVar

from ..errors import DocumentDamaged
from ..state_dir import StateDirectory
from .clone_config import Remote
from .failures import Interrupted, Outcome, local_failure
from .library import gitpython, neutral_variables, open_repository, read_ref
from .objects import GitObject, find_object
from .pause import Pause
from .process import GitCommand
from .trees import FOLDER, SUBMODULE, Entry, read_tree, write_tree

if TYPE_CHECKING:
    import git

T = TypeVar("T")

_FORMAT = ("-c", "init.defaultObjectFormat=sha1", "-c", "init.defaultRefFormat=files")
"""What GitPython reads and writes, whatever this host's settings for new repositories are."""
MAX_SIZE = 32_000_000
"""Bytes of a document, some ten thousand messages: with a larger one, somebody could fill this host's memory."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MADE = "refs/acs-builders/made"
"""The commit that was made last: what nothing refers to would be pruned."""
_READING = "reading the private repository"
WITHDRAWN = "refs/acs-builders/withdrawn/"
"""Where the old tip is kept when the remote's branch no longer descends from it."""


class Damaged(Exception):
    """Git finds this repository damaged."""

    def __init__(self, outcome: Outcome, doing: str) -> None:
        super().__init__(doing)
        self.error = local_failure(outcome, doing)


class BareRepository:
    """A bare repository at a path, and the remote that it works with.

    :param path: its folder; :meth:`make` makes it.
    :param remote: the remote: its URL, and the settings with which it is reached.
    :param pat_file: the file that holds the token.
    :param state: this host's state directory.
    """

    def __init__(self, path: Path, remote: Remote, pat_file: str, state: StateDirectory) -> None:
        self.path = path
        self.remote = remote
        self.url = remote.url
        self._pause = Pause(state, remote.url)
        self.run = GitCommand(path, url=remote.url, pat_file=pat_file, settings=remote.settings).run
        self._repo: git.Repo | None = None

    def close(self) -> None:
        """End the Git processes that this object keeps."""
        repo, self._repo = self._repo, None
        if repo is not None:
            with contextlib.suppress(BrokenPipeError):  # GitPython 3.1 stops at a process that has ended by itself
                repo.close()
            repo.close()

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

    @contextlib.contextmanager
    def _opened(self, doing: str) -> Iterator[git.Repo]:
        """This repository, as GitPython has it.

        :raises Damaged: when something in it cannot be read or written.
        """
        exc = gitpython().exc
        try:
            with neutral_variables():
                self._repo = self._repo or open_repository(self.path)
                yield self._repo
        except (exc.GitError, exc.ODBError, ConfigError, ValueError, LookupError, OSError, AssertionError) as error:
            self.close()
            raise Damaged(Outcome(None, b"", str(error)), doing) from error
        except BaseException:
            self.close()  # what it has not read yet would be taken for the next object
            raise

    def ref(self, name: str) -> str | None:
        """The commit of a ref, None when there is no such ref."""
        with self._opened(_READING) as repo:
            return read_ref(repo, name)

    def set_ref(self, name: str, commit: str) -> None:
        """Point a ref to a commit."""
        library = gitpython()
        with self._opened(f"setting {name}") as repo:
            library.SymbolicReference(repo, name).set_reference(library.Commit(repo, bytes.fromhex(commit)))

    def commit(self, parent: str | None, files: dict[str, bytes], message: str, author: str, when: int) -> str:
        """Make a commit without a work tree or an index, and return its name.

        :param files: new contents by path.
        :param author: who is named as author and committer, a server id.
        :param when: seconds since 1970, UTC.
        """
        library = gitpython()
        person, date = library.Actor(author, f"{author}@localhost"), f"{when} +0000"
        with self._opened("making a commit") as repo:
            tree = write_tree(repo, self._root(parent) if parent else None, files)
            made: git.Commit = library.Commit.create_from_tree(
                repo,
                library.Tree(repo, bytes.fromhex(tree), FOLDER, ""),
                message,
                [library.Commit(repo, bytes.fromhex(parent))] if parent else [],
                author=person,
                committer=person,
                author_date=date,
                commit_date=date,
            )
        self.set_ref(_MADE, made.hexsha)
        return made.hexsha

    def read(self, commit: str, path: str) -> bytes | None:
        """The content of a file in a commit, None when there is no such file.

        :raises DocumentDamaged: when it is too large for any document; it is not read then.
        """
        entry = self._entry(commit, path)
        if entry is None or entry.mode == FOLDER or entry.mode == SUBMODULE:
            return None
        found = self.find(entry.object, MAX_SIZE)
        if found is None:
            raise Damaged(Outcome(None, b"", f"{path} is missing"), _READING)
        if found.content is None:
            raise DocumentDamaged(path, 1, f"larger than {MAX_SIZE // 10**6} MB")
        return found.content

    def names(self, commit: str, folder: str = "") -> list[str]:
        """The names in a folder of a commit; none when there is no such folder."""
        entry = self._entry(commit, folder) if folder else Entry(FOLDER, self._root(commit))
        if entry is None or entry.mode != FOLDER:
            return []
        return [name for name, one in self._tree(entry.object).items() if one.mode != SUBMODULE]

    def holds(self, commit: str) -> bool:
        """Whether a commit is in this repository; Git is not asked for what cannot be the name of one."""
        return bool(_COMMIT.fullmatch(commit)) and self.find(f"{commit}^{{commit}}", 0) is not None

    def find(self, name: str, max_size: int | None = None) -> GitObject | None:
        """An object by its name, None when there is none.

        :param name: of the object, or as ``COMMIT^{commit}``.
        :param max_size: bytes; the content of a larger one is not read.
        """
        with self._opened(_READING) as repo:
            return find_object(repo, name, max_size)

    def refs(self, folder: str, every: bool = False) -> dict[str, str]:
        """The commits of the refs below a folder such as ``refs/heads/``, by name.

        :param every: whether refs to anything else are told too; else they are left out.
        """
        with self._opened("listing refs") as repo:
            items = gitpython().Reference.iter_items(repo, folder)
            found = {item.path: item.object for item in items if not item.path.endswith(".lock")}
            return {name: target.hexsha for name, target in found.items() if every or target.type == "commit"}

    def _entry(self, commit: str, path: str) -> Entry | None:
        """What a commit has at a path."""
        entry = Entry(FOLDER, self._root(commit))
        for name in path.split("/"):
            below = self._tree(entry.object).get(name) if entry.mode == FOLDER else None
            if below is None:
                return None
            entry = below
        return entry

    def _root(self, commit: str) -> str:
        """The name of a commit's tree."""
        found = self.find(f"{commit}^{{tree}}", 0)
        if found is None:
            raise Damaged(Outcome(None, b"", f"{commit} is missing"), _READING)
        return found.name

    def _tree(self, name: str) -> dict[str, Entry]:
        with self._opened(_READING) as repo:
            return read_tree(repo, name)

    def checked(self, error: Exception, outcome: Outcome, doing: str) -> Exception:
        """Tell damage here from a broken connection, which can look alike."""
        if isinstance(error, Interrupted) and outcome.status is not None:
            if self.run("fsck", "--connectivity-only", "--no-dangling", "--no-progress").status != 0:
                return Damaged(outcome, doing)
            own_object = f"(stored in {self.path}/objects/"  # fsck looks at no content
            if any(words in outcome.stderr for words in ("Unable to create", ".lock'", own_object)):
                return Damaged(outcome, doing)
        return error

    def local(self, outcome: Outcome, doing: str) -> None:
        """Check a call that touches no remote.

        :raises Damaged: when it failed.
        """
        if outcome.status != 0:
            raise Damaged(outcome, doing)


def _holds_withdrawn(path: Path) -> bool:
    packed = path / "packed-refs"
    in_packed = packed.exists() and WITHDRAWN.encode() in packed.read_bytes()
    return in_packed or any((path / WITHDRAWN).rglob("*"))
