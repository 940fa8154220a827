# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare repository of this host, in which commits are made and read without a work tree."""

from __future__ import annotations

import configparser
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Callable, TypeVar

from .errors import DocumentDamaged
from .git_command import GitCommand, Interrupted, Outcome, git, local_failure

T = TypeVar("T")

_FORMAT = ("-c", "init.defaultObjectFormat=sha1", "-c", "init.defaultRefFormat=files")
"""What GitPython reads, whatever this host's settings for new repositories are."""
MAX_SIZE = 32_000_000
"""Bytes of a document, some ten thousand messages: with a larger one, somebody could fill this host's memory."""
_READING_FAILED = (ValueError, IndexError, OSError, AssertionError)
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
    :param url: the remote's URL.
    :param pat_file: the file that holds the token.
    """

    def __init__(self, path: Path, url: str, pat_file: str) -> None:
        self.path = path
        self.url = url
        self._git = GitCommand(path, url=url, pat_file=pat_file)
        self._repo: git.Repo | None = None

    def close(self) -> None:
        """End the Git processes that this object keeps."""
        if self._repo is not None:
            try:
                self._repo.close()
            except BrokenPipeError:  # GitPython 3.1.14 stops at a process that has ended by itself; the other remains
                self._repo.close()
            self._repo = None

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

    def set_ref(self, name: str, commit: str) -> None:
        """Point a ref to a commit."""
        self.local(self.run("update-ref", name, commit), f"setting {name}")

    def commit(self, parent: str | None, files: dict[str, bytes], message: str, author: str, when: int) -> str:
        """Make a commit without a work tree or an index, and return its name.

        :param files: new contents by path.
        :param author: who is named as author and committer, a server id.
        :param when: seconds since 1970, UTC.
        """
        stream = [
            b"feature done\n",
            b"commit refs/acs-builders/made\nmark :1\n",
            f"committer {author} <{author}@localhost> {when} +0000\n".encode(),
            _data(message.encode("utf-8")),
        ]
        if parent:
            stream.append(f"from {parent}\n".encode())
        for path, content in files.items():
            stream += [f"M {self._mode(parent, path):o} inline {path}\n".encode(), _data(content)]
        stream.append(b"get-mark :1\ndone\n")
        outcome = self.run("fast-import", "--quiet", "--force", stdin=b"".join(stream))
        self.local(outcome, "making a commit")
        return outcome.stdout.decode("ascii").strip()

    def read(self, commit: str, path: str) -> bytes | None:
        """The content of a file in a commit, None when there is no such file.

        :raises DocumentDamaged: when it is too large for any document; it is not read then.
        """
        with self._reading() as repo:
            item = _item(repo.commit(commit).tree, path)
            if item is None or item.type != "blob":
                return None
            if item.size > MAX_SIZE:
                raise DocumentDamaged(path, 1, f"larger than {MAX_SIZE // 10**6} MB")
            return bytes(item.data_stream.read())

    def names(self, commit: str, folder: str = "") -> list[str]:
        """The names in a folder of a commit; none when there is no such folder."""
        with self._reading() as repo:
            tree = repo.commit(commit).tree
            found = _item(tree, folder) if folder else tree
            if found is None or found.type != "tree":
                return []
            return [item.name for item in found if item.type != "submodule"]

    def refs(self, prefix: str, every: bool = False) -> dict[str, str]:
        """The commits of the refs at or below ``prefix``, by name.

        :param every: whether refs to anything else are told too; else they are left out.
        """
        outcome = self.run("for-each-ref", "--format=%(objecttype) %(refname) %(objectname)", prefix)
        self.local(outcome, "listing refs")
        found = (line.split(" ") for line in outcome.stdout.decode("utf-8", "replace").splitlines())
        return {name: target for kind, name, target in found if every or kind == "commit"}

    def _mode(self, parent: str | None, path: str) -> int:
        if parent is None:
            return 0o100644
        with self._reading() as repo:
            item = _item(repo.commit(parent).tree, path)
            mode = int(item.mode) if item is not None and item.type == "blob" else 0o100644
        return 0o100755 if mode == 0o100755 else 0o100644  # a link, which anybody can make of a document, ends

    def ref(self, name: str) -> str | None:
        """The commit of a ref, None when there is no such ref."""
        with self._reading() as repo:
            try:
                return str(git.SymbolicReference.dereference_recursive(repo, name))
            except ValueError:
                return None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[git.Repo]:
        try:
            if self._repo is None:
                self._repo = git.Repo(self.path)
            yield self._repo
        except (git.exc.GitError, git.exc.ODBError, configparser.Error, *_READING_FAILED) as error:
            raise Damaged(Outcome(None, b"", str(error)), "reading the private repository") from error

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

    def run(self, *arguments: str, stdin: bytes = b"", timeout: float | None = None) -> Outcome:
        """Run Git on this repository, as :meth:`.git_command.GitCommand.run`."""
        return self._git.run(*arguments, stdin=stdin, timeout=timeout)


def _item(tree: git.Tree, path: str) -> Any:
    """A file or folder in a tree, None when there is none."""
    try:
        return tree / path
    except (KeyError, TypeError, AttributeError):
        return None


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _holds_withdrawn(path: Path) -> bool:
    packed = path / "packed-refs"
    in_packed = packed.exists() and WITHDRAWN.encode() in packed.read_bytes()
    return in_packed or any((path / WITHDRAWN).rglob("*"))
