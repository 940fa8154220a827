"""Rows in which the connection to the Git host is broken."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import FAIL
from ansible_collections.acs.builders.tests.faults.actor import Conditions
from ansible_collections.acs.builders.tests.faults.operations import Order
from ansible_collections.acs.builders.tests.faults.relay import CUT, DOWN, HANG, REFUSE, SWALLOW, UP, Mode
from ansible_collections.acs.builders.tests.faults.rows import Row, rounds
from ansible_collections.acs.builders.tests.faults.world import SERVERS, USUAL, World

HURRIED = Conditions(timeout=3)


def _break(world: World, mode: Mode, orders: int = 1) -> None:
    """Let all actors write while the relay breaks connections, and once more when it passes them again.

    The time limit of the actors is short only if the relay breaks all connections.
    """
    before = world.relay.set(mode).get("broken", 0)
    world.write_all(orders, USUAL if mode.times else HURRIED)
    broken = world.relay.set(Mode()).get("broken", 0) - before
    world.faults += orders * len(world.actors) if mode.mode == REFUSE else broken
    world.repeat()
    world.write_all()


def refused(world: World, length: float) -> None:
    """Refuse connections to the Git host."""
    for _round in rounds(length, 10):
        _break(world, Mode(REFUSE), orders=2)


def hanging(world: World, length: float) -> None:
    """Accept connections and never answer."""
    for _round in rounds(length, 6):
        _break(world, Mode(HANG))


def cut(world: World, length: float) -> None:
    """Break connections after some bytes of a request or an answer, once, a few times, or always."""
    for number in rounds(length, 40):
        size = world.random.choice((world.random.randrange(400), world.random.randrange(4000)))
        times = world.random.choice((1, 2, 5, None))
        delay = world.random.choice((0, 0, 20))
        _break(world, Mode(CUT, delay, size, (UP, DOWN)[number % 2], times))


def swallowed(world: World, length: float) -> None:
    """Let the Git host accept pushes, and break the connections before its answers."""
    for _round in rounds(length, 20):
        _break(world, Mode(SWALLOW, times=world.random.choice((1, 2, None))), orders=2)


def at_once(world: World, length: float) -> None:
    """Let the service and several modules of one server write at once over a slow connection, some without queuing."""
    own = [f"{SERVERS[0]} module {number}" for number in range(3)]
    service = f"{SERVERS[0]} service"
    for name in (*own, service):
        world.add_actor(name, SERVERS[0])
    for _round in rounds(length, 6):
        world.relay.set(Mode(delay=world.random.choice((150, 300, 450))))
        plans = {name: [replace(world.message(SERVERS[0]), offline=FAIL) for _turn in range(2)] for name in own}
        world.ask({service: [Order("cycle")], SERVERS[0]: [world.write(SERVERS[0])], **plans})
        world.relay.set(Mode())
        world.faults += 1
        world.repeat()


ROWS = (
    Row("relay refuses", refused),
    Row("relay hangs", hanging),
    Row("relay cuts after n bytes", cut),
    Row("relay cuts after accept", swallowed),
    Row("service and modules of a host at once", at_once),
)
