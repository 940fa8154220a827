"""Rows with faults of a host: of its disk or its clock."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.acs.builders.tests.faults import small_disk
from ansible_collections.acs.builders.tests.faults.actor import Conditions
from ansible_collections.acs.builders.tests.faults.operations import Order
from ansible_collections.acs.builders.tests.faults.rows import Row, rounds
from ansible_collections.acs.builders.tests.faults.world import SERVERS, World

AUTHOR = SERVERS[0]
KILOBYTES = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 160, 200, 256, 400)
"""The free space on a full file system: with each size, an operation gets a little further."""


def full(world: World, length: float) -> None:
    """Fill a server's file system, completely or nearly."""
    world.ask({AUTHOR: [Order("cover")]})
    for _round in rounds(length, 60):
        left = world.random.choice(KILOBYTES) * 1024
        _spoil(world, Order("fill", value=left), Order("free"))


def read_only(world: World, length: float) -> None:
    """Make a server's file system read-only."""
    world.ask({AUTHOR: [Order("cover")]})
    for _round in rounds(length, 10):
        _spoil(world, Order("read only"), Order("writable"))


def _spoil(world: World, begin: Order, end: Order) -> None:
    world.faults += 1
    world.ask({AUTHOR: [begin, world.write(AUTHOR), world.write(AUTHOR), Order("cycle"), end, world.write(AUTHOR)]})
    world.repeat()
    if world.random.random() < 0.2:
        world.write_all()


def clocks(most: float) -> Callable[[World, float], None]:
    """Return a row in which the servers' clocks differ, and jump.

    :param most: the maximum seconds by which they are wrong.
    """

    def run(world: World, length: float) -> None:
        for _round in rounds(length, 15):
            wrong = {
                name: Conditions(ahead=world.random.uniform(-most, most), jump=world.random.choice((0, most / 2)))
                for name in world.actors
            }
            world.faults += len(wrong)
            world.write_all(2, wrong)
            world.repeat()

    return run


ROWS = (
    Row("file system full", full, small_disk.cannot),
    Row("file system read-only", read_only, small_disk.cannot),
    Row("clocks differ by minutes and jump", clocks(600)),
    Row("clocks jump by days", clocks(3 * 86400)),
)
