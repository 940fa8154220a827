"""A simulated week of the whole fleet: services and modules of four servers, and the old writer, with random faults.

Time is simulated: all processes do the work of an hour at once, and then the clocks advance by an hour.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.faults import mixed_fleet
from ansible_collections.acs.builders.tests.faults.actor import Conditions
from ansible_collections.acs.builders.tests.faults.mixed_fleet import old_writer
from ansible_collections.acs.builders.tests.faults.operations import Order
from ansible_collections.acs.builders.tests.faults.relay import CUT, DOWN, HANG, REFUSE, SWALLOW, UP, Mode
from ansible_collections.acs.builders.tests.faults.rows import Row, rounds
from ansible_collections.acs.builders.tests.faults.world import FOURTH, SERVERS, World

HOURS = 168
TIMEOUT = 4
OLD_WRITES_EVERY = 4
"""Hours from one write of the old writer to the next."""
SLACK = {"disk": 32_000_000, "memory": 24_000_000, "descriptors": 0, "children": 0}
"""The allowed growth of a service's usage."""
Plan = dict[str, Conditions]


def week(world: World, length: float) -> None:
    """Simulate a week, or a part of it."""
    for server in (*SERVERS, FOURTH):
        world.add_actor(f"{server} service", server)
    world.add_actor(FOURTH, FOURTH)
    skew = {name: world.random.uniform(-180, 180) for name in world.actors}
    usage: list[dict[str, dict[str, int]]] = []
    hours = rounds(length, HOURS)
    for hour in hours:
        plan = {name: _usual(name, hour * 3600 + skew[name]) for name in world.actors}
        _fault(world, plan)
        with old_writer(world, 1) if hour % OLD_WRITES_EVERY == 0 and hour > 1 else nullcontext() as old:
            world.ask({name: _orders(world, name) for name in world.actors}, plan)
            world.relay.set(Mode())
            (world.builders.remote / "hooks" / "pre-receive").unlink(missing_ok=True)
        if old:
            mixed_fleet.check(world, old)
        if hour % 10 == 9:
            world.progress(f"hour {hour + 1} of {len(hours)}")
        if hour in (1, len(hours) - 1):
            usage.append(_usage(world))
    world.ask({name: [Order("list")] for name in world.actors})
    _compare(world, usage)


def _usual(name: str, ahead: float) -> Conditions:
    return Conditions(TIMEOUT, ahead, keep=_is_service(name))


def _is_service(name: str) -> bool:
    return name.endswith("service")


def _orders(world: World, name: str) -> list[Order]:
    if _is_service(name):
        return [Order("cycle")]
    return [world.write(world.actors[name].server) for _turn in range(world.random.randrange(3))]


def _fault(world: World, plan: Plan) -> None:
    """Start a fault for an hour, or none."""
    fault = world.random.choice((_none, _relay, _relay, _kill, _decline, _collect))
    fault(world, plan)
    world.faults += fault is not _none


def _none(world: World, plan: Plan) -> None:
    """Inject no fault."""


def _relay(world: World, _plan: Plan) -> None:
    """Break the connection to the Git host."""
    kind = world.random.choice((REFUSE, HANG, CUT, CUT, SWALLOW))
    direction = world.random.choice((UP, DOWN))
    times = world.random.choice((1, 3, None))
    world.relay.set(Mode(kind, 0, world.random.randrange(3000), direction, times))


def _kill(world: World, plan: Plan) -> None:
    """Kill the modules of a server, or the service of the fourth one, at some step."""
    name = world.random.choice([name for name in plan if not _is_service(name)] + [f"{FOURTH} service"])
    plan[name] = replace(plan[name], deadly=world.random.randrange(1, 120))


def _decline(world: World, _plan: Plan) -> None:
    """Reject pushes to the branch with a hook of the remote."""
    hook = world.builders.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n! grep -q refs/heads/main || { echo 'main is frozen' >&2; exit 1; }\n")
    hook.chmod(0o755)


def _collect(world: World, _plan: Plan) -> None:
    """Run garbage collection on the remote."""
    git("gc", "--quiet", "--prune=now", cwd=world.builders.remote)


def _usage(world: World) -> dict[str, dict[str, int]]:
    """Return the usage of each service."""
    services = [name for name in world.actors if _is_service(name)]
    return {name: world.ask({name: [Order("inspect")]})[0].value for name in services}


def _compare(world: World, usage: list[dict[str, dict[str, int]]]) -> None:
    """Report the usage of the services at the start and the end; for those that were never killed, it must not grow."""
    first, last = usage[0], usage[-1]
    for name, start in first.items():
        end = last[name]
        changes = (f"{what} {_number(start[what])} to {_number(end[what])}" for what in SLACK)
        world.figures[name] = ", ".join(changes)
        grown = [what for what, slack in SLACK.items() if end[what] > start[what] + slack]
        if FOURTH not in name:
            world.trouble += [f"{name}: {what} grew from {start[what]} to {end[what]}" for what in grown]


def _number(value: int) -> str:
    return f"{value / 1e6:.1f} MB" if value > 100_000 else str(value)


def cannot() -> str:
    """Return why a week cannot be simulated on this machine; empty if it can."""
    return mixed_fleet.cannot()


ROWS = (Row("a simulated week", week, cannot),)
