"""Rows in which a user commits a damaged document, and repairs it later."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.faults.operations import Order
from ansible_collections.acs.builders.tests.faults.relay import REFUSE, Mode
from ansible_collections.acs.builders.tests.faults.rows import Row, rounds
from ansible_collections.acs.builders.tests.faults.world import SERVERS, World

AUTHOR = SERVERS[0]
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
    "not UTF-8": lambda data: data.replace(b'": ', b'\xff": ', 3),
}
_OF_ANY = [DAMAGES[name] for name in ("cut short", "empty", "with conflict markers", "not UTF-8")]


def damaged(path: str, *damages: Damage) -> Callable[[World, float], None]:
    """Return a row in which a document is damaged while some writes wait in outboxes and others follow.

    :param damages: the kinds of damage, of which one is chosen each time.
    """

    def run(world: World, length: float) -> None:
        world.ask({AUTHOR: [Order("status", world.token(), keyed=False)]})
        for number in rounds(length, 2 * len(damages)):
            world.relay.set(Mode(REFUSE))
            world.write_all()
            good = world.builders.show(path)
            bad = world.random.choice(damages)(good) + b"\n" * number
            world.builders.commit(path, bad)
            world.relay.set(Mode())
            world.faults += 1
            world.write_all(2)
            if world.builders.show(path) != bad:
                world.trouble.append(f"the damaged {path} was overwritten")
            world.builders.commit(path, good)
            world.repeat()
            world.write_all()

    return run


ROWS = (
    *(Row(f"mailbox {name}", damaged(MESSAGES, damage)) for name, damage in DAMAGES.items()),
    Row("status cut short, empty, in conflict or no text", damaged(f"{AUTHOR}/status.json", *_OF_ANY)),
)
