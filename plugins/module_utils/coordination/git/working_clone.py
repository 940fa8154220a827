# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clone where people work: brought up to date after a write, as far as that disturbs nobody."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import sentence
from .failures import Outcome
from .library import neutral_variables, open_repository, read_ref
from .mirror import PrivateRepository
from .process import GitCommand
from .repack import pack_clone

if TYPE_CHECKING:
    from git import Repo

FORWARDING = "acs-builders-forwarding"
"""File in the clone's Git folder while it is fast-forwarded: the commit it was at, and the one that it is to get to."""

REFUSALS = (
    *("would be overwritten by merge", "Not possible to fast-forward", "unmerged files", "unrelated histories"),
    "index.lock': File exists",
)
"""What Git says when it has changed nothing, since somebody's own changes, commits or Git command are in the way (git,
unpack-trees.c, builtin/merge.c)."""
LOCK_AGE = 60
"""Seconds between the mark of a fast-forward and a lock that is taken to be its own."""


def fast_forward(clone: str, remote: str, private: PrivateRepository, commit: str, timeout: float) -> list[str]:
    """Fast-forward the clone's branch and work tree to a commit, when it is on the branch and nothing is in the way.

    :param remote: the remote's name in the clone.
    :param timeout: seconds for the remote, which is asked only when the clone is behind what is known on this host.
        What is done on this machine is never cut short, since that would leave locks in the clone.
    :return: a note that says why it was left as it is; empty when it was brought up to date.
    """
    try:
        with neutral_variables(), open_repository(Path(clone)) as repo:
            folder = _Folder(repo, Path(repo.git_dir), Path(repo.common_dir), Path(clone))
            reason = _obstacle(folder, private.branch)
        if reason:
            return [f"The clone {clone} was left as it is: {reason}."]
        command = GitCommand(folder.git, folder.work, private.url, private.pat_file)
    except Exception as error:  # whatever is wrong with the clone, the write has been accepted
        return [f"The clone {clone} was left as it is: it cannot be read ({error})."]
    tracking = f"refs/remotes/{remote}/{private.branch}"
    try:
        outcome = _clear_up(command, folder, (tracking, f"refs/heads/{private.branch}"))
        folder.mark.write_bytes(b"")
    except (OSError, ValueError) as error:
        outcome = Outcome(None, b"", str(error))
    if outcome.status == 0:
        outcome = _bring(command, folder, private, commit, tracking, timeout)
    if outcome.status == 0:
        with suppress(OSError):
            pack_clone(command, folder.common)
        return []
    said = " ".join(line for line in outcome.stderr.split("\n") if not line.startswith("hint:")).strip()
    return [sentence(f"The clone {clone} was left as it is: {said[:300]}")]


def _bring(
    command: GitCommand, folder: _Folder, private: PrivateRepository, commit: str, tracking: str, timeout: float
) -> Outcome:
    """Fetch a commit into the clone and fast-forward to it. The mark stays when something is left to be undone."""
    fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
    outcome = command.run(*fetch, str(private.path), f"+{commit}:{tracking}")
    if "shallow" in outcome.stderr:
        outcome = command.run(*fetch, private.url, f"+refs/heads/{private.branch}:{tracking}", timeout=timeout)
    if outcome.status == 0:
        with _to_the_end():
            outcome = _forward(command, folder, private.branch, tracking)
    killed = outcome.status is None or outcome.status < 0
    refused = any(words in outcome.stderr for words in REFUSALS)
    if outcome.status == 0 or refused or not (killed or _is_left(command, folder)):
        with suppress(OSError):
            folder.mark.unlink()
    return outcome


class _Folder(NamedTuple):
    """A clone as GitPython has it, its Git folder, the one with its branches, and the one with its files."""

    repo: Repo
    git: Path
    common: Path
    work: Path

    @property
    def mark(self) -> Path:
        """The file that is there while the clone is fast-forwarded."""
        return self.git / FORWARDING


def _forward(command: GitCommand, folder: _Folder, branch: str, tracking: str) -> Outcome:
    try:
        commits = [read_ref(folder.repo, name) for name in (f"refs/heads/{branch}", tracking)]
        folder.mark.write_text(" ".join(filter(None, commits)), encoding="ascii")
    except OSError as error:
        return Outcome(1, b"", str(error))
    plain = ("-c", f"branch.{branch}.mergeOptions=")
    return command.run(*plain, "merge", "--quiet", "--ff-only", tracking)


def _clear_up(command: GitCommand, folder: _Folder, refs: Sequence[str]) -> Outcome:
    """Take away what a fast-forward has left that was killed: its locks, and files that it has begun to change.

    :param refs: those that it sets.
    """
    if not folder.mark.exists():
        return Outcome(0, b"", "")
    marked = folder.mark.stat().st_mtime
    own = [folder.git / name for name in ("index", "HEAD", "ORIG_HEAD")]
    for path in [*own, *(folder.common / name for name in refs)]:
        lock = path.with_name(f"{path.name}.lock")
        if lock.exists() and abs(lock.stat().st_mtime - marked) <= LOCK_AGE:
            lock.unlink(missing_ok=True)
    return _undo(command, folder) or Outcome(0, b"", "")


def _is_left(command: GitCommand, folder: _Folder) -> bool:
    """Undo what a fast-forward has begun that failed, as on a full disk, and tell whether something of it is left."""
    try:
        outcome = _undo(command, folder)
    except (OSError, ValueError):
        return True
    return outcome is not None and outcome.status != 0


def _undo(command: GitCommand, folder: _Folder) -> Outcome | None:
    """Bring the files back that a fast-forward has begun to change, unless somebody has been at them since.

    :return: how Git ended; None when there was nothing to bring back.
    """
    commits = folder.mark.read_text(encoding="ascii").split()
    head = command.run("rev-parse", "HEAD").stdout.decode("ascii").strip()
    if len(commits) != 2 or commits[0] != head:
        return None
    listed = command.run("diff", "--name-only", "--no-renames", "-z", *commits).stdout.decode("utf-8", "replace")
    names = [name for name in listed.split("\0") if name]
    if not names or not all(_is_half_done(command, folder, name, commits) for name in names):
        return None
    outcome = command.run("reset", "--quiet", head, "--", *names)
    if outcome.status != 0:
        return outcome
    kept = [name for name in names if _blob(command, head, name) is not None]
    for name in set(names) - set(kept):
        (folder.work / name).unlink(missing_ok=True)
    return command.run("checkout", "--quiet", head, "--", *kept) if kept else None


def _is_half_done(command: GitCommand, folder: _Folder, name: str, commits: list[str]) -> bool:
    """Whether a file, and what is staged of it, is the old one, the new one, or the new one cut short."""
    old, new = (_blob(command, commit, name) for commit in commits)
    path = folder.work / name
    there = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    cut_short = there is not None and new is not None and new.startswith(there)
    return _blob(command, "", name) in (old, new) and (cut_short or there in (None, old))


def _blob(command: GitCommand, commit: str, name: str) -> bytes | None:
    """A file in a commit, or what is staged of it when that is empty; None when there is none."""
    outcome = command.run("cat-file", "blob", f"{commit}:{name}")
    return outcome.stdout if outcome.status == 0 else None


@contextmanager
def _to_the_end() -> Iterator[None]:
    """Put off what would end this process: a merge that is cut short leaves a work tree that nobody asked for."""
    put_off = {signal.SIGTERM, signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, put_off)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _obstacle(folder: _Folder, branch: str) -> str:
    if folder.git == folder.work:
        return "it is bare"
    if os.stat(folder.git).st_uid != os.geteuid():
        return "it belongs to another user, whose settings could run programs"
    elsewhere = folder.repo.config_reader("repository").get_value("core", "worktree", "")
    if elsewhere and (folder.git / str(elsewhere)).resolve() != folder.work.resolve():
        return "its files are in another folder"
    for name in ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"):
        if (folder.git / name).exists():
            return "a rebase, merge or the like is not finished in it"
    if folder.repo.head.is_detached:
        return "it is not on a branch"
    current = folder.repo.active_branch.name
    return "" if current == branch else f"it is on branch {current}"
