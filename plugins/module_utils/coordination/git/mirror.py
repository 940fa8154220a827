# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host's private bare repository: where commits are made, and what is known of the remote.

It is never the only copy of anything but withdrawn commits, so when Git finds it damaged it is
thrown away and fetched anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Callable

from ..errors import RemoteMissing
from ..state_dir import StateDirectory
from .bare_repository import BareRepository
from .clone_config import Remote
from .failures import explain_failure, explain_push
from .library import gitpython
from .repack import has_many_loose, has_many_packs

DEEPEN_STEPS = (50, 500, 5000)
"""How many older commits are fetched, step by step, to find one in which a document can be read."""
RECENT = 32
"""Commits that are looked at without a process of Git."""
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head")


class PrivateRepository(BareRepository):
    """One branch of a remote, in a bare repository under the state directory.

    :param remote: the remote, as the clone has it.
    :param branch: the branch that holds the documents.
    :param pat_file: the file that holds the token.
    """

    def __init__(self, state: StateDirectory, remote: Remote, branch: str, pat_file: str) -> None:
        self.name = hashlib.sha256(remote.url.encode()).hexdigest()[:16]
        super().__init__(state.make("repos") / f"{self.name}.git", remote, pat_file, state)
        self.branch = branch
        self.pat_file = pat_file
        self._known_ref = f"refs/acs-builders/known/{branch}"
        self._fetched_ref = f"refs/acs-builders/fetched/{branch}"

    def known(self) -> str | None:
        """The newest commit of the remote that is known here."""
        return self.ref(self._known_ref)

    def set_known(self, commit: str | None) -> None:
        """Record the newest commit of the remote."""
        if commit is None:
            self.local(self.run("update-ref", "-d", self._known_ref), "forgetting a commit")
        else:
            self.set_ref(self._known_ref, commit)

    def fetch(self, timeout: float, meanwhile: Callable[[], object] | None = None) -> str | None:
        """Fetch the branch: only its newest commit the first time, what is new afterwards.

        :param timeout: seconds.
        :param meanwhile: what is done while Git waits for the remote.
        :return: the remote's newest commit, None when the remote is empty or has lost the branch.
        :raises RemoteError: when the remote cannot be reached or says no.
        :raises Interrupted: when the connection breaks.
        """
        known = self.known()
        depth = [] if known else ["--depth=1"]
        refspec = f"+refs/heads/{self.branch}:{self._fetched_ref}"
        outcome = self.ask(*_FETCH, *depth, self.url, refspec, timeout=timeout, meanwhile=meanwhile)
        if outcome.status == 0:
            return self.ref(self._fetched_ref)
        if "couldn't find remote ref" not in outcome.stderr:
            raise self.checked(explain_failure(outcome, self.url), outcome, "fetching")
        heads = self._heads(timeout)
        if self.branch in heads:  # it was made this moment
            return self.fetch(timeout)
        if heads:
            raise RemoteMissing(
                f"The remote {self.url} has no branch {self.branch!r}.",
                f"It has {', '.join(heads[:10])}. Give the right one: to the set-up as builders_branch, to a module as "
                "branch.",
            )
        return None

    def push(self, commit: str, parent: str | None, timeout: float) -> None:
        """Push a commit to the branch, if this is at the commit's parent.

        A plain push would make a branch anew that somebody has removed, with all its history. The lease refuses that;
        since the commit descends from its parent, nothing is ever overwritten.

        :param parent: the commit's parent; None when the branch must not exist.
        :param timeout: seconds.
        :raises Moved: when the branch is elsewhere.
        :raises RemoteError: when the remote cannot be reached or says no.
        :raises Interrupted: when it is not known whether the remote took it.
        """
        branch = f"refs/heads/{self.branch}"
        lease = f"--force-with-lease={branch}:{parent or ''}"
        outcome = self.ask("push", "--porcelain", lease, self.url, f"{commit}:{branch}", timeout=timeout)
        if outcome.status != 0:
            raise self.checked(explain_push(outcome, self.url), outcome, "pushing")

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether ``newer`` descends from ``older``, or is it."""
        if older in self._first_parents(newer):
            return True
        with self._opened("comparing commits") as repo:
            commit = gitpython().Commit
            return repo.is_ancestor(*(commit(repo, bytes.fromhex(name)) for name in (older, newer)))

    def has_arrived(self, commit: str, parent: str | None, tip: str) -> bool:
        """Whether a commit belongs to what leads to ``tip``.

        :param parent: the commit's parent: where the way back leads to it and not over the commit, it does not.
        """
        for name in self._first_parents(tip):
            if name in (commit, parent):
                return name == commit
        return self.holds(commit) and self.is_ancestor(commit, tip)

    def _first_parents(self, commit: str) -> Iterator[str]:
        """The last commits up to one, the newest first; none beyond a merge. No Git process is started for them."""
        for distance in range(RECENT):
            found = self.find(f"{commit}~{distance}", 0)
            if found is None:
                return
            yield found.name
            if self.find(f"{found.name}^2", 0):
                return

    def mentions(self, commit: str, text: str) -> bool:
        """Whether any file of a commit holds a text."""
        return self.run("grep", "--quiet", "--fixed-strings", "-e", text, commit).status == 0

    def history(self, commit: str, path: str, timeout: float) -> Iterator[str]:
        """The commits that changed a file, newest first, fetching older ones as they are needed."""
        seen = set()
        for step in (0, *DEEPEN_STEPS):
            if step:
                if not (self.path / "shallow").exists():
                    return
                branch = f"refs/heads/{self.branch}"
                if self.ask(*_FETCH, f"--deepen={step}", self.url, branch, timeout=timeout).status != 0:
                    return
            with self._opened("reading the history") as repo:
                found = [older.hexsha for older in repo.iter_commits(commit, paths=path)]
            for older in found:
                if older not in seen:
                    seen.add(older)
                    yield older

    def pack(self) -> None:
        """Pack the objects anew when there are many."""
        if has_many_loose(self.path) or has_many_packs(self.path):
            locks = (self.path / name for name in ("packed-refs.lock", "gc.pid.lock"))
            for left in (*locks, *self.path.glob("objects/obj*")):  # of one that was killed, as GitPython names parts
                left.unlink(missing_ok=True)
            self.run("gc", "--quiet", "--prune=now")

    def _heads(self, timeout: float) -> list[str]:
        """The remote's branches."""
        outcome = self.ask("ls-remote", "--heads", self.url, timeout=timeout)
        if outcome.status != 0:
            raise self.checked(explain_failure(outcome, self.url), outcome, "listing branches")
        return [line.partition("refs/heads/")[2] for line in outcome.stdout.decode("utf-8", "replace").splitlines()]
