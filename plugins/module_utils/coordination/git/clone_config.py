# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clone where people work, as its files have it: where its Git folder is, and what its remote is."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from ..errors import CloneInvalid, StateUnusable, permission_remedy
from ..state_dir import StateDirectory
from .failures import local_failure
from .library import gitpython, neutral_variables, open_repository
from .process import GitCommand
from .remote_settings import (
    CLONE,
    PERSON,
    SYSTEM,
    SYSTEM_FILE,
    Setting,
    has_work_tree_file,
    honoured,
    parse_settings,
    person_files,
)

REMOTE_FILE = "repos/remote.json"
WORK_TREE_FILE = "config.worktree"
"""Settings of one work tree, where extensions.worktreeConfig is set (git-worktree(1))."""


class Remote(NamedTuple):
    """The remote: its URL, and the settings of the clone with which it is reached, each ``name=value``."""

    url: str
    settings: tuple[str, ...] = ()


def read_remote(clone: str, remote: str, state: StateDirectory) -> Remote:
    """A remote of the clone where people work, without a user or password in its URL.

    Only the clone's configuration is read, so no other damage to it matters. Git reads it once, with the settings of
    the machine and of the person who runs this, and what it tells is remembered until one of them changes.

    :raises CloneInvalid: when there is no such clone or remote, or a setting leads elsewhere.
    """
    try:
        own = _config_files(Path(clone))
        files = {CLONE: own, SYSTEM: [Path(SYSTEM_FILE)], PERSON: person_files()}
        contents = [(owner, file, _content(owner, file)) for owner, named in files.items() for file in named]
        if contents[0][2] is None:
            raise FileNotFoundError(own[0])
        texts = [content for _owner, _file, content in contents]
        name = hashlib.sha256(repr((clone, remote, texts)).encode()).hexdigest()
        is_whole = not any(re.search(rb"\[\s*include", text or b"", re.IGNORECASE) for text in texts)
        known = _known(state, name) if is_whole else None
        there = [(owner, file) for owner, file, content in contents if content is not None]
        found = known or _configured(there, clone, remote)
    except (OSError, ValueError) as error:
        raise _unreadable(clone, error) from error
    if not known:
        with contextlib.suppress(StateUnusable):
            state.make("repos")
            state.write_json(REMOTE_FILE, {"config": name, "url": found.url, "settings": found.settings})
    return Remote(_plain(found.url, clone, remote), found.settings)


def _config_files(clone: Path) -> list[Path]:
    """The configuration of a clone and that of its work tree. One in the usual layout is found without GitPython.

    :raises OSError: when there is none.
    :raises ValueError: when this is no clone.
    """
    usual = clone / ".git"
    if (usual / "config").is_file():
        return [usual / "config", usual / WORK_TREE_FILE]
    try:
        with neutral_variables(), open_repository(clone) as repo:
            return [Path(repo.common_dir, "config"), Path(repo.git_dir, WORK_TREE_FILE)]
    except gitpython().exc.InvalidGitRepositoryError as error:
        raise ValueError(error) from error


def _content(owner: str, file: Path) -> bytes | None:
    """What a file holds; None when there is none, or it is a person's and this user may not read it, as for Git."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        if owner == PERSON:
            return None
        raise


def _unreadable(clone: str, error: Exception) -> CloneInvalid:
    remedy = (
        "Clone the Build repository there, or give the folder of its clone: to the set-up as builders_repo, to a "
        "module as repo."
    )
    if isinstance(error, PermissionError):
        return CloneInvalid(f"{error.filename} cannot be read ({error.strerror}).", permission_remedy(error, remedy))
    return CloneInvalid(f"{clone} is not a Git repository, or its configuration cannot be read.", remedy)


def _known(state: StateDirectory, name: str) -> Remote | None:
    """What was found before in configurations of this name; None when that is not known."""

    def parse(record: Any) -> Remote | None:
        return Remote(str(record["url"]), tuple(map(str, record["settings"]))) if record["config"] == name else None

    with contextlib.suppress(StateUnusable):
        return state.read(REMOTE_FILE, parse)
    return None


def _configured(files: Sequence[tuple[str, Path]], clone: str, remote: str) -> Remote:
    """What configurations have of a remote.

    :param files: those that there are, each with whose it is.
    :raises ValueError: when Git cannot read that of the clone.
    :raises GitFailed: when Git cannot read another one.
    :raises CloneInvalid: when the remote is not in it, or a setting cannot be used.
    """
    settings: list[Setting] = []
    for owner, file in files:
        if file.name == WORK_TREE_FILE and not has_work_tree_file(settings):
            continue
        outcome = GitCommand(file.parent).run(
            "config", "--file", str(file), "--includes", "--list", "--show-origin", "--null"
        )
        if outcome.status != 0:
            is_own = owner == CLONE
            raise ValueError(outcome.stderr) if is_own else local_failure(outcome, "reading its settings")
        settings += parse_settings(owner, outcome.stdout)
    urls = [one.value for one in settings if one.owner == CLONE and one.key == f"remote.{remote}.url"]
    if not urls or not urls[-1]:
        raise CloneInvalid(
            f"The clone {clone} has no remote {remote!r}.", f"Add it: git -C {clone} remote add {remote} URL"
        )
    return Remote(urls[-1], honoured(settings, clone, remote, urls[-1]))


def _plain(url: str, clone: str, remote: str) -> str:
    """A URL without a user or password; a path as it is from the clone.

    :raises CloneInvalid: when it is none; one that looks like an option would be taken for one by Git, and could name a
        program to run.
    """
    if url.startswith("-"):
        raise CloneInvalid(
            f"The URL of the remote {remote!r} of {clone} begins with a dash.",
            f"Correct it: git -C {clone} remote set-url {remote} URL",
        )
    if re.match(r"[a-z][a-z0-9+.-]*://", url):
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise CloneInvalid(
                f"The URL of the remote {remote!r} of {clone} is not one ({error}).",
                f"Correct it: git -C {clone} remote set-url {remote} URL",
            ) from error
        host = parts.netloc.rpartition("@")[2] if parts.scheme in ("http", "https") else parts.netloc
        return urlunsplit(parts._replace(netloc=host))
    is_path = ":" not in url.partition("/")[0]
    return os.path.normpath(os.path.join(clone, url)) if is_path else url
