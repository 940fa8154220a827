# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the clone where people work: its remote, and the settings for connections to it."""

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
from .library import git_variables_hidden, gitpython, open_repository
from .process import GitCommand
from .remote_settings import (
    GLOBAL,
    LOCAL,
    SYSTEM,
    SYSTEM_FILE,
    Setting,
    connection_settings,
    global_files,
    has_worktree_config,
    parse_settings,
)

REMOTE_FILE = "repos/remote.json"
WORKTREE_FILE = "config.worktree"
"""The settings of one work tree, if extensions.worktreeConfig is set (git-worktree(1))."""


class Remote(NamedTuple):
    """The URL of the remote, and the settings of the clone for connections to it, each ``name=value``."""

    url: str
    settings: tuple[str, ...] = ()


def read_remote(clone: str, remote: str, state: StateDirectory) -> Remote:
    """Return a remote of the clone where people work, without a user or password in its URL.

    Only the configuration of the clone is read, so other damage of the clone does not matter. Git reads it with the
    system and global configuration; the result is cached in the state directory until one of the files changes.

    :param clone: the path of the clone.
    :param remote: the name of the remote.
    :raises CloneInvalid: if the clone or the remote is missing, or a setting would change the address or credential.
    """
    try:
        own = _config_files(Path(clone))
        files = {LOCAL: own, SYSTEM: [Path(SYSTEM_FILE)], GLOBAL: global_files()}
        contents = [(scope, file, _content(scope, file)) for scope, named in files.items() for file in named]
        if contents[0][2] is None:
            raise FileNotFoundError(own[0])
        texts = [content for _scope, _file, content in contents]
        digest = hashlib.sha256(repr((clone, remote, texts)).encode()).hexdigest()
        is_whole = not any(re.search(rb"\[\s*include", text or b"", re.IGNORECASE) for text in texts)
        cached = _cached(state, digest) if is_whole else None
        existing = [(scope, file) for scope, file, content in contents if content is not None]
        found = cached or _configured(existing, clone, remote)
    except (OSError, ValueError) as error:
        raise _unreadable(clone, error) from error
    if not cached:
        with contextlib.suppress(StateUnusable):
            state.make("repos")
            state.write_json(REMOTE_FILE, {"config": digest, "url": found.url, "settings": found.settings})
    return Remote(_plain(found.url, clone, remote), found.settings)


def _config_files(clone: Path) -> list[Path]:
    """Return the paths of the configuration of a clone and of its work tree.

    GitPython is imported only for an unusual layout.

    :raises OSError: if the clone is missing.
    :raises ValueError: if it is not a clone.
    """
    usual = clone / ".git"
    if (usual / "config").is_file():
        return [usual / "config", usual / WORKTREE_FILE]
    try:
        with git_variables_hidden(), open_repository(clone) as repo:
            return [Path(repo.common_dir, "config"), Path(repo.git_dir, WORKTREE_FILE)]
    except gitpython().exc.InvalidGitRepositoryError as error:
        raise ValueError(error) from error


def _content(scope: str, file: Path) -> bytes | None:
    """Return the content of a file, None if it is missing. As in Git, an unreadable global file counts as missing."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        if scope == GLOBAL:
            return None
        raise


def _unreadable(clone: str, error: Exception) -> CloneInvalid:
    remedy = (
        "Clone the Build repository there, or give the path of its clone: to the setup as builders_repo, to a module "
        "as repo."
    )
    if isinstance(error, PermissionError):
        return CloneInvalid(f"{error.filename} cannot be read ({error.strerror}).", permission_remedy(error, remedy))
    return CloneInvalid(f"{clone} is not a Git repository, or its configuration cannot be read.", remedy)


def _cached(state: StateDirectory, digest: str) -> Remote | None:
    """Return the remote that was found in files with this digest; None if it is not cached."""

    def parse(record: Any) -> Remote | None:
        return Remote(str(record["url"]), tuple(map(str, record["settings"]))) if record["config"] == digest else None

    with contextlib.suppress(StateUnusable):
        return state.read(REMOTE_FILE, parse)
    return None


def _configured(files: Sequence[tuple[str, Path]], clone: str, remote: str) -> Remote:
    """Read a remote and the settings for its connections from configuration files.

    :param files: the scope and the path of each existing file.
    :raises ValueError: if Git cannot read the configuration of the clone.
    :raises GitFailed: if Git cannot read another file.
    :raises CloneInvalid: if the clone has no such remote, or a setting is refused.
    """
    settings: list[Setting] = []
    for scope, file in files:
        if file.name == WORKTREE_FILE and not has_worktree_config(settings):
            continue
        outcome = GitCommand(file.parent).run(
            "config", "--file", str(file), "--includes", "--list", "--show-origin", "--null"
        )
        if outcome.status != 0:
            is_local = scope == LOCAL
            raise ValueError(outcome.stderr) if is_local else local_failure(outcome.stderr, "reading its settings")
        settings += parse_settings(scope, outcome.stdout)
    urls = [one.value for one in settings if one.scope == LOCAL and one.key == f"remote.{remote}.url"]
    if not urls or not urls[-1]:
        raise CloneInvalid(
            f"The clone {clone} has no remote {remote!r}.", f"Add it: git -C {clone} remote add {remote} URL"
        )
    return Remote(urls[-1], connection_settings(settings, clone, remote, urls[-1]))


def _plain(url: str, clone: str, remote: str) -> str:
    """Return a URL without a user or password; a relative path relative to the clone.

    :raises CloneInvalid: if it is not valid. Git would treat a URL that begins with a dash as an option, which could
        name a program to run.
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
                f"The URL of the remote {remote!r} of {clone} is not a valid URL ({error}).",
                f"Correct it: git -C {clone} remote set-url {remote} URL",
            ) from error
        host = parts.netloc.rpartition("@")[2] if parts.scheme in ("http", "https") else parts.netloc
        return urlunsplit(parts._replace(netloc=host))
    is_path = ":" not in url.partition("/")[0]
    return os.path.normpath(os.path.join(clone, url)) if is_path else url
