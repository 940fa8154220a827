# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clone where people work: brought up to date after a write, as far as that disturbs nobody."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .git_command import GitCommand, git
from .private_repository import PrivateRepository


def fast_forward(clone: str, remote: str, private: PrivateRepository, commit: str, timeout: float) -> list[str]:
    """Fast-forward the clone's branch and work tree to a commit, when it is on the branch and nothing is in the way.

    :param remote: the remote's name in the clone.
    :param timeout: seconds for the remote, which is asked only when the clone is behind what is known on this host.
        What is done on this machine is never cut short, since that would leave locks in the clone.
    :return: a note that says why it was left as it is; empty when it was brought up to date.
    """
    try:
        with git.Repo(clone) as repo:
            reason = _obstacle(repo, private.branch)
            if reason:
                return [f"The clone {clone} was left as it is: {reason}."]
            command = GitCommand(Path(repo.git_dir), Path(str(repo.working_tree_dir)), private.url, private.pat_file)
    except Exception as error:  # whatever is wrong with the clone, the write has been accepted
        return [f"The clone {clone} was left as it is: it cannot be read ({error})."]
    tracking = f"refs/remotes/{remote}/{private.branch}"
    fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
    outcome = command.run(*fetch, str(private.path), f"+{commit}:{tracking}")
    if "shallow" in outcome.stderr:
        outcome = command.run(*fetch, private.url, f"+refs/heads/{private.branch}:{tracking}", timeout=timeout)
    if outcome.status == 0:
        with _to_the_end():
            outcome = command.run("merge", "--quiet", "--ff-only", tracking)
    if outcome.status == 0:
        return []
    said = " ".join(line for line in outcome.stderr.split("\n") if not line.startswith("hint:")).strip()
    return [f"The clone {clone} was left as it is: {said[:300]}"]


@contextmanager
def _to_the_end() -> Iterator[None]:
    """Put off what would end this process: a merge that is cut short leaves a work tree that nobody asked for."""
    put_off = {signal.SIGTERM, signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, put_off)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _obstacle(repo: git.Repo, branch: str) -> str:
    if repo.bare:
        return "it is bare"
    if os.stat(repo.git_dir).st_uid != os.geteuid():
        return "it belongs to another user, whose settings could run programs"
    for name in ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"):
        if Path(repo.git_dir, name).exists():
            return "a rebase, merge or the like is not finished in it"
    if repo.head.is_detached:
        return "it is not on a branch"
    current = repo.head.reference.name
    return "" if current == branch else f"it is on branch {current}"
