# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this server has accepted and the remote has not taken yet, in order, on this host's disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..documents.json_document import MAX_NESTING, check_text, nesting
from ..errors import InvalidInput, OutboxFull
from ..mail.message import MAX_INTEGER, id_of
from ..state_dir import StateDirectory
from ..timestamps import parse_time
from .writes import Write, parse_writes, text_of

OUTBOX_FILE = "outbox.json"
OUTBOX_LOCK = "outbox.lock"
MAX_ITEMS = 1_000
"""Writes that may wait."""
MAX_AGE = timedelta(days=7)
"""When the oldest write has waited for so long, no more are accepted: somebody has to look first."""
LONG = timedelta(minutes=5)
"""A write that waits for longer than this is a problem that is told."""


@dataclass(frozen=True)
class Item:
    """Writes that were accepted together.

    :param id: the id of the item on this host.
    :param accepted_at: when it was accepted, in UTC.
    :param summary: the line for the message of the commit.
    :param reason: why it was rejected, empty for an item that waits.
    """

    id: str
    accepted_at: str
    summary: str
    writes: tuple[Write, ...]
    reason: str = ""

    @property
    def messages(self) -> tuple[dict[str, Any], ...]:
        """The entries to send, signed."""
        return tuple(entry for write in self.writes for entry in write.messages)

    @property
    def key(self) -> str:
        """The idempotency key of its messages; empty when they have none."""
        return str(self.messages[0].get("key") or "") if self.messages else ""

    def is_named(self, name: str) -> bool:
        """Whether a name, its own or the id of one of its messages, means it."""
        return name == self.id or name in map(id_of, self.messages)

    def as_json(self) -> dict[str, Any]:
        """Return the item as it is in the file of the outbox."""
        record = {"id": self.id, "accepted_at": self.accepted_at, "summary": self.summary}
        writes: dict[str, Any] = {"messages": [], "once": False, "read": [], "acknowledged": [], "report": None}
        for write in self.writes:
            writes.update(write.as_json())
        return {**record, **writes, "reason": self.reason}


def new_item_id() -> str:
    """A new id for an item."""
    return f"out_{os.urandom(8).hex()}"


@dataclass
class Contents:
    """What the outbox holds.

    :param items: what waits, in the order in which it was accepted.
    :param aside: what the remote, or this host, refuses to write for its content.
    :param last: the number of the last message that was delivered; None when that is not known.
    """

    items: list[Item] = field(default_factory=list)
    aside: list[Item] = field(default_factory=list)
    last: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        items, aside = ([item.as_json() for item in each] for each in (self.items, self.aside))
        return {"items": items, "aside": aside, "last": self.last}

    def accept(self, item: Item, now: datetime) -> None:
        """Put an item at the end.

        :raises OutboxFull: when there are too many, or one has waited for too long.
        """
        if len(self.items) >= MAX_ITEMS:
            raise OutboxFull(f"The outbox of this host is full: {MAX_ITEMS} writes wait for the remote.", _REMEDY)
        oldest = parse_time(self.items[0].accepted_at) if self.items else None
        if oldest and now - oldest > MAX_AGE:
            raise OutboxFull(
                f"The outbox of this host is stuck: a write waits for the remote since {self.items[0].accepted_at}.",
                _REMEDY,
            )
        self.items.append(item)

    def problems(self, now: datetime) -> list[str]:
        """What somebody has to look at: writes that wait for too long, and writes that were set aside."""
        accepted = parse_time(self.items[0].accepted_at) if self.items else None
        found = []
        if accepted and now - accepted > LONG:
            number = "1 write waits" if len(self.items) == 1 else f"{len(self.items)} writes wait"
            found.append(f"{number} in the outbox, the first since {self.items[0].accepted_at}")
        if self.aside:
            number = "1 write was" if len(self.aside) == 1 else f"{len(self.aside)} writes were"
            found.append(f"{number} refused and set aside; see 'builderctl outbox'")
        return found

    def remove(self, ids: Sequence[str]) -> None:
        """Take items out, whether they wait or were set aside."""
        self.items = [item for item in self.items if item.id not in ids]
        self.aside = [item for item in self.aside if item.id not in ids]

    def take(self, items: Sequence[Item], name: str) -> Item:
        """Take out the one of some items that a name means.

        :raises InvalidInput: when there is none.
        """
        found = next((item for item in items if item.is_named(name)), None)
        if found is None:
            raise InvalidInput(f"{name!r} is not in the outbox.", "See 'builderctl outbox' for what is.")
        self.remove([found.id])
        return found

    def find(self, item_id: str) -> Item | None:
        """The item that waits under an id."""
        return next((item for item in self.items if item.id == item_id), None)


_REMEDY = "See 'builderctl outbox' for what waits and 'builderctl health' for why."


class Outbox:
    """The file of what waits. Its lock is held only while the file is written, never while the network is used."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state

    def read(self) -> Contents:
        """What is in it.

        :raises StateUnusable: when it cannot be read.
        """
        return self._state.read(OUTBOX_FILE, _parse) or Contents()

    @contextmanager
    def changing(self) -> Iterator[Contents]:
        """What is in it, to be changed: it is on disk, or nothing is, when the block has ended.

        :raises StateUnusable: when it cannot be read or written.
        """
        with self._state.lock(OUTBOX_LOCK):
            contents = self.read()
            before = contents.as_json()
            yield contents
            after = contents.as_json()
            if after != before:
                self._state.write_json(OUTBOX_FILE, after)


def _parse(record: Any) -> Contents:
    if nesting(record) > MAX_NESTING:
        raise TypeError("it is nested without end")
    try:
        check_text(record, "it")
    except InvalidInput as error:
        raise TypeError(error.what) from error
    items, aside = ([_item(one) for one in record[name]] for name in ("items", "aside"))
    last = record["last"]
    if not (last is None or (isinstance(last, int) and 0 <= last < MAX_INTEGER)):
        raise TypeError("the last number is none")
    return Contents(items, aside, last)


def _item(record: Any) -> Item:
    if parse_time(record["accepted_at"]) is None:
        raise TypeError("a time is no time")
    name, accepted_at, summary, reason = (text_of(record[key]) for key in ("id", "accepted_at", "summary", "reason"))
    return Item(name, accepted_at, summary, parse_writes(record), reason)
