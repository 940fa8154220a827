# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitPython: imported when Git is first used, since that takes as long as the rest of a command's start."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import DependencyMissing
from .process import NOWHERE, steers

if TYPE_CHECKING:
    import git


@functools.lru_cache(maxsize=1)
def gitpython() -> ModuleType:
    """The package ``git`` of GitPython.

    :raises DependencyMissing: naming the Debian package to install.
    """
    try:
        with neutral_variables():  # one of them names the program that GitPython runs as Git
            import git
    except ImportError as error:
        raise DependencyMissing(
            f"The Python library GitPython cannot be imported by this host's Python ({error}).",
            "Install it: apt-get install python3-git",
        ) from error
    return git


@contextmanager
def neutral_variables() -> Iterator[None]:
    """Hide the variables and the settings of the caller that steer Git: GitPython passes on all of this process."""
    hidden = {name: os.environ.pop(name) for name in [*os.environ] if steers(name) or name == "HOME"}
    os.environ["HOME"] = NOWHERE
    try:
        yield
    finally:
        del os.environ["HOME"]
        os.environ.update(hidden)


def open_repository(folder: Path) -> git.Repo:
    """Open a repository with GitPython, within :func:`neutral_variables`. Close it in the end: it keeps processes.

    Objects are read through Git and written as loose files: GitPython 3.2 would start a process for each.

    :raises git.exc.GitError: when there is none.
    """
    library = gitpython()
    store = type("ObjectStore", (library.GitCmdObjectDB,), {"store": library.db.LooseObjectDB.store})
    repository: git.Repo = library.Repo(folder, odbt=store, expand_vars=False)
    return repository


def read_ref(repository: git.Repo, name: str) -> str | None:
    """The commit that a ref names; None when there is no such ref, or it names none.

    :raises OSError: when it cannot be read, or is an empty file.
    """
    try:
        return str(gitpython().SymbolicReference.dereference_recursive(repository, name))
    except ValueError:
        return None
    except AssertionError as error:
        raise OSError(f"{name} is empty") from error
