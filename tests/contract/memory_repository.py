"""A Build repository in memory, behind the interface of :class:`.store.repository.Repository`.

All servers of a scene share one :class:`MemoryRemote`; ``test_repository.py`` holds it to what the real one does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    CoordinationError,
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
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.remote_branch import RemoteBranch
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Change, Receipt, Snapshot
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.transaction import Transaction
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import duration

T = TypeVar("T")


class Commit(NamedTuple):
    """A commit: all its files, and what it says."""

    files: dict[str, bytes]
    parent: str | None
    author: str
    message: str
    made_at: int


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

    def make(self, parent: str | None, change: Change[Any], author: str) -> str:
        """Make a commit, which is not on the branch yet."""
        old = self.commits[parent].files if parent else {}
        files = {**old, **change.files}
        for path, data in change.files.items():
            self.check(path, old.get(path), data, files)
        return self.keep(files, parent, author, change.summary)

    def keep(self, files: dict[str, bytes], parent: str | None, author: str = "", message: str = "") -> str:
        """Keep a commit, whatever it holds."""
        name = hashlib.sha1(f"{len(self.commits)} {parent} {author} {message}".encode()).hexdigest()
        self.commits[name] = Commit(files, parent, author, message, int(time.time()))
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


class _Mirror:
    """What a snapshot reads from, and a transaction makes commits in."""

    name = "memory"
    branch_ref = "refs/heads/main"

    def __init__(self, remote: MemoryRemote, known: Known) -> None:
        self.url = remote.url
        self._remote = remote
        self._known = known

    def make(self) -> None:
        """Nothing is to be made."""

    def known(self) -> str | None:
        """The newest commit known."""
        return self._known.tip

    def commit(self, parent: str | None, files: dict[str, bytes], message: str, author: str, _when: int) -> str:
        """Make a commit."""
        return self._remote.make(parent, Change(None, files, message), author)

    def push(self, _ref: str, commit: str, _parent: str | None, _timeout: float) -> None:
        """Make a commit the newest one of the branch."""
        self._remote.push(commit)

    def has_arrived(self, commit: str, _parent: str | None, tip: str) -> bool:
        """Whether a commit is on the branch."""
        return self.is_ancestor(commit, tip)

    def holds(self, commit: str) -> bool:
        """Whether a commit was made."""
        return commit in self._remote.commits

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether a commit leads to another."""
        return old in self._remote.line(new)

    def mentions(self, commit: str, text: str) -> bool:
        """Whether a file of a commit has a text."""
        return any(text.encode() in data for data in self._remote.commits[commit].files.values())

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
        yield from self.changes(commit, path)

    def changes(self, commit: str, path: str) -> list[str]:
        """The commits that changed a file, the newest first."""
        return [name for name in self._remote.line(commit) if self.read(name, path) != self._before(name, path)]

    def versions(self, commit: str, paths: Sequence[str], limit: int) -> dict[str, list[bytes]]:
        """The versions of files, each once, the newest first."""
        changed = [
            name for name in self._remote.line(commit) if any(name in self.changes(commit, path) for path in paths)
        ]
        found = {path: [self.read(name, path) for name in changed[:limit]] for path in paths}
        return {path: list(dict.fromkeys(data for data in known if data is not None)) for path, known in found.items()}

    def _before(self, commit: str, path: str) -> bytes | None:
        parent = self.parent(commit)
        return self.read(parent, path) if parent else None

    def parent(self, commit: str) -> str | None:
        """The commit before another one."""
        return self._remote.commits[commit].parent

    def committed_at(self, commit: str) -> int:
        """When a commit was made, in seconds since 1970."""
        return self._remote.commits[commit].made_at

    is_shallow = False


class _Branch:
    """What one server knows of the branch of the remote."""

    def __init__(self, remote: MemoryRemote, state: StateDirectory, timeout: float) -> None:
        self.state = state
        self.timeout = timeout
        self.withdrawn: list[tuple[str, str | None]] = []
        self.known = remote.known.setdefault(state.path, Known())
        self.private = cast(Mirror, _Mirror(remote, self.known))
        self._remote = remote
        self._last: Snapshot | None = None

    def fetch(self, _timeout: float) -> str | None:
        """Fetch the newest commit."""
        self._remote.reach()
        self._remote.fetches += 1
        old, new = self.known.tip, self._remote.tip
        if old and old not in self._remote.line(new):
            self.withdrawn.append((old, new))
            self.known.withdrawn.append(old)
        self.accepted(new)
        return new

    def accepted(self, commit: str | None, _parent: str | None = None) -> None:
        """Note the newest commit."""
        self.known.tip, self.known.contact = commit, time.time()

    def snapshot(self, commit: str | None, fresh: bool, pushed_ids: frozenset[str] = frozenset()) -> Snapshot:
        """The documents at a commit."""
        age = 0.0 if fresh or not self.known.contact else max(0.0, time.time() - self.known.contact)
        self._last = Snapshot(self.private, commit, age, fresh, self.timeout, pushed_ids, self._last)
        return self._last


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
        self.branch = branch
        self.timeout = timeout
        self.pat_file = pat_file
        self.notes: list[str] = []
        self.away = ""
        self.url = self.remote.url
        self.origin = clone_config.Remote(self.url)
        self.private_path = str(state.make("repos") / "memory.git")
        register_token_file(pat_file)
        self._branch = _Branch(self.remote, state, timeout)
        self._known = self._branch.known
        self.withdrawn = self._branch.withdrawn
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
                return look(self._branch.snapshot(tip, fresh=True))
        return self.read(look)

    def look(self, look: Callable[[Snapshot], T]) -> T:
        """Look at the newest commit known, and at the remote's where that does not do."""
        if self._known.tip:
            with contextlib.suppress(CoordinationError):
                return look(self.snapshot_of(self._known.tip))
        return self.read(look)

    def preview(self, function: Callable[[Snapshot], Change[T]]) -> Receipt[T]:
        """What a transaction would write."""
        snapshot = self._newest()
        change = function(snapshot)
        return Receipt(change.result, None, 0, change.files, snapshot.contents)

    def write(
        self,
        function: Callable[[Snapshot], Change[T]],
        author: str,
        settle: Callable[[Receipt[T]], None] = lambda _receipt: None,
    ) -> Receipt[T]:
        """Carry out a transaction."""
        with self.writing():
            transaction = Transaction(cast(RemoteBranch, self._branch), function, author, self.notes)
            receipt = transaction.run()
            try:
                settle(receipt)
                transaction.forget()
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
        mirror = self._branch.private
        return mirror.holds(new) and mirror.is_ancestor(old, new)

    def withdrawn_tips(self) -> list[str]:
        """The newest commits from before the branch was rewound."""
        return list(self._known.withdrawn)

    def snapshot_of(self, commit: str | None) -> Snapshot:
        """The documents at a commit."""
        return self._branch.snapshot(commit, fresh=False)

    def _newest(self) -> Snapshot:
        try:
            tip = self._branch.fetch(self.timeout)
        except RemoteUnreachable as error:
            if self._known.tip is None:
                raise
            snapshot = self.snapshot_of(self._known.tip)
            self.away = f"{error.what} What is known here is {duration(snapshot.age)} old."
            self.notes.append(self.away)
            return snapshot
        self.away = ""
        return self._branch.snapshot(tip, fresh=True)


def check_words(words: tuple[Any, ...]) -> None:
    """Check that words can stand on a command line, as starting Git does.

    :raises ValueError: when they cannot.
    """
    for word in words:
        if b"\0" in os.fsencode(word):
            raise ValueError("embedded null byte")
