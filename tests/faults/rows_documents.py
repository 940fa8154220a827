"""Rows in which a person commits a mailbox that cannot be read, and repairs it later."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.faults.rows import Row, rounds
from ansible_collections.acs.builders.tests.faults.world import World

Damage = Callable[[bytes], bytes]


def _conflict(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:half] + b"\n<<<<<<< HEAD\n" + data[half:] + b"\n=======\n>>>>>>> theirs\n"


DAMAGES: dict[str, Damage] = {
    "cut short": lambda data: data[: len(data) * 2 // 3],
    "empty": lambda _data: b"",
    "of the wrong type": lambda _data: b'{"messages": "none"}\n',
    "with conflict markers": _conflict,
    "50 MB long": lambda data: data[:-3] + b" " * 50_000_000 + data[-3:],
    "deeply nested": lambda _data: b'{"messages": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}\n",
    "not UTF-8": lambda data: data.replace(b'"body"', b'"body\xff"'),
}


def damaged(damage: Damage) -> Callable[[World, float], None]:
    """A row in which the mailbox is damaged."""

    def run(world: World, length: float) -> None:
        for number in rounds(length, 2):
            good = world.builders.show(MESSAGES)
            bad = damage(good) + b"\n" * number
            world.builders.commit(MESSAGES, bad)
            world.faults += 1
            world.everybody(2)
            if world.builders.show(MESSAGES) != bad:
                world.trouble.append(f"somebody has overwritten the damaged {MESSAGES}")
            world.builders.commit(MESSAGES, good)
            world.repeat()
            world.everybody()

    return run


ROWS = tuple(Row(f"mailbox {name}", damaged(damage)) for name, damage in DAMAGES.items())
