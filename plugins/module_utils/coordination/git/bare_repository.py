# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare repository of this server, in which commits are created and read without a work tree."""

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

from ..errors import DocumentDamaged, RepositoryDamaged
from ..state_dir import StateDirectory
from .clone_config import Remote
from .failures import ConnectionLost, Outcome, local_failure
from .library import git_variables_hidden, gitpython, open_repository, read_ref, write_ref
from .objects import GitObject, copy_object, find_object
from .pause import Pause
from .process import GitCommand
from .trees import FOLDER, SUBMODULE, Entry, copy_tree, read_tree, write_tree

if TYPE_CHECKING:
    import git

T = TypeVar("T")

_FORMAT = ("-c", "init.defaultObjectFormat=sha1", "-c", "init.defaultRefFormat=files")
"""The formats that GitPython supports, whatever the settings of this host for new repositories are."""
MAX_SIZE = 32_000_000
"""The maximum size of a document in bytes, about ten thousand messages. A larger one could exhaust the memory."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CREATED_REF = "refs/acs-builders/made"
"""The newest commit that was created here. Git prunes unreferenced commits."""
_READING = "reading the private repository"
WITHDRAWN = "refs/acs-builders/withdrawn/"
"""The refs of old tips from which the branch of the remote no longer descends."""


class BareRepository:
    """A bare repository, and the remote that it is used with.

    :param path: the folder of the repository; :meth:`make` creates it.
    :param remote: the URL of the remote, and the settings for its connections.
    :param pat_file: the path of the token file.
    :param state: the state directory of this server.
    """

    def __init__(self, path: Path, remote: Remote, pat_file: str, state: StateDirectory) -> None:
        self.path = path
        self.remote = remote
        self.url = remote.url
        self._pause = Pause(state, remote.url)
        self.run = GitCommand(path, url=remote.url, pat_file=pat_file, settings=remote.settings).run
        self._repo: git.Repo | None = None
        self._trees: dict[str, dict[str, Entry]] = {}

    def close(self) -> None:
        """End the Git processes of this object."""
        repo, self._repo = self._repo, None
        self._trees.clear()
        if repo is not None:
            with contextlib.suppress(BrokenPipeError):  # raised by GitPython 3.1 if a process has already ended
                repo.close()
            repo.close()

    def ask(self, *arguments: str, timeout: float, meanwhile: Callable[[], object] | None = None) -> Outcome:
        """Run a ``git`` command that accesses the remote, as :meth:`.GitCommand.run`.

        :raises RemoteBusy: without a request, if requests to its host are paused.
        """
        return self._pause.ask(lambda: self.run(*arguments, timeout=timeout, meanwhile=meanwhile))

    def make(self) -> None:
        """Create the repository if it is missing. Other processes may do so at the same time."""
        if (self.path / "HEAD").exists():
            return
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=self.path.parent))
        outcome = self.run(f"--git-dir={new}", *_FORMAT, "init", "--quiet", "--bare", "--template=")
        try:
            self.local(outcome, "creating the private repository")
            with contextlib.suppress(OSError):
                os.rename(new, self.path)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def remake(self) -> None:
        """Replace the repository by an empty one. If it contains withdrawn commits, it is renamed, not deleted."""
        self.close()
        if self.path.exists():
            renamed = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            os.rename(self.path, renamed)
            if not _has_withdrawn(renamed):
                shutil.rmtree(renamed, ignore_errors=True)
        self.make()

    def repaired(self, action: Callable[[], T], guard: Callable[[], AbstractContextManager[None]] = nullcontext) -> T:
        """Run an action. If the repository is damaged, replace it by a new one and repeat the action.

        :param guard: the context in which the repository is replaced.
        :raises GitFailed: if the action fails also in the new repository.
        """
        with contextlib.suppress(RepositoryDamaged):
            return action()
        try:
            with guard():
                self.remake()
            return action()
        except RepositoryDamaged as damage:
            raise damage.error from damage

    @contextlib.contextmanager
    def _opened(self, doing: str) -> Iterator[git.Repo]:
        """Return this repository as an object of GitPython.

        :raises RepositoryDamaged: if part of it cannot be read or written.
        """
        exc = gitpython().exc
        try:
            with git_variables_hidden():
                self._repo = self._repo or open_repository(self.path)
                yield self._repo
        except (exc.GitError, exc.ODBError, ConfigError, ValueError, LookupError, OSError, AssertionError) as error:
            self.close()
            raise _damaged(str(error), doing) from error
        except BaseException:
            self.close()  # the rest of an unfinished answer would be read as the next object
            raise

    def ref(self, name: str) -> str | None:
        """Return the commit of a ref, None if the ref is missing."""
        with self._opened(_READING) as repo:
            return read_ref(repo, name)

    def set_ref(self, name: str, commit: str) -> None:
        """Set a ref to a commit."""
        with self._opened(f"setting {name}") as repo:
            write_ref(repo, name, commit)

    def commit(self, parent: str | None, files: dict[str, bytes], message: str, author: str, when: int) -> str:
        """Create a commit and return its object name.

        :param parent: the commit whose other files are kept; None for a commit without a parent.
        :param files: the new contents by path.
        :param author: the server id of the author and committer.
        :param when: seconds since 1970, UTC.
        """
        library = gitpython()
        person, date = library.Actor(author, f"{author}@localhost"), f"{when} +0000"
        with self._opened("creating a commit") as repo:
            tree = write_tree(repo, _root(parent) if parent else None, files)
            commit: git.Commit = library.Commit.create_from_tree(
                repo,
                library.Tree(repo, bytes.fromhex(tree), FOLDER, ""),
                message,
                [library.Commit(repo, bytes.fromhex(parent))] if parent else [],
                author=person,
                committer=person,
                author_date=date,
                commit_date=date,
            )
        self.set_ref(_CREATED_REF, commit.hexsha)
        return commit.hexsha

    def copy_created(self, commit: str, clone: git.Repo) -> bool:
        """Copy a commit to a clone that has its parent checked out, if it is the newest commit that was created here.

        This is faster than a fetch, which starts several processes.

        :return: whether it was copied. Another commit, which can be large, has to be fetched.
        """
        parent = self.find(f"{commit}^", 0)
        if self.ref(_CREATED_REF) != commit or parent is None or parent.name != read_ref(clone, "HEAD"):
            return False
        with self._opened("copying a commit") as repo:
            copy_tree(repo, clone, _root(commit), _root(parent.name))
            copy_object(repo, clone, commit)
        return True

    def read(self, commit: str, path: str) -> bytes | None:
        """Return the content of a file in a commit, None if the file is missing.

        :raises DocumentDamaged: without reading it, if the file is larger than any document.
        """
        entry = self._entry(commit, path)
        if entry is None or entry.mode == FOLDER or entry.mode == SUBMODULE:
            return None
        found = self.find(entry.object, MAX_SIZE)
        if found is None:
            raise _damaged(f"{path} is missing", _READING)
        if found.content is None:
            raise DocumentDamaged(path, 1, f"larger than {MAX_SIZE // 10**6} MB")
        return found.content

    def names(self, commit: str, folder: str = "") -> list[str]:
        """Return the names in a folder of a commit; an empty list if the folder is missing."""
        entry = self._entry(commit, folder) if folder else Entry(FOLDER, _root(commit))
        if entry is None or entry.mode != FOLDER:
            return []
        return [name for name, one in self._tree(entry.object).items() if one.mode != SUBMODULE]

    def holds(self, commit: str) -> bool:
        """Return whether this repository contains a commit. Text that is not an object name is not passed to Git."""
        return bool(_COMMIT.fullmatch(commit)) and self.find(f"{commit}^{{commit}}", 0) is not None

    def find(self, name: str, max_size: int | None = None) -> GitObject | None:
        """Return an object, None if it is missing, as :func:`.find_object`."""
        with self._opened(_READING) as repo:
            return find_object(repo, name, max_size)

    def refs(self, folder: str, every: bool = False) -> dict[str, str]:
        """Return the commits of the refs below a folder such as ``refs/heads/``, by the names of the refs.

        :param every: whether to include refs to objects of other types.
        """
        with self._opened("listing refs") as repo:
            items = gitpython().Reference.iter_items(repo, folder)
            names = [item.path for item in items if not item.path.endswith(".lock")]
            found = {name: find_object(repo, str(read_ref(repo, name)), 0) for name in names}
            missing = [name for name, target in found.items() if target is None]
            if missing:
                raise ValueError(f"the object of {missing[0]} is missing")
            return {name: one.name for name, one in found.items() if one and (every or one.type == "commit")}

    def _entry(self, commit: str, path: str) -> Entry | None:
        """Return the tree entry of a path in a commit."""
        entry = Entry(FOLDER, _root(commit))
        for name in path.split("/"):
            below = self._tree(entry.object).get(name) if entry.mode == FOLDER else None
            if below is None:
                return None
            entry = below
        return entry

    def _tree(self, name: str) -> dict[str, Entry]:
        """Return the entries of a tree, which is read once, as it never changes."""
        if name not in self._trees:
            with self._opened(_READING) as repo:
                self._trees[name] = read_tree(repo, name)
        return self._trees[name]

    def checked(self, error: Exception, outcome: Outcome, doing: str) -> Exception:
        """Return the error of a command that failed: damage of this repository can look like a lost connection.

        :param error: the error according to the messages of Git.
        :param doing: what the command does, for the message.
        """
        if isinstance(error, ConnectionLost) and outcome.status is not None:
            if self.run("fsck", "--connectivity-only", "--no-dangling", "--no-progress").status != 0:
                return _damaged(outcome.stderr, doing)
            own_object = f"(stored in {self.path}/objects/"  # this fsck does not check contents
            if any(words in outcome.stderr for words in ("Unable to create", ".lock'", own_object)):
                return _damaged(outcome.stderr, doing)
        return error

    def local(self, outcome: Outcome, doing: str) -> None:
        """Check the outcome of a command that does not access the remote.

        :raises RepositoryDamaged: if the command failed.
        """
        if outcome.status != 0:
            raise _damaged(outcome.stderr, doing)


def _root(commit: str) -> str:
    """Return the revision of the tree of a commit."""
    return f"{commit}^{{tree}}"


def _damaged(words: str, doing: str) -> RepositoryDamaged:
    error = local_failure(words, doing)
    return RepositoryDamaged(error.what, error.remedy)


def _has_withdrawn(path: Path) -> bool:
    packed = path / "packed-refs"
    in_packed = packed.exists() and WITHDRAWN.encode() in packed.read_bytes()
    return in_packed or any((path / WITHDRAWN).rglob("*"))
