"""A Build repository in memory, behind the real transactions' functions, that looks at everything that is written."""

from __future__ import annotations

import hashlib
import os
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from ansible_collections.acs.builders.plugins.module_utils.coordination.git import clone_config
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.failures import Outcome
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.mirror import Mirror
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import MESSAGES
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Change, Receipt, Snapshot
from ansible_collections.acs.builders.tests.fuzz import kept
from ansible_collections.acs.builders.tests.fuzz.failure import Violation

T = TypeVar("T")

ARCHIVE = "coordination/archive/"
URL = "https://git.example.com/Build.git"
BEATS = "refs/heartbeats/"
OK = Outcome(0, b"", "")
STALE = Outcome(1, b"!\tx:y\t[rejected] (stale info)\n", "")
JQ_EVERY = 40
"""Writes from one that jq itself has to read to the next."""


class Remote:
    """What is on the remote: the commits of the branch, the oldest first, each with its files; and the heartbeats."""

    def __init__(self) -> None:
        self.commits: list[dict[str, bytes]] = []
        self.beats: dict[str, bytes] = {}
        self.writes = 0
        self.trusted = False

    def reset(self, *commits: dict[str, bytes], trusted: bool = False) -> None:
        """Put other commits there, and no heartbeats.

        :param trusted: whether trust is set up; then a status that its server has not signed is made anew.
        """
        self.commits = list(commits)
        self.trusted = trusted
        self.beats = {}

    @property
    def tip(self) -> str | None:
        """The newest commit."""
        return f"{len(self.commits):040x}" if self.commits else None

    def add(self, change: Change) -> str:
        """Take a commit, when what it writes may be written.

        :raises Violation: when it may not.
        """
        files = dict(self.commits[-1]) if self.commits else {}
        change.summary.encode("utf-8")
        new = {**files, **change.files}
        for path, data in change.files.items():
            self.check(path, files.get(path), data, new)
        self.commits.append(new)
        return str(self.tip)

    def check(self, path: str, old: bytes | None, new: bytes, files: dict[str, bytes] | None = None) -> None:
        """Check a write of a document.

        :param files: all files of the commit.
        :raises Violation: when it loses or damages something.
        """
        self.writes += 1
        if not kept.is_readable(new):
            raise Violation(f"what was written to {path} is not JSON")
        text = new.decode("utf-8-sig")
        if old is None or path.endswith("heartbeat.json"):  # its only writer makes it anew each time
            kept.check_text(text, path)
        elif not kept.is_readable(old):
            raise Violation(f"{path}, which cannot be read, was overwritten")
        elif self.trusted and path.endswith("status.json") and kept.strict(new).keys() <= kept.TOLD:
            kept.check_text(text, path, old.decode("utf-8-sig"))
        elif new.startswith(BOM_UTF8) != old.startswith(BOM_UTF8):
            raise Violation(f"the byte order mark of {path} changed")
        elif path == MESSAGES and kept.count_entries(text) < kept.count_entries(old.decode("utf-8-sig")):
            archives = [data for name, data in (files or {}).items() if name.startswith(ARCHIVE)]
            archived = [entry for data in archives for entry in kept.entries(data)]
            kept.check_moved(old.decode("utf-8-sig"), text, archived, path)
        elif path == MESSAGES or path.startswith(ARCHIVE):
            kept.check_entries(old.decode("utf-8-sig"), text, path)
        else:
            kept.check_members(old.decode("utf-8-sig").strip(), text.strip(), kept.TOLD, path)
        if self.writes % JQ_EVERY == 0:
            kept.check_with_jq(new, path)


def _check_words(words: Iterable[str]) -> None:
    """Check that words can stand on a command line, as starting Git does.

    :raises ValueError: when they cannot.
    """
    for word in words:
        if b"\0" in os.fsencode(word):
            raise ValueError("embedded null byte")


class _Objects:
    """The part of a private repository that a snapshot reads from."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def read(self, commit: str, path: str) -> bytes | None:
        """A file of a commit."""
        return self._remote.commits[int(commit, 16) - 1].get(path)

    def names(self, commit: str, folder: str) -> list[str]:
        """The names in a folder of a commit."""
        prefix = f"{folder}/" if folder else ""
        paths = [path[len(prefix) :] for path in self._remote.commits[int(commit, 16) - 1] if path.startswith(prefix)]
        return sorted({path.partition("/")[0] for path in paths})

    def history(self, commit: str, _path: str, _timeout: float) -> Iterator[str]:
        """The commits, the newest first."""
        yield from (f"{number:040x}" for number in range(int(commit, 16), 0, -1))


class MemoryRepository:
    """What :class:`.repository.Repository` is to the rest of the package, with a remote in memory."""

    def __init__(self, remote: Remote, _clone: str, state: StateDirectory, *_names: str, **options: Any) -> None:
        self.remote = remote
        self.state = state
        self.timeout = 60.0
        self.notes: list[str] = []
        self.away = ""
        self.withdrawn: list[tuple[str, str | None]] = []
        self.url = URL
        self.origin = clone_config.Remote(URL)
        self.pat_file = "PAT"
        self.private_path = "private.git"

    def close(self) -> None:
        """Nothing is to be closed."""

    def read(self, look: Callable[[Snapshot], T], ahead: bool = False) -> T:
        """Look at the newest commit."""
        return look(self.snapshot_of(self.remote.tip))

    look = read

    def withdrawn_tips(self) -> list[str]:
        """No commit was withdrawn."""
        return []

    @contextmanager
    def writing(self, _patience: float | None = None) -> Iterator[None]:
        """No other process writes."""
        yield

    def preview(self, function: Callable[[Snapshot], Change]) -> Receipt:
        """Find out what a transaction would do."""
        snapshot = self.snapshot_of(self.remote.tip)
        change = function(snapshot)
        return Receipt(change.result, None, 0, change.files, snapshot.content)

    def write(self, function: Callable[[Snapshot], Change], _author: str, settle: Callable[[Receipt], None]) -> Receipt:
        """Carry out a transaction."""
        snapshot = self.snapshot_of(self.remote.tip)
        change = function(snapshot)
        receipt = Receipt(change.result, None, 0)
        if change.files:
            receipt = Receipt(change.result, self.remote.add(change), 1, change.files, snapshot.content)
        settle(receipt)
        return receipt

    def snapshot_of(self, commit: str | None) -> Snapshot:
        """The documents at a commit."""
        return Snapshot(cast(Mirror, _Objects(self.remote)), commit, 0.0, True, self.timeout)

    def update_clone(self, _commit: str, _server: str) -> list[str]:
        """There is no clone."""
        return []

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether a commit leads to another; Git is asked for both by their names."""
        _check_words((old, new))
        return old <= new


def _commit(data: bytes) -> str:
    """The name of a commit that holds a heartbeat."""
    return hashlib.sha1(data).hexdigest()


class MemoryBeats:
    """What :class:`.bare_repository.BareRepository` is to the heartbeats, with a remote in memory."""

    def __init__(self, remote: Remote, path: Path, origin: clone_config.Remote, _pat_file: str, _state: Any) -> None:
        self._remote = remote
        self._made = b""
        self.path = path
        self.url = origin.url

    def make(self) -> None:
        """Nothing is to be made."""

    def close(self) -> None:
        """Nothing is to be closed."""

    def repaired(self, action: Callable[[], T]) -> T:
        """Do something in this repository, which is never damaged."""
        return action()

    def refs(self, prefix: str, every: bool = False) -> dict[str, str]:
        """The commits of the refs at or below a name."""
        below = f"{prefix.rstrip('/')}/"
        names = {f"{BEATS}{server}": _commit(data) for server, data in self._remote.beats.items()}
        return {name: commit for name, commit in names.items() if name == prefix or name.startswith(below)}

    def read(self, commit: str, _path: str) -> bytes | None:
        """The heartbeat of a commit."""
        return next((data for data in self._remote.beats.values() if _commit(data) == commit), None)

    def commit(self, _parent: None, files: dict[str, bytes], _message: str, _author: str, _when: int) -> str:
        """Make a heartbeat."""
        (self._made,) = files.values()
        self._remote.check("heartbeat.json", None, self._made)
        return _commit(self._made)

    def run(self, command: str, *arguments: str, timeout: float | None = None) -> Outcome:
        """Push with a lease; all else does nothing."""
        _check_words(arguments)
        lease = next((one for one in arguments if one.startswith("--force-with-lease=")), None)
        if command != "push" or lease is None:
            return OK
        ref, _colon, there = lease.partition("=")[2].partition(":")
        server = ref[len(BEATS) :]
        known = self._remote.beats.get(server)
        if there != ("" if known is None else _commit(known)):
            return STALE
        self._remote.beats[server] = self._made
        return OK

    ask = run

    def checked(self, error: Exception, _outcome: Outcome, _doing: str) -> Exception:
        """Nothing here is damaged."""
        return error
