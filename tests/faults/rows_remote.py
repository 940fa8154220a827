"""Rows in which something is wrong with the remote, or was done to it."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.faults.checker import Remote
from ansible_collections.acs.builders.tests.faults.rows import Row, rounds
from ansible_collections.acs.builders.tests.faults.world import World

WHO = ("-c", "user.name=person", "-c", "user.email=person@localhost")


def declines(world: World, length: float) -> None:
    """A hook of the remote refuses every push."""
    hook = world.builders.remote / "hooks" / "pre-receive"
    for _round in rounds(length, 10):
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho 'main is frozen' >&2\nexit 1\n")
        hook.chmod(0o755)
        world.faults += 2 * len(world.actors)
        world.everybody(2)
        hook.unlink()
        world.repeat()
        world.everybody()


def rewound(world: World, length: float) -> None:
    """Somebody takes the newest commits from the remote."""
    for _round in rounds(length, 10):
        world.everybody(2)
        steps = world.random.randrange(1, 5)
        world.update_remote(partial(_ancestor, world, steps))
        world.faults += 1
        world.everybody()


def rewritten(world: World, length: float) -> None:
    """Somebody makes one commit of all history, with the same documents, and forces it."""
    for _round in rounds(length, 10):
        world.everybody(2)
        world.update_remote(lambda old: _git(world, *WHO, "commit-tree", f"{old}^{{tree}}", "-m", "all in one"))
        world.faults += 1
        world.everybody()


def collected(world: World, length: float) -> None:
    """The remote throws away what nothing refers to, after a rewind and while servers write."""
    for _round in rounds(length, 10):
        world.everybody()
        world.update_remote(partial(_ancestor, world, 1))
        _git(world, "reflog", "expire", "--expire=now", "--all")
        world.everybody()
        _git(world, "gc", "--quiet", "--prune=now")
        world.faults += 1
        world.everybody()


def emptied(world: World, length: float) -> None:
    """The remote is replaced by an empty one."""
    remote = world.builders.remote
    for _round in rounds(length, 5):
        world.everybody()
        world.withdraw(Remote(world.builders).tokens)
        shutil.rmtree(remote)
        git("init", "--quiet", "--bare", "--initial-branch=main", remote)
        world.faults += 1
        world.everybody(2)


def _ancestor(world: World, steps: int, commit: str) -> str:
    return _git(world, "rev-parse", f"{commit}~{steps}")


def _git(world: World, *arguments: str | Path) -> str:
    return git(*arguments, cwd=world.builders.remote)


ROWS = (
    Row("remote declines by a hook", declines),
    Row("remote rewound", rewound),
    Row("remote rewritten by force", rewritten),
    Row("remote rewound and gc --prune=now", collected),
    Row("remote replaced by an empty one", emptied),
)
