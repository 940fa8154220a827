# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private repository of this server: a mirror of the branch, in which commits are created.

Apart from withdrawn commits it contains only copies, so it is replaced and fetched again if it is damaged.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Callable

from ..errors import DocumentDamaged, RemoteMissing
from ..state_dir import StateDirectory
from .bare_repository import BareRepository
from .clone_config import Remote
from .failures import explain_failure
from .library import gitpython
from .repack import has_many_loose, has_many_packs

DEEPEN_STEPS = (50, 500, 5000)
"""The numbers of older commits that are fetched, step by step, to find a valid version of a document."""
RECENT = 32
"""The maximum number of commits that are searched without starting a Git process."""
_FETCHED = "acs-builders-fetched"
"""The empty file in the repository that exists after the first fetch."""
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head")


class Mirror(BareRepository):
    """One branch of a remote, in a bare repository in the state directory.

    :param remote: the remote, as configured in the clone.
    :param branch: the branch with the documents.
    :param pat_file: the path of the token file.
    """

    def __init__(self, state: StateDirectory, remote: Remote, branch: str, pat_file: str) -> None:
        self.name = hashlib.sha256(remote.url.encode()).hexdigest()[:16]
        super().__init__(state.make("repos") / f"{self.name}.git", remote, pat_file, state)
        self.branch = branch
        self.branch_ref = f"refs/heads/{branch}"
        self.pat_file = pat_file
        self._known_ref = f"refs/acs-builders/known/{branch}"
        self._fetched_ref = f"refs/acs-builders/fetched/{branch}"

    def known(self) -> str | None:
        """Return the newest known commit of the remote, None if none is known."""
        return self.ref(self._known_ref)

    def set_known(self, commit: str | None) -> None:
        """Record the newest known commit of the remote."""
        if commit is None:
            self.local(self.run("update-ref", "-d", self._known_ref), "deleting a ref")
        else:
            self.set_ref(self._known_ref, commit)

    def fetch(self, timeout: float, meanwhile: Callable[[], object] | None = None) -> str | None:
        """Fetch the branch: the first time only its newest commit, later all new commits.

        :param timeout: seconds.
        :param meanwhile: a function to call while Git waits for the remote.
        :return: the newest commit of the remote, None if the remote has no branch at all.
        :raises RemoteError: if the remote cannot be reached or rejects the request.
        :raises ConnectionLost: if the connection is lost.
        """
        depth = [] if self._has_fetched else ["--depth=1"]
        refspec = f"+{self.branch_ref}:{self._fetched_ref}"
        outcome = self.ask(*_FETCH, *depth, self.url, refspec, timeout=timeout, meanwhile=meanwhile)
        if outcome.status == 0:
            (self.path / _FETCHED).touch()
            return self.ref(self._fetched_ref)
        if "couldn't find remote ref" not in outcome.stderr:
            raise self.checked(explain_failure(outcome, self.url), outcome, "fetching")
        folder = "refs/heads/"
        heads = [name[len(folder) :] for name in self.remote_refs(timeout) if name.startswith(folder)]
        if self.branch in heads:  # it was created in the meantime
            return self.fetch(timeout)
        if heads:
            raise RemoteMissing(
                f"The remote {self.url} has no branch {self.branch!r}.",
                f"It has {', '.join(heads[:10])}. Give the right branch: to the setup as builders_branch, to a module "
                "as branch.",
            )
        return None

    @property
    def _has_fetched(self) -> bool:
        """Whether the branch was fetched before. It needs no GitPython, which is imported while the fetch waits."""
        return (self.path / _FETCHED).exists() or self.known() is not None

    def remote_tip(self, timeout: float) -> str | None:
        """Return the newest commit of the remote, None if the branch is missing. No objects are fetched.

        :param timeout: seconds.
        :raises RemoteError: if the remote cannot be reached or rejects the request.
        :raises ConnectionLost: if the connection is lost.
        """
        return self.remote_refs(timeout).get(self.branch_ref)

    def remote_refs(self, timeout: float) -> dict[str, str]:
        """Return the refs of the remote and their objects, as :meth:`remote_tip`."""
        outcome = self.ask("ls-remote", "--refs", self.url, timeout=timeout)
        if outcome.status != 0:
            raise self.checked(explain_failure(outcome, self.url), outcome, "listing refs")
        lines = outcome.stdout.decode("utf-8", "replace").splitlines()
        return {name: target for target, _tab, name in (line.partition("\t") for line in lines)}

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Return whether ``newer`` descends from ``older``, or is the same commit."""
        if older in self._first_parents(newer):
            return True
        with self._opened("comparing commits") as repo:
            commit = gitpython().Commit
            return repo.is_ancestor(*(commit(repo, bytes.fromhex(name)) for name in (older, newer)))

    def has_arrived(self, commit: str, parent: str | None, tip: str) -> bool:
        """Return whether a commit is an ancestor of ``tip``, or ``tip`` itself.

        :param parent: the parent of the commit. If it is found first among the first parents of ``tip``, the result is
            false.
        """
        for name in self._first_parents(tip):
            if name in (commit, parent):
                return name == commit
        return self.holds(commit) and self.is_ancestor(commit, tip)

    def _first_parents(self, commit: str) -> Iterator[str]:
        """Yield a commit and its ancestors up to a merge, without starting a Git process."""
        for distance in range(RECENT):
            found = self.find(f"{commit}~{distance}", 0)
            if found is None:
                return
            yield found.name
            if self.find(f"{found.name}^2", 0):
                return

    def mentions(self, commit: str, text: str) -> bool:
        """Return whether any file of a commit contains a text."""
        return self.run("grep", "--quiet", "--fixed-strings", "-e", text, commit).status == 0

    def history(self, commit: str, path: str, timeout: float) -> Iterator[str]:
        """Yield the commits that changed a file, newest first, and fetch older commits as needed."""
        seen = set()
        for step in (0, *DEEPEN_STEPS):
            if step:
                if not self.is_shallow:
                    return
                if self.ask(*_FETCH, f"--deepen={step}", self.url, self.branch_ref, timeout=timeout).status != 0:
                    return
            for older in self.changes(commit, path):
                if older not in seen:
                    seen.add(older)
                    yield older

    @property
    def is_shallow(self) -> bool:
        """Whether commits before the first fetch are missing here."""
        return (self.path / "shallow").exists()

    def changes(self, commit: str, path: str) -> list[str]:
        """Return the known commits that changed a file, newest first.

        If older commits are missing here, the oldest known one is among them if it has the file.
        """
        with self._opened("reading the history") as repo:
            return [older.hexsha for older in repo.iter_commits(commit, paths=path)]

    def versions(self, commit: str, paths: Sequence[str], limit: int) -> dict[str, list[bytes]]:
        """Return the known versions of files by path, each once, the newest first.

        :param limit: the maximum number of commits, the newest ones that changed one of the files, that are read.
        """
        with self._opened("reading the history") as repo:
            commits = [older.hexsha for older in repo.iter_commits(commit, paths=list(paths), max_count=limit)]
        found: dict[str, dict[str, bytes]] = {path: {} for path in paths}
        for older in commits:
            for path, known in found.items():
                entry = self._entry(older, path)
                if entry and entry.object not in known:
                    with contextlib.suppress(DocumentDamaged):
                        known[entry.object] = self.read(older, path) or b""
        return {path: list(known.values()) for path, known in found.items()}

    def parent(self, commit: str) -> str | None:
        """Return the first parent of a commit, None if it has none or it is missing here."""
        found = self.find(f"{commit}^", 0)
        return found.name if found else None

    def committed_at(self, commit: str) -> int:
        """Return the time of a commit in seconds since 1970, UTC, by the clock of its committer."""
        with self._opened("reading the history") as repo:
            return int(gitpython().Commit(repo, bytes.fromhex(commit)).committed_date)

    def pack(self) -> None:
        """Repack the repository if it has many objects or packs."""
        if has_many_loose(self.path) or has_many_packs(self.path):
            locks = (self.path / name for name in ("packed-refs.lock", "gc.pid.lock"))
            for leftover in (*locks, *self.path.glob("objects/obj*")):  # of killed processes of Git and GitPython
                leftover.unlink(missing_ok=True)
            self.run("gc", "--quiet", "--prune=now")
