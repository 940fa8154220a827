"""Two servers and their remote, with real Git and in memory, and failures of the remote."""

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
    """Two servers and their remote in memory."""

    def __init__(self, folder: Path) -> None:
        self.builders = make_memory_builders(folder)

    @property
    def tip(self) -> str | None:
        """The newest commit of the remote."""
        return self.builders.tip

    @contextmanager
    def away(self) -> Iterator[None]:
        """Make the remote unreachable for each server that is opened in this context."""
        with memory_builders.outage(self.builders):
            yield

    def lose_answer(self) -> None:
        """Make the remote accept the next push without an answer."""
        self.builders.memory.loses_answers = 1

    def break_off(self) -> None:
        """Make the connection of every push break before the remote accepts it."""
        self.builders.memory.breaks_off = True

    def decline(self, text: str) -> None:
        """Make the remote decline pushes that contain a text."""
        self.builders.memory.declines = text

    def rewind(self, commit: str) -> None:
        """Reset the branch to an older commit."""
        self.builders.memory.tip = commit

    def age_contact(self, server: str, seconds: float) -> None:
        """Set the last contact of a server with the remote back by some seconds."""
        self.builders.memory.known[self.builders.state(server)].contact -= seconds


class GitScene:
    """Two servers and their remote with real Git."""

    def __init__(self, folder: Path) -> None:
        self.builders = make_builders(folder)

    @property
    def tip(self) -> str | None:
        """The newest commit of the remote."""
        return git("rev-parse", "--verify", "--quiet", "main", cwd=self.builders.remote, check=False) or None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Make the remote unreachable for each server that is opened in this context."""
        with outage(self.builders):
            yield

    def lose_answer(self) -> None:
        """Make the remote accept the next push without an answer."""
        marker = self.builders.folder / "answer-lost"
        once = f'[ "$1" = committed ] || exit 0\n[ -e "{marker}" ] && exit 0\ntouch "{marker}"'
        self._hook("reference-transaction", f"{once}\nkill -9 $PPID")

    def break_off(self) -> None:
        """Make the connection of every push break before the remote accepts it."""
        self._hook("pre-receive", "kill -9 $PPID")

    def decline(self, text: str) -> None:
        """Make the remote decline pushes that contain a text."""
        found = f"git grep -q '{text}' \"$new\""
        self._hook("pre-receive", f"read old new ref\nif {found}; then echo 'no such words here' >&2; exit 1; fi")

    def rewind(self, commit: str) -> None:
        """Reset the branch to an older commit."""
        git("update-ref", "refs/heads/main", commit, cwd=self.builders.remote)

    def age_contact(self, server: str, seconds: float) -> None:
        """Set the last contact of a server with the remote back by some seconds."""
        (contact,) = (self.builders.state(server) / "repos").glob("*.contact")
        past = time.time() - seconds
        os.utime(contact, (past, past))

    def _hook(self, name: str, script: str) -> None:
        path: Path = self.builders.remote / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


Scene = Union[MemoryScene, GitScene]


@contextmanager
def make_scene(kind: str, folder: Path) -> Iterator[Scene]:
    """Create two servers and their remote: ``memory`` or ``git``."""
    with ExitStack() as stack:
        if kind == "memory":
            stack.enter_context(in_memory())
            stack.enter_context(no_processes())
        yield MemoryScene(folder) if kind == "memory" else GitScene(folder)
