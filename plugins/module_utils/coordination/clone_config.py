# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clone where people work, as its files have it: where its Git folder is, and what its remote is."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from .errors import CloneInvalid, StateUnusable
from .git_command import GitCommand, local_failure
from .state import StateDirectory

REMOTE_FILE = "repos/remote.json"


def git_folder(clone: Path) -> Path:
    """The folder with HEAD and index of a clone, of a work tree of one, or of a bare repository.

    As gitrepository-layout(5) has it.

    :raises OSError: when there is none.
    :raises ValueError: when it cannot be read.
    """
    folder = clone / ".git" if (clone / ".git").exists() else clone
    if folder.is_file():
        folder = clone / folder.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
    if not (folder / "HEAD").exists():
        raise FileNotFoundError(folder / "HEAD")
    return folder


def common_folder(folder: Path) -> Path:
    """The folder with the configuration and the branches of a clone whose Git folder is given.

    :raises OSError: when it cannot be read.
    :raises ValueError: when it cannot be read.
    """
    if (folder / "commondir").is_file():
        return folder / (folder / "commondir").read_text(encoding="utf-8").strip()
    return folder


def remote_url(clone: str, remote: str, state: StateDirectory) -> str:
    """The URL of a remote of the clone where people work, without a user or password in it.

    Only the clone's configuration is read, so no other damage to it matters. Git reads it once, and the URL is
    remembered until the configuration changes.

    :raises CloneInvalid: when there is no such clone or remote.
    """
    try:
        folder = common_folder(git_folder(Path(clone)))
        config = (folder / "config").read_bytes()
        name = hashlib.sha256(b"\0".join((clone.encode(), remote.encode(), config))).hexdigest()
        known = None if re.search(rb"\[\s*include", config, re.IGNORECASE) else _known(state, name)
        url = known or _configured(folder, remote)
    except (OSError, ValueError) as error:
        raise CloneInvalid(
            f"{clone} is not a Git repository, or its configuration cannot be read.",
            "Clone the Build repository there, or give the folder of its clone: to the set-up as builders_repo, to a "
            "module as repo.",
        ) from error
    if not url:
        raise CloneInvalid(
            f"The clone {clone} has no remote {remote!r}.", f"Add it: git -C {clone} remote add {remote} URL"
        )
    if not known:
        with contextlib.suppress(StateUnusable):
            state.make("repos")
            state.write_json(REMOTE_FILE, {"config": name, "url": url})
    return _plain(url, clone, remote)


def _known(state: StateDirectory, name: str) -> str:
    """The URL that was found before in a configuration of this name; empty when that is not known."""
    with contextlib.suppress(StateUnusable):
        return state.read(REMOTE_FILE, lambda record: str(record["url"]) if record["config"] == name else "") or ""
    return ""


def _configured(folder: Path, remote: str) -> str:
    """What a configuration has as the URL of a remote; empty when it has none.

    :raises ValueError: when Git cannot read it.
    :raises GitFailed: when Git cannot read its other settings.
    """
    command = ("config", "--file", str(folder / "config"), "--includes", "--get", f"remote.{remote}.url")
    outcome = GitCommand(folder).run(*command)
    if outcome.status not in (0, 1):
        is_own = str(folder / "config") in outcome.stderr
        raise ValueError(outcome.stderr) if is_own else local_failure(outcome, "reading its settings")
    return outcome.stdout.decode("utf-8", "replace").strip()


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
