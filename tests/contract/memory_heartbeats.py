"""A substitute for :class:`.git.bare_repository.BareRepository` for heartbeats, with a remote in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.acs.builders.plugins.module_utils.coordination.git import clone_config
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.failures import Outcome, PushRejected
from ansible_collections.acs.builders.tests.contract.memory_repository import MemoryRemote, check_words

T = TypeVar("T")

BEATS = "refs/heartbeats/"
OK = Outcome(0, b"", "")
AWAY = Outcome(128, b"", "fatal: unable to access 'x': Could not resolve host: x")


def _commit(data: bytes) -> str:
    """Return the name of a commit that contains a heartbeat."""
    return hashlib.sha1(data).hexdigest()


class MemoryHeartbeats:
    """The heartbeat repository of one server: the heartbeat that it created, and those that it fetched last.

    :param find: returns the remote of a URL.
    """

    def __init__(
        self,
        find: Callable[[str], MemoryRemote],
        path: Path,
        origin: clone_config.Remote,
        _pat_file: str,
        _state: Any,
    ) -> None:
        self.path = path
        self.url = origin.url
        self._remote = find(origin.url)
        self._fetched = self._remote.fetched_beats.setdefault(path, {})
        self._made = b""

    def make(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def repaired(self, action: Callable[[], T]) -> T:
        """Run an action in this repository, which is never damaged."""
        return action()

    def checked(self, error: Exception, _outcome: Outcome, _doing: str) -> Exception:
        """Return the error, since nothing is damaged."""
        return error

    def refs(self, prefix: str, every: bool = False) -> dict[str, str]:
        """Return the fetched commits of the refs at or below a name."""
        below = f"{prefix.rstrip('/')}/"
        names = {f"{BEATS}{server}": _commit(data) for server, data in self._fetched.items()}
        return {name: commit for name, commit in names.items() if name == prefix or name.startswith(below)}

    def read(self, commit: str, _path: str) -> bytes | None:
        """Return the heartbeat of a commit."""
        return next((data for data in self._fetched.values() if _commit(data) == commit), None)

    def commit(self, _parent: None, files: dict[str, bytes], _message: str, _author: str, _when: int) -> str:
        """Create the commit of a heartbeat."""
        (self._made,) = files.values()
        self._remote.check("heartbeat.json", None, self._made, files)
        return _commit(self._made)

    def run(self, *arguments: str) -> Outcome:
        """Delete a ref if the command does so; ignore all other commands."""
        check_words(arguments)
        if arguments[:2] == ("update-ref", "-d"):
            self._fetched.pop(arguments[2][len(BEATS) :], None)
        return OK

    def ask(self, *arguments: str, timeout: float) -> Outcome:
        """Fetch all heartbeats."""
        check_words(arguments)
        if self._remote.away:
            return AWAY
        self._fetched.clear()
        self._fetched.update(self._remote.beats)
        return OK

    def push(self, ref: str, commit: str, expected: str, _timeout: float, _doing: str) -> None:
        """Replace a heartbeat if it is the expected one."""
        check_words((ref, commit, expected))
        self._remote.reach()
        server = ref[len(BEATS) :]
        known = self._remote.beats.get(server)
        if expected != ("" if known is None else _commit(known)):
            raise PushRejected("stale info")
        self._remote.beats[server] = self._made
