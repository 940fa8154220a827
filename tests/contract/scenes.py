"""Two servers and their remote, with real Git and in memory, and what may happen to the remote."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Union

from ansible_collections.acs.builders.tests.builders import git, make_builders
from ansible_collections.acs.builders.tests.contract import memory_builders
from ansible_collections.acs.builders.tests.contract.memory_builders import in_memory, make_memory_builders
from ansible_collections.acs.builders.tests.no_processes import no_processes
from ansible_collections.acs.builders.tests.outage import outage


class MemoryScene:
    """All in memory."""

    def __init__(self, folder: Path) -> None:
        self.builders = make_memory_builders(folder)

    @property
    def tip(self) -> str | None:
        """The newest commit of the remote."""
        return self.builders.tip

    @contextmanager
    def away(self) -> Iterator[None]:
        """While this lasts, no server that is opened in it reaches the remote."""
        with memory_builders.outage(self.builders):
            yield

    def lose_answer(self) -> None:
        """Let the remote take the next push, and end before it says so."""
        self.builders.memory.loses_answers = 1

    def break_off(self) -> None:
        """Let every push break off before the remote has taken it."""
        self.builders.memory.breaks_off = True

    def decline(self, text: str) -> None:
        """Let the remote decline what holds a text."""
        self.builders.memory.declines = text

    def rewind(self, commit: str) -> None:
        """Put the branch back to an older commit."""
        self.builders.memory.tip = commit

    def grow_old(self, server: str, seconds: float) -> None:
        """Let a server have heard of the remote some seconds ago."""
        self.builders.memory.known[self.builders.state(server)].contact -= seconds


class GitScene:
    """All with real Git."""

    def __init__(self, folder: Path) -> None:
        self.builders = make_builders(folder)

    @property
    def tip(self) -> str | None:
        """The newest commit of the remote."""
        return git("rev-parse", "--verify", "--quiet", "main", cwd=self.builders.remote, check=False) or None

    @contextmanager
    def away(self) -> Iterator[None]:
        """While this lasts, no server that is opened in it reaches the remote."""
        with outage(self.builders):
            yield

    def lose_answer(self) -> None:
        """Let the remote take the next push, and end before it says so."""
        marker = self.builders.folder / "answer-lost"
        once = f'[ "$1" = committed ] || exit 0\n[ -e "{marker}" ] && exit 0\ntouch "{marker}"'
        self._hook("reference-transaction", f"{once}\nkill -9 $PPID")

    def break_off(self) -> None:
        """Let every push break off before the remote has taken it."""
        self._hook("pre-receive", "kill -9 $PPID")

    def decline(self, text: str) -> None:
        """Let the remote decline what holds a text."""
        found = f"git grep -q '{text}' \"$new\""
        self._hook("pre-receive", f"read old new ref\nif {found}; then echo 'no such words here' >&2; exit 1; fi")

    def rewind(self, commit: str) -> None:
        """Put the branch back to an older commit."""
        git("update-ref", "refs/heads/main", commit, cwd=self.builders.remote)

    def grow_old(self, server: str, seconds: float) -> None:
        """Let a server have heard of the remote some seconds ago."""
        (contact,) = (self.builders.state(server) / "repos").glob("*.contact")
        then = time.time() - seconds
        os.utime(contact, (then, then))

    def _hook(self, name: str, script: str) -> None:
        path: Path = self.builders.remote / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


Scene = Union[MemoryScene, GitScene]


@contextmanager
def make_scene(kind: str, folder: Path) -> Iterator[Scene]:
    """Two servers and their remote: ``memory`` or ``git``."""
    with ExitStack() as stack:
        if kind == "memory":
            stack.enter_context(in_memory())
            stack.enter_context(no_processes())
        yield MemoryScene(folder) if kind == "memory" else GitScene(folder)
