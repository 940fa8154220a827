"""Rows with faults of the remote."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from ansible_collections.acs.builders.tests.builders import MESSAGES, git
from ansible_collections.acs.builders.tests.faults.checker import Remote
from ansible_collections.acs.builders.tests.faults.operations import Order
from ansible_collections.acs.builders.tests.faults.relay import REFUSE, Mode
from ansible_collections.acs.builders.tests.faults.rows import Row, rounds
from ansible_collections.acs.builders.tests.faults.world import SERVERS, World

IDENTITY = ("-c", "user.name=person", "-c", "user.email=person@localhost")


def declines(world: World, length: float) -> None:
    """Reject every push with a hook of the remote."""
    hook = world.builders.remote / "hooks" / "pre-receive"
    for _round in rounds(length, 10):
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho 'main is frozen' >&2\nexit 1\n")
        hook.chmod(0o755)
        world.faults += 2 * len(world.actors)
        world.write_all(2)
        hook.unlink()
        world.repeat()
        world.write_all()


def declines_one(world: World, length: float) -> None:
    """Reject pushes of messages with a certain word, with a hook of the remote; they wait among others in an outbox."""
    hook = world.builders.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nread -r _old new _ref\n! git show $new:{MESSAGES} | grep -q forbidden\n")
    hook.chmod(0o755)
    for _round in rounds(length, 10):
        for name in SERVERS:
            orders = [world.message(name) for _turn in range(world.random.randrange(2, 5))]
            bad = world.random.randrange(len(orders))
            orders[bad] = replace(orders[bad], token=f"forbidden{orders[bad].token}")
            world.refused.add(orders[bad].token)
            world.relay.set(Mode(REFUSE))
            world.ask({name: orders})
            world.relay.set(Mode())
            world.ask({name: [Order("cycle"), replace(orders[bad], token=f"forbidden{world.token()}")]})
            world.faults += 2


def rewound(world: World, length: float) -> None:
    """Remove the newest commits from the remote, while servers write and while they do not."""
    for number in rounds(length, 10):
        world.write_all(2)
        plans = world.plans(3) if number % 2 else {}
        steps = [world.random.randrange(1, 5) for _turn in range(3 if plans else 1)]
        with ThreadPoolExecutor(1) as pool:
            pool.submit(world.ask, plans)
            for one in steps:
                world.update_remote(partial(_ancestor, world, one))
        world.faults += len(steps)
        world.write_all()


def rewritten(world: World, length: float) -> None:
    """Replace the history of the remote by one commit, with the same documents or without the last message."""
    for number in rounds(length, 10):
        world.write_all(2)
        world.update_remote(partial(_squashed, world, number % 2 == 1))
        world.faults += 1
        world.write_all()


def collected(world: World, length: float) -> None:
    """Run garbage collection on the remote, after a rewind and while servers write."""
    for _round in rounds(length, 10):
        world.write_all()
        world.update_remote(partial(_ancestor, world, 1))
        _git(world, "reflog", "expire", "--expire=now", "--all")
        world.write_all()
        _git(world, "gc", "--quiet", "--prune=now")
        world.faults += 1
        world.write_all()


def emptied(world: World, length: float) -> None:
    """Replace the remote by an empty one."""
    remote = world.builders.remote
    for _round in rounds(length, 5):
        world.write_all()
        world.withdraw(Remote(world.builders).tokens)
        shutil.rmtree(remote)
        git("init", "--quiet", "--bare", "--initial-branch=main", remote)
        world.faults += 1
        world.write_all(2)


def _ancestor(world: World, steps: int, commit: str) -> str:
    return _git(world, "rev-parse", f"{commit}~{steps}")


def _squashed(world: World, purge: bool, commit: str) -> str:
    """Create a commit without parents that has the documents of another one.

    :param purge: whether to omit the last message.
    """
    tree = f"{commit}^{{tree}}"
    if purge:
        document = Remote(world.builders, commit).document(MESSAGES)
        purged = world.builders.folder / "purged"
        purged.write_text(json.dumps({"messages": document["messages"][:-1]}, indent=2))
        blob = _git(world, "hash-object", "-w", purged)
        indexed = partial(git, cwd=world.builders.remote, GIT_INDEX_FILE=str(world.builders.folder / "purging"))
        indexed("read-tree", commit)
        indexed("update-index", "--cacheinfo", f"100644,{blob},{MESSAGES}")
        tree = indexed("write-tree")
    return _git(world, *IDENTITY, "commit-tree", tree, "-m", "all in one")


def _git(world: World, *arguments: str | Path) -> str:
    return git(*arguments, cwd=world.builders.remote)


ROWS = (
    Row("remote declines by a hook", declines),
    Row("remote declines one message", declines_one),
    Row("remote rewound", rewound),
    Row("remote rewritten by force", rewritten),
    Row("remote rewound and gc --prune=now", collected),
    Row("remote replaced by an empty one", emptied),
)
