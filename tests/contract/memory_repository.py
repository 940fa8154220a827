"""A Build repository in memory with the interface of :class:`.store.repository.Repository`.

All servers of a scene share one :class:`MemoryRemote`. ``test_repository.py`` tests it and the real repository alike.
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
    """A commit: all its files, its parent and its message."""

    files: dict[str, bytes]
    parent: str | None
    author: str
    message: str
    made_at: int


@dataclass
class Known:
    """The state of the remote as one server knows it.

    :param contact: when the remote last answered, in seconds since 1970.
    :param withdrawn: the tips from before the branch was rewound.
    """

    tip: str | None = None
    contact: float = 0.0
    withdrawn: list[str] = field(default_factory=list)


class MemoryRemote:
    """The remote: its commits by name, the tip of its branch, and the heartbeats.

    Switches for tests: while ``away`` is true, it is unreachable. ``loses_answers`` is the number of pushes that it
    accepts without an answer. If ``breaks_off`` is true, the connection of each push is lost before it is accepted.
    Commits that contain the text ``declines`` are declined.
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
        """Check the write of a document. The fuzzer overrides this.

        :param files: all files of the new commit.
        """

    def make(self, parent: str | None, change: Change[Any], author: str) -> str:
        """Create a commit, which is not on the branch yet."""
        old = self.commits[parent].files if parent else {}
        files = {**old, **change.files}
        for path, data in change.files.items():
            self.check(path, old.get(path), data, files)
        return self.keep(files, parent, author, change.summary)

    def keep(self, files: dict[str, bytes], parent: str | None, author: str = "", message: str = "") -> str:
        """Store a commit without a check of its content."""
        name = hashlib.sha1(f"{len(self.commits)} {parent} {author} {message}".encode()).hexdigest()
        self.commits[name] = Commit(files, parent, author, message, int(time.time()))
        return name

    def reach(self) -> None:
        """Connect to the remote.

        :raises RemoteUnreachable: if it is away.
        """
        if self.away:
            raise RemoteUnreachable(f"The remote {self.url} cannot be reached (it is away).", "Try again later.")

    def push(self, commit: str) -> None:
        """Make a commit the tip of the branch.

        :raises RemoteUnreachable: if the remote is away.
        :raises PushDeclined: if the commit contains a text that is declined.
        :raises PushRejected: if the branch is not at the commit's parent.
        :raises ConnectionLost: if the connection or the answer is lost.
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
        """Yield a commit and its ancestors, newest first."""
        while commit is not None:
            yield commit
            commit = self.commits[commit].parent


class _Mirror:
    """The private repository that a snapshot reads, and in which a transaction creates commits."""

    name = "memory"
    branch_ref = "refs/heads/main"

    def __init__(self, remote: MemoryRemote, known: Known) -> None:
        self.url = remote.url
        self._remote = remote
        self._known = known

    def make(self) -> None:
        """Do nothing."""

    def known(self) -> str | None:
        """Return the newest known commit."""
        return self._known.tip

    def commit(self, parent: str | None, files: dict[str, bytes], message: str, author: str, _when: int) -> str:
        """Create a commit."""
        return self._remote.make(parent, Change(None, files, message), author)

    def push(self, _ref: str, commit: str, _parent: str | None, _timeout: float) -> None:
        """Make a commit the tip of the branch."""
        self._remote.push(commit)

    def has_arrived(self, commit: str, _parent: str | None, tip: str) -> bool:
        """Return whether a commit is on the branch."""
        return self.is_ancestor(commit, tip)

    def holds(self, commit: str) -> bool:
        """Return whether a commit exists."""
        return commit in self._remote.commits

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return whether a commit is an ancestor of another."""
        return old in self._remote.line(new)

    def mentions(self, commit: str, text: str) -> bool:
        """Return whether any file of a commit contains a text."""
        return any(text.encode() in data for data in self._remote.commits[commit].files.values())

    def read(self, commit: str, path: str) -> bytes | None:
        """Return a file of a commit."""
        return self._remote.commits[commit].files.get(path)

    def names(self, commit: str, folder: str) -> list[str]:
        """Return the names in a folder of a commit."""
        prefix = f"{folder}/" if folder else ""
        paths = (path[len(prefix) :] for path in self._remote.commits[commit].files if path.startswith(prefix))
        return sorted({path.partition("/")[0] for path in paths})

    def history(self, commit: str, path: str, _timeout: float) -> Iterator[str]:
        """Yield the commits that changed a file, newest first."""
        yield from self.changes(commit, path)

    def changes(self, commit: str, path: str) -> list[str]:
        """Return the commits that changed a file, newest first."""
        return [name for name in self._remote.line(commit) if self.read(name, path) != self._before(name, path)]

    def versions(self, commit: str, paths: Sequence[str], limit: int) -> dict[str, list[bytes]]:
        """Return the versions of files by path, each once, newest first."""
        changed = [
            name for name in self._remote.line(commit) if any(name in self.changes(commit, path) for path in paths)
        ]
        found = {path: [self.read(name, path) for name in changed[:limit]] for path in paths}
        return {path: list(dict.fromkeys(data for data in known if data is not None)) for path, known in found.items()}

    def _before(self, commit: str, path: str) -> bytes | None:
        parent = self.parent(commit)
        return self.read(parent, path) if parent else None

    def parent(self, commit: str) -> str | None:
        """Return the parent of a commit."""
        return self._remote.commits[commit].parent

    def committed_at(self, commit: str) -> int:
        """Return the time of a commit in seconds since 1970."""
        return self._remote.commits[commit].made_at

    is_shallow = False


class _Branch:
    """The branch of the remote as one server knows it."""

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
        """Record the newest commit."""
        self.known.tip, self.known.contact = commit, time.time()

    def snapshot(self, commit: str | None, fresh: bool, pushed_ids: frozenset[str] = frozenset()) -> Snapshot:
        """Return the documents at a commit."""
        age = 0.0 if fresh or not self.known.contact else max(0.0, time.time() - self.known.contact)
        self._last = Snapshot(self.private, commit, age, fresh, self.timeout, pushed_ids, self._last)
        return self._last


class MemoryRepository:
    """The Build repository as one server sees it.

    :param find: returns the remote of a clone.
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
        """Do nothing."""

    def read(self, look: Callable[[Snapshot], T], ahead: bool = False) -> T:
        """Read the newest commit of the remote, or the newest known one if the remote is away."""
        return look(self._newest())

    def remote_tip(self) -> str | None:
        """Return the newest commit of the branch."""
        self.remote.reach()
        if self.remote.tip and self.remote.tip == self._known.tip:
            self._known.contact = time.time()
        return self.remote.tip

    def read_at(self, tip: str | None, look: Callable[[Snapshot], T]) -> T:
        """Read a commit, which is fetched if it is not known."""
        if tip and self._known.tip == tip:
            with contextlib.suppress(CoordinationError):
                return look(self._branch.snapshot(tip, fresh=True))
        return self.read(look)

    def look(self, look: Callable[[Snapshot], T]) -> T:
        """Read the newest known commit, or the newest one of the remote if that raises an error."""
        if self._known.tip:
            with contextlib.suppress(CoordinationError):
                return look(self.snapshot_of(self._known.tip))
        return self.read(look)

    def preview(self, function: Callable[[Snapshot], Change[T]]) -> Receipt[T]:
        """Return what a transaction would write."""
        snapshot = self._newest()
        change = function(snapshot)
        return Receipt(change.result, None, 0, change.files, snapshot.contents)

    def write(
        self,
        function: Callable[[Snapshot], Change[T]],
        author: str,
        settle: Callable[[Receipt[T]], None] = lambda _receipt: None,
    ) -> Receipt[T]:
        """Execute a transaction."""
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
        """Lock the repository against writes of other hosts of this server."""
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
        """Do nothing, since there is no clone."""
        return []

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return whether a commit is an ancestor of another. The real repository passes both names to Git."""
        check_words((old, new))
        mirror = self._branch.private
        return mirror.holds(new) and mirror.is_ancestor(old, new)

    def withdrawn_tips(self) -> list[str]:
        """Return the tips from before the branch was rewound."""
        return list(self._known.withdrawn)

    def snapshot_of(self, commit: str | None) -> Snapshot:
        """Return the documents at a commit."""
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
    """Check that words can be arguments of a command, as the start of Git does.

    :raises ValueError: if they cannot.
    """
    for word in words:
        if b"\0" in os.fsencode(word):
            raise ValueError("embedded null byte")
