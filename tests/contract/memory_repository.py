"""A Build repository in memory, behind the interface of :class:`.store.repository.Repository`.

All servers of a scene share one :class:`MemoryRemote`; ``test_repository.py`` holds it to what the real one does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    CoordinationError,
    DeadlineReached,
    PushDeclined,
    RemoteUnreachable,
    StateUnusable,
    explain,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.git import clone_config
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.failures import ConnectionLost, PushRejected
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.mirror import Mirror
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.redaction import register_token_file
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import (
    Change,
    OldContents,
    Receipt,
    Snapshot,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import duration

T = TypeVar("T")

TRIES = 20
"""Pushes of one write before it is given up."""


class Commit(NamedTuple):
    """A commit: all its files, and what it says."""

    files: dict[str, bytes]
    parent: str | None
    author: str
    message: str


@dataclass
class Known:
    """What one server knows of the remote.

    :param contact: when the remote last answered, in seconds since 1970.
    :param withdrawn: the newest commits from before the branch was rewound.
    """

    tip: str | None = None
    contact: float = 0.0
    withdrawn: list[str] = field(default_factory=list)


class MemoryRemote:
    """The remote: its commits by name, the newest one of its branch, and the heartbeats.

    Switches for tests: while it is ``away``, nobody reaches it; it takes as many pushes as it ``loses_answers`` without
    an answer; every push ``breaks_off`` before it is taken; what holds the text ``declines`` is declined.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.commits: dict[str, Commit] = {}
        self.tip: str | None = None
        self.beats: dict[str, bytes] = {}
        self.fetched_beats: dict[Path, dict[str, bytes]] = {}
        self.known: dict[Path, Known] = {}
        self.away = False
        self.fetches = 0
        self.loses_answers = 0
        self.breaks_off = False
        self.declines = ""

    def check(self, path: str, old: bytes | None, new: bytes, files: dict[str, bytes]) -> None:
        """Look at the write of a document. The fuzzer does.

        :param files: all files of the new commit.
        """

    def make(self, parent: str | None, change: Change, author: str) -> str:
        """Make a commit, which is not on the branch yet."""
        old = self.commits[parent].files if parent else {}
        files = {**old, **change.files}
        for path, data in change.files.items():
            self.check(path, old.get(path), data, files)
        return self.keep(files, parent, author, change.summary)

    def keep(self, files: dict[str, bytes], parent: str | None, author: str = "", message: str = "") -> str:
        """Keep a commit, whatever it holds."""
        name = hashlib.sha1(f"{len(self.commits)} {parent} {author} {message}".encode()).hexdigest()
        self.commits[name] = Commit(files, parent, author, message)
        return name

    def reach(self) -> None:
        """Reach the remote.

        :raises RemoteUnreachable: while it is away.
        """
        if self.away:
            raise RemoteUnreachable(f"The remote {self.url} cannot be reached (it is away).", "Try again later.")

    def push(self, commit: str) -> None:
        """Make a commit the newest one of the branch.

        :raises RemoteUnreachable: while it is away.
        :raises PushDeclined: when it holds a text that is declined.
        :raises PushRejected: when the branch is not at the commit's parent.
        :raises ConnectionLost: when the answer is lost.
        """
        self.reach()
        if self.breaks_off:
            raise ConnectionLost("the connection broke")
        made = self.commits[commit]
        if made.parent != self.tip:
            raise PushRejected("the branch has moved")
        if self.declines and any(self.declines.encode() in data for data in made.files.values()):
            raise PushDeclined(f"The remote {self.url} declined the push: no such words here.", "Write other words.")
        self.tip = commit
        if self.loses_answers:
            self.loses_answers -= 1
            raise ConnectionLost("the connection broke")

    def line(self, commit: str | None) -> Iterator[str]:
        """A commit and those before it, the newest first."""
        while commit is not None:
            yield commit
            commit = self.commits[commit].parent


class _Objects:
    """What a snapshot reads from."""

    def __init__(self, remote: MemoryRemote) -> None:
        self._remote = remote

    def read(self, commit: str, path: str) -> bytes | None:
        """A file of a commit."""
        return self._remote.commits[commit].files.get(path)

    def names(self, commit: str, folder: str) -> list[str]:
        """The names in a folder of a commit."""
        prefix = f"{folder}/" if folder else ""
        paths = (path[len(prefix) :] for path in self._remote.commits[commit].files if path.startswith(prefix))
        return sorted({path.partition("/")[0] for path in paths})

    def history(self, commit: str, path: str, _timeout: float) -> Iterator[str]:
        """The commits that changed a file, the newest first."""
        for name in self._remote.line(commit):
            parent = self._remote.commits[name].parent
            if self.read(name, path) != (self.read(parent, path) if parent else None):
                yield name


class _Attempt(NamedTuple):
    """A commit that was pushed."""

    commit: str
    change: Change
    old: OldContents


class MemoryRepository:
    """The Build repository as one server sees it.

    :param find: finds the remote of a clone.
    """

    def __init__(
        self,
        find: Callable[[str], MemoryRemote],
        clone: str,
        state: StateDirectory,
        remote: str = "origin",
        branch: str = "main",
        pat_file: str = "",
        timeout: float = 60,
    ) -> None:
        self.remote = find(clone)
        self.clone = clone
        self.state = state
        self.timeout = timeout
        self.pat_file = pat_file
        self.notes: list[str] = []
        self.away = ""
        self.withdrawn: list[tuple[str, str | None]] = []
        self.url = self.remote.url
        self.origin = clone_config.Remote(self.url)
        self.private_path = str(state.make("repos") / "memory.git")
        register_token_file(pat_file)
        self._known = self.remote.known.setdefault(state.path, Known())
        self._last: Snapshot | None = None
        self._is_writing = False

    def close(self) -> None:
        """Nothing is to be closed."""

    def read(self, look: Callable[[Snapshot], T], ahead: bool = False) -> T:
        """Look at the newest commit; where the remote is away, at the newest one known."""
        return look(self._newest())

    def remote_tip(self) -> str | None:
        """The newest commit of the branch."""
        self.remote.reach()
        if self.remote.tip and self.remote.tip == self._known.tip:
            self._known.contact = time.time()
        return self.remote.tip

    def read_at(self, tip: str | None, look: Callable[[Snapshot], T]) -> T:
        """Look at a commit, which is fetched where it is not known."""
        if tip and self._known.tip == tip:
            with contextlib.suppress(CoordinationError):
                return look(self._snapshot(tip, True))
        return self.read(look)

    def look(self, look: Callable[[Snapshot], T]) -> T:
        """Look at the newest commit known, and at the remote's where that does not do."""
        if self._known.tip:
            with contextlib.suppress(CoordinationError):
                return look(self.snapshot_of(self._known.tip))
        return self.read(look)

    def preview(self, function: Callable[[Snapshot], Change]) -> Receipt:
        """What a transaction would write."""
        snapshot = self._newest()
        change = function(snapshot)
        return Receipt(change.result, None, 0, change.files, snapshot.contents)

    def write(
        self,
        function: Callable[[Snapshot], Change],
        author: str,
        settle: Callable[[Receipt], None] = lambda _receipt: None,
    ) -> Receipt:
        """Carry out a transaction."""
        with self.writing():
            receipt = self._transact(function, author)
            try:
                settle(receipt)
            except (StateUnusable, OSError) as error:
                self.notes.append(f"The write was accepted, but this host's record of it failed: {explain(error)}")
        return receipt

    @contextlib.contextmanager
    def writing(self, patience: float | None = None) -> Iterator[None]:
        """Keep others who open this server from writing."""
        if self._is_writing:
            yield
            return
        with self.state.lock("repos/memory.lock", self.timeout if patience is None else patience):
            self._is_writing = True
            try:
                yield
            finally:
                self._is_writing = False

    def update_clone(self, _commit: str, _server: str) -> list[str]:
        """There is no clone."""
        return []

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether a commit leads to another. The real repository gives both names to Git."""
        check_words((old, new))
        return new in self.remote.commits and old in self.remote.line(new)

    def withdrawn_tips(self) -> list[str]:
        """The newest commits from before the branch was rewound."""
        return list(self._known.withdrawn)

    def snapshot_of(self, commit: str | None) -> Snapshot:
        """The documents at a commit."""
        return self._snapshot(commit, False)

    def _snapshot(self, commit: str | None, fresh: bool, tried: frozenset[str] = frozenset()) -> Snapshot:
        age = 0.0 if fresh or not self._known.contact else max(0.0, time.time() - self._known.contact)
        objects = cast(Mirror, _Objects(self.remote))
        self._last = Snapshot(objects, commit, age, fresh, self.timeout, tried, self._last)
        return self._last

    def _newest(self) -> Snapshot:
        try:
            tip = self._fetch()
        except RemoteUnreachable as error:
            if self._known.tip is None:
                raise
            snapshot = self.snapshot_of(self._known.tip)
            self.away = f"{error.what} What is known here is {duration(snapshot.age)} old."
            self.notes.append(self.away)
            return snapshot
        self.away = ""
        return self._snapshot(tip, True)

    def _fetch(self) -> str | None:
        self.remote.reach()
        self.remote.fetches += 1
        old, new = self._known.tip, self.remote.tip
        if old and old not in self.remote.line(new):
            self.withdrawn.append((old, new))
            self._known.withdrawn.append(old)
        self._learn(new)
        return new

    def _learn(self, tip: str | None) -> None:
        self._known.tip, self._known.contact = tip, time.time()

    def _transact(self, function: Callable[[Snapshot], Change], author: str) -> Receipt:
        attempts: list[_Attempt] = []
        lost, uncertain = False, False
        tip = self._known.tip
        ask = tip is None
        deadline = time.monotonic() + self.timeout
        while len(attempts) < TRIES and time.monotonic() <= deadline:
            try:
                if ask:
                    tip = self._fetch()
                    uncertain = False
                    for attempt in attempts:
                        if attempt.commit in self.remote.line(tip):
                            return self._accepted(attempt, len(attempts))
                tried = frozenset(message_id for attempt in attempts for message_id in attempt.change.ids)
                snapshot = self._snapshot(tip, ask, tried)
                try:
                    change = function(snapshot)
                except CoordinationError:
                    if ask:
                        raise
                    ask = True
                    continue
                if not change.files:
                    if not lost:
                        return Receipt(change.result, None, len(attempts))
                    return Receipt(change.result, tip, len(attempts), attempts[-1].change.files, attempts[-1].old)
                commit = self.remote.make(tip, change, author)
                attempts.append(_Attempt(commit, change, snapshot.contents))
                self.remote.push(commit)
                return self._accepted(attempts[-1], len(attempts))
            except PushRejected:
                ask = True
            except ConnectionLost:
                lost = uncertain = ask = True
            except RemoteUnreachable as error:
                if not uncertain:
                    raise
                raise self._too_late("Whether it arrived is not known.") from error
        raise self._too_late("Whether it arrived is not known." if uncertain else "Nothing was written.")

    def _accepted(self, attempt: _Attempt, attempts: int) -> Receipt:
        self._learn(attempt.commit)
        return Receipt(attempt.change.result, attempt.commit, attempts, attempt.change.files, attempt.old)

    def _too_late(self, remedy: str) -> DeadlineReached:
        return DeadlineReached(f"The remote {self.url} did not accept the write within {self.timeout:.0f} s.", remedy)


def check_words(words: tuple[Any, ...]) -> None:
    """Check that words can stand on a command line, as starting Git does.

    :raises ValueError: when they cannot.
    """
    for word in words:
        if b"\0" in os.fsencode(word):
            raise ValueError("embedded null byte")
