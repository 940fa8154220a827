"""Servers for tests with a remote in memory and substitute keys: no Git, no process."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CloneInvalid
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import host, signatures
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring import heartbeat_refs
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Change
from ansible_collections.acs.builders.tests.builders import LEGACY_REPO, Builders
from ansible_collections.acs.builders.tests.contract.memory_heartbeats import MemoryHeartbeats
from ansible_collections.acs.builders.tests.contract.memory_keys import make_key, ssh_keygen
from ansible_collections.acs.builders.tests.contract.memory_repository import MemoryRemote, MemoryRepository

REMOTES: dict[str, MemoryRemote] = {}
"""The remotes by URL."""


class MemoryBuilders(Builders):
    """A Build repository in memory with its servers, whose files are in one folder."""

    @property
    def memory(self) -> MemoryRemote:
        """The remote."""
        return REMOTES[str(self.remote)]

    @property
    def tip(self) -> str | None:
        """The newest commit of the remote."""
        return self.memory.tip

    def add_server(self, server: str) -> None:
        """Configure the id of a server. Its clone is an empty folder."""
        self.clone(server).mkdir(parents=True)
        self.create_state(server)

    def commit(self, path: str, content: bytes, message: str = "an old script was here") -> str:
        """Commit a file on the remote as a person would, and return the commit."""
        self.memory.tip = self.memory.make(self.memory.tip, Change(None, {path: content}, message), "person")
        return self.memory.tip

    def make_key(self, path: Path, server: str) -> None:
        """Create a substitute for a signing key of a server."""
        make_key(path, server)

    def show(self, path: str, revision: str = "main") -> bytes:
        """Return a file of the newest commit of the remote, or of a heartbeat."""
        if revision.startswith("refs/heartbeats/"):
            return self.memory.beats[revision.rpartition("/")[2]]
        return self.files()[path]

    def files(self) -> dict[str, bytes]:
        """Return all files on the remote."""
        return self.memory.commits[self.tip].files if self.tip else {}

    def log(self) -> str:
        """Return the messages of the commits on the remote, newest first."""
        return "\n".join(self.memory.commits[name].message for name in self.memory.line(self.tip))

    def commits(self) -> int:
        """Return the number of commits of the branch of the remote."""
        return len(list(self.memory.line(self.tip)))


def make_memory_builders(
    folder: Path, ids: tuple[str, ...] = ("build1", "build2"), legacy: bool = False
) -> MemoryBuilders:
    """Create a remote and its servers.

    :param legacy: whether the remote has the files of the old scripts; otherwise it is empty.
    """
    builders = MemoryBuilders(folder, ids)
    remote = REMOTES[str(builders.remote)] = MemoryRemote(str(builders.remote))
    if legacy:
        remote.tip = remote.keep(dict(_legacy_files()), None, "old", "what the old scripts left")
    for server in ids:
        builders.add_server(server)
    return builders


@contextmanager
def outage(builders: MemoryBuilders) -> Iterator[None]:
    """Make the remote unreachable in this context."""
    builders.memory.away = True
    try:
        yield
    finally:
        builders.memory.away = False


@contextmanager
def in_memory() -> Iterator[None]:
    """Use remotes in memory and substitute keys for every server that is opened in this context."""
    patches: tuple[tuple[Any, str, Any], ...] = (
        (host, "Repository", partial(MemoryRepository, _remote_of)),
        (heartbeat_refs, "BareRepository", partial(MemoryHeartbeats, REMOTES.__getitem__)),
        (signatures, "_ssh_keygen", ssh_keygen),
    )
    with patch.object(*patches[0]), patch.object(*patches[1]), patch.object(*patches[2]):
        yield


def _remote_of(clone: str) -> MemoryRemote:
    """Return the remote of a clone, which is beside the folder of its server."""
    path = Path(clone).resolve()
    remote = REMOTES.get(str(path.parent.parent / "Build.git")) if path.is_dir() else None
    if remote is None:
        raise CloneInvalid(f"{clone} is no clone of the Build repository.", "Give the path of the clone.")
    return remote


@functools.cache
def _legacy_files() -> dict[str, bytes]:
    files = (path for path in LEGACY_REPO.rglob("*") if path.is_file())
    return {path.relative_to(LEGACY_REPO).as_posix(): path.read_bytes() for path in files}
