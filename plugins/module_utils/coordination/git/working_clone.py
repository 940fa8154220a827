# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clone where people work: fast-forwarded after a write, unless that would interfere with their work."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import sentence
from .failures import shortened
from .library import git_variables_hidden, open_repository, write_ref
from .mirror import Mirror
from .process import GitCommand
from .repack import pack_clone

if TYPE_CHECKING:
    from git import Repo

UNFINISHED = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG")
MAX_REASON = 300
"""The maximum length of a message of Git in a note."""
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head")


def fast_forward(clone: str, remote: str, private: Mirror, commit: str, timeout: float, server: str) -> list[str]:
    """Fast-forward the branch that is checked out in the clone to a commit, if the clone is clean.

    :param clone: the path of the clone.
    :param remote: the name of the remote in the clone.
    :param private: the private repository, from which the clone gets the commit.
    :param timeout: seconds for the remote, which is accessed only for history that the private repository lacks.
        Local Git processes have no timeout, because ending them would leave locks in the clone.
    :param server: the id of this server, its name in the inventory.
    :return: a note with the reason if the clone was not updated, and how to repair it; else an empty list.
    """
    remedy = (
        "Finish the work there, or repair the clone from the controller, which keeps local work under "
        f"refs/acs-builders/rescued: ansible-playbook playbooks/recover.yml -l {server}"
    )
    try:
        with git_variables_hidden(), open_repository(Path(clone)) as repo:
            reason = _obstacle(repo, Path(clone))
            if not reason and repo.active_branch.name != private.branch:
                reason = f"it is on branch {repo.active_branch.name}"
                remedy = f"To update it again: {shlex.join(['git', '-C', clone, 'switch', private.branch])}"
            reason = reason or _update(repo, Path(clone), remote, private, commit, timeout)
    except Exception as error:  # the write was accepted, whatever is wrong with the clone
        reason = f"it cannot be read or written ({error})"
    return [f"{sentence(f'The clone {clone} was not updated: {reason}')} {remedy}"] if reason else []


def _obstacle(repo: Repo, work_tree: Path) -> str:
    """Return why the clone cannot be updated; empty if it can."""
    folder = Path(repo.git_dir)
    if folder == work_tree:
        return "it is a bare repository"
    if os.stat(folder).st_uid != os.geteuid():
        return "it belongs to another user, and its settings could run programs as this user"
    configured = repo.config_reader("repository").get_value("core", "worktree", "")
    if configured and (folder / str(configured)).resolve() != work_tree.resolve():
        return "its work tree is another folder"
    if any((folder / name).exists() for name in UNFINISHED):
        return "a rebase, merge or similar operation is in progress in it"
    return "it is not on a branch" if repo.head.is_detached else ""


def _update(repo: Repo, work_tree: Path, remote: str, private: Mirror, commit: str, timeout: float) -> str:
    """Bring a commit into the clone and fast-forward to it; return the reason if that failed, else an empty text."""
    tracking = f"refs/remotes/{remote}/{private.branch}"
    local = GitCommand(Path(repo.git_dir), work_tree)
    if private.copy_created(commit, repo):
        write_ref(repo, tracking, commit)
        outcome = None
    else:
        outcome = local.run(*_FETCH, str(private.path), f"+{commit}:{tracking}")
        if "shallow" in outcome.stderr:
            git = GitCommand(Path(repo.git_dir), work_tree, private.url, private.pat_file)
            outcome = git.run(*_FETCH, private.url, f"+refs/heads/{private.branch}:{tracking}", timeout=timeout)
    if outcome is None or outcome.status == 0:
        options = ("-c", f"branch.{private.branch}.mergeOptions=")
        with _signals_blocked():
            outcome = local.run(*options, "merge", "--quiet", "--ff-only", tracking)
    if outcome.status != 0:
        return shortened(outcome.stderr, MAX_REASON) or "Git failed"
    with suppress(OSError):
        pack_clone(local, Path(repo.common_dir))
    return ""


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block SIGTERM and SIGINT, also in child processes: an interrupted merge leaves a partly changed work tree."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
