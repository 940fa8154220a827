# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GitPython, imported when Git is first used: the import takes as long as the rest of the start of a command."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import DependencyMissing
from .objects import BLOCK_SIZE
from .process import NO_HOME, affects_git

if TYPE_CHECKING:
    import git


_WITHOUT_VERSION = {"GIT_PYTHON_REFRESH": "quiet", "GIT_PYTHON_GIT_EXECUTABLE": "/dev/null"}
"""Variables with which the import runs no ``git version``. After it GitPython runs ``git``, its default."""


_REMEDY = "Install it: apt-get install python3-git"


def require_gitpython() -> None:
    """Check that GitPython is installed, without importing it.

    :raises DependencyMissing: if it is not; the remedy names the Debian package.
    """
    from importlib.util import find_spec

    if find_spec("git") is None:
        raise DependencyMissing("The Python library GitPython is not installed for this host's Python.", _REMEDY)


@functools.lru_cache(maxsize=1)
def gitpython() -> ModuleType:
    """Return the package ``git`` of GitPython.

    :raises DependencyMissing: if it is not installed; the remedy names the Debian package.
    """
    try:
        with git_variables_hidden():  # one of them names the program that GitPython runs as Git
            os.environ.update(_WITHOUT_VERSION)
            try:
                import git
            finally:
                for name in _WITHOUT_VERSION:
                    del os.environ[name]
    except ImportError as error:
        raise DependencyMissing(
            f"The Python library GitPython cannot be imported by this host's Python ({error}).",
            _REMEDY,
        ) from error
    return git


@contextmanager
def git_variables_hidden() -> Iterator[None]:
    """Hide the variables that affect Git and the global configuration: GitPython passes the environment to Git."""
    hidden = {name: os.environ.pop(name) for name in [*os.environ] if affects_git(name) or name == "HOME"}
    os.environ["HOME"] = NO_HOME
    try:
        yield
    finally:
        del os.environ["HOME"]
        os.environ.update(hidden)


def open_repository(folder: Path) -> git.Repo:
    """Open a repository with GitPython, within :func:`git_variables_hidden`. Close it to end its Git processes.

    Objects are read by Git processes and written as loose files; GitPython 3.2 would start a process for each write.

    :raises git.exc.GitError: if the folder is not a repository.
    """
    library = gitpython()
    changes = {"store": library.db.LooseObjectDB.store, "stream_chunk_size": BLOCK_SIZE}
    store = type("ObjectStore", (library.GitCmdObjectDB,), changes)
    repository: git.Repo = library.Repo(folder, odbt=store, expand_vars=False)
    return repository


def read_ref(repository: git.Repo, name: str) -> str | None:
    """Return the object name of a ref; None if the ref is missing or not valid.

    :raises OSError: if the ref cannot be read, or is an empty file.
    """
    try:
        return str(gitpython().SymbolicReference.dereference_recursive(repository, name))
    except ValueError:
        return None
    except AssertionError as error:
        raise OSError(f"{name} is empty") from error


def write_ref(repository: git.Repo, name: str, commit: str) -> None:
    """Set a ref to a commit.

    :raises OSError: if it cannot be written.
    """
    library = gitpython()
    library.SymbolicReference(repository, name).set_reference(library.Commit(repository, bytes.fromhex(commit)))
