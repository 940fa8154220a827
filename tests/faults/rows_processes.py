"""Rows in which a process is killed: a Git process, or the process that writes, at each of its steps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ansible_collections.acs.builders.tests.faults.actor import Conditions
from ansible_collections.acs.builders.tests.faults.operations import KILLED, Order
from ansible_collections.acs.builders.tests.faults.relay import REFUSE, Mode
from ansible_collections.acs.builders.tests.faults.rows import Row
from ansible_collections.acs.builders.tests.faults.world import SERVERS, World

WRAPPER = Path(__file__).with_name("git_wrapper.sh")
AUTHOR = SERVERS[0]
MOST = 2000
"""More steps than any operation has."""


def _stride(world: World, length: float) -> range:
    """Return the steps at which a process is killed: each one in a full run, fewer in a shorter one."""
    stride = max(1, round(1 / length)) if length < 1 else 1
    return range(1 + world.random.randrange(stride), MOST, stride)


def _order(world: World, action: str) -> Order:
    return world.message(AUTHOR, keyed=True) if action == "send" else Order(action, world.token(), keyed=False)


def _mail(world: World) -> None:
    """Send the author a message that it can answer and mark."""
    world.ask({SERVERS[1]: [Order("send", world.token(), AUTHOR)]})


def killed(action: str, away: bool = False, everything: bool = False) -> Callable[[World, float], None]:
    """Return a row in which the process is killed at each step of an operation.

    :param away: whether the remote is unreachable, so that messages are queued.
    :param everything: whether the Git processes that it has started are killed too.
    """

    def run(world: World, length: float) -> None:
        for step in _stride(world, length):
            _prepare(world, action)
            world.relay.set(Mode(REFUSE if away else "pass"))
            after = world.random.choice((0, 0.003, 0.01, 0.03)) if everything else None
            (answer,) = world.ask({AUTHOR: [_order(world, action)]}, Conditions(deadly=step, all_after=after))
            world.relay.set(Mode())
            world.wait_for_strays()
            if answer.outcome != KILLED:
                world.progress(f"{action} took {answer.steps} steps")
                return
            world.faults += 1
            if world.faults % 20 == 0:
                world.progress(f"killed at step {step}")
            if world.random.random() < 0.5:
                world.repeat()
            if world.random.random() < 0.3:
                world.write_all()

    return run


def _prepare(world: World, action: str) -> None:
    if action in ("reply", "read", "acknowledge"):
        _mail(world)
    if action in ("deliver", "cycle"):
        world.relay.set(Mode(REFUSE))
        world.ask({AUTHOR: [world.message(AUTHOR), world.message(AUTHOR)]})


def git_killed(when: str) -> Callable[[World, float], None]:
    """Return a row in which the Git process of an operation is killed, at each of its calls.

    :param when: ``before`` it starts, ``amid`` its run, or ``after`` it has ended.
    """

    def run(world: World, length: float) -> None:
        folder = _wrapper(world)
        count = folder / "count"
        for action in ("send", "status", "read", "reply", "cycle"):
            for call in _stride(world, min(1.0, 3 * length)):
                _prepare(world, action)
                world.relay.set(Mode())
                count.write_text("0\n")
                seconds = f"{world.random.uniform(0.001, 0.03):.4f}"
                world.ask(
                    {AUTHOR: [_order(world, action)]}, Conditions(environment=_variables(folder, call, when, seconds))
                )
                world.wait_for_strays()
                if int(count.read_text()) < call:
                    break
                world.faults += 1
                world.repeat()

    return run


def _wrapper(world: World) -> Path:
    """Create a folder with the wrapper as ``git``, and return it."""
    folder = world.builders.folder / "wrapper"
    folder.mkdir(exist_ok=True)
    shutil.copy(WRAPPER, folder / "git")
    (folder / "git").chmod(0o755)
    return folder


def _variables(folder: Path, call: int, when: str, seconds: str) -> dict[str, str]:
    real = shutil.which("git")
    assert real
    return {
        "PATH": f"{folder}:{Path(real).parent}:/usr/bin:/bin",
        "RIG_GIT_REAL": real,
        "RIG_GIT_COUNT": str(folder / "count"),
        "RIG_GIT_CALL": str(call),
        "RIG_GIT_WHEN": when,
        "RIG_GIT_SECONDS": seconds,
    }


ROWS = (
    Row("SIGKILL at each step of a send", killed("send")),
    Row("SIGKILL at each step of a reply", killed("reply")),
    Row("SIGKILL at each step of a read mark", killed("read")),
    Row("SIGKILL at each step of a status", killed("status")),
    Row("SIGKILL at each step of a send, remote away", killed("send", away=True)),
    Row("SIGKILL at each step of a service cycle", killed("cycle")),
    Row("everything killed at each step of a send", killed("send", everything=True)),
    Row("everything killed at each step of a service cycle", killed("cycle", everything=True)),
    Row("git killed before its k-th call", git_killed("before")),
    Row("git killed amid its k-th call", git_killed("amid")),
    Row("git killed after its k-th call", git_killed("after")),
)
