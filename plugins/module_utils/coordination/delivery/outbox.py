# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outbox: the writes of this server that the remote has not accepted yet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..documents.json_document import MAX_NESTING, check_text, nesting
from ..errors import InvalidInput, OutboxFull
from ..mail.message import MAX_INTEGER, Message
from ..state_dir import StateDirectory
from ..timestamps import duration, parse_time
from .writes import Write, parse_writes, text_of

OUTBOX_FILE = "outbox.json"
OUTBOX_LOCK = "outbox.lock"
MAX_ITEMS = 1_000
"""The maximum number of items."""
MAX_AGE = timedelta(days=7)
"""The maximum age of the oldest item. If it is older, no more items are accepted."""
OVERDUE_AGE = timedelta(minutes=5)
"""The age from which an item is reported as a problem."""


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
    def messages(self) -> tuple[Message, ...]:
        """The messages to send."""
        return tuple(entry for write in self.writes for entry in write.messages)

    @property
    def key(self) -> str:
        """The idempotency key of the messages, empty if they have none."""
        return self.messages[0].key if self.messages else ""

    def is_named(self, name: str) -> bool:
        """Return whether a name is the id of the item or of one of its messages."""
        return name == self.id or name in [message.id for message in self.messages]

    def as_json(self) -> dict[str, Any]:
        """Return the item as it is in the file of the outbox."""
        record = {"id": self.id, "accepted_at": self.accepted_at, "summary": self.summary}
        writes: dict[str, Any] = {"messages": [], "once": False, "read": [], "acknowledged": [], "report": None}
        for write in self.writes:
            writes.update(write.as_json())
        return {**record, **writes, "reason": self.reason}


def new_item_id() -> str:
    """Return a new id for an item."""
    return f"out_{os.urandom(8).hex()}"


@dataclass
class Contents:
    """The content of the outbox.

    :param items: the items to deliver, in the order in which they were accepted.
    :param rejected: the items that the remote or this host has rejected because of their content.
    :param last: the sequence number of the last message that was delivered; None if it is not known.
    """

    items: list[Item] = field(default_factory=list)
    rejected: list[Item] = field(default_factory=list)
    last: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        items, rejected = ([item.as_json() for item in each] for each in (self.items, self.rejected))
        return {"items": items, "aside": rejected, "last": self.last}

    def accept(self, item: Item, now: datetime) -> None:
        """Append an item.

        :param now: the time in UTC.
        :raises OutboxFull: if there are too many items, or one is too old.
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
        """Return the problems that the operator has to solve: overdue and rejected items.

        :param now: the time in UTC.
        """
        accepted = parse_time(self.items[0].accepted_at) if self.items else None
        found = []
        if accepted and now - accepted > OVERDUE_AGE:
            number = "1 write waits" if len(self.items) == 1 else f"{len(self.items)} writes wait"
            waiting = duration((now - accepted).total_seconds())
            found.append(f"{number} in the outbox, the first for {waiting}. See why: builderctl outbox")
        if self.rejected:
            number = "1 write was" if len(self.rejected) == 1 else f"{len(self.rejected)} writes were"
            found.append(f"{number} refused and set aside. See the reason: builderctl outbox")
        return found

    def remove(self, ids: Sequence[str]) -> None:
        """Remove items with these ids, also rejected ones."""
        self.items = [item for item in self.items if item.id not in ids]
        self.rejected = [item for item in self.rejected if item.id not in ids]

    def pop(self, items: Sequence[Item], name: str) -> Item:
        """Remove and return an item.

        :param items: the items to search.
        :param name: the id of the item or of one of its messages.
        :raises InvalidInput: if none of the items has this name.
        """
        found = next((item for item in items if item.is_named(name)), None)
        if found is None:
            raise InvalidInput(f"{name!r} is not in the outbox.", "'builderctl outbox' lists its writes.")
        self.remove([found.id])
        return found

    def find(self, item_id: str) -> Item | None:
        """Return the item with an id; None if it is not in the outbox or was rejected."""
        return next((item for item in self.items if item.id == item_id), None)


_REMEDY = "'builderctl outbox' lists the writes, 'builderctl health' shows the reason."


class Outbox:
    """The file of the outbox.

    Its lock is held only while the file is written, never during a network operation.
    """

    def __init__(self, state: StateDirectory) -> None:
        self._state = state

    def read(self) -> Contents:
        """Return the content.

        :raises StateUnusable: if the file cannot be read.
        """
        return self._state.read(OUTBOX_FILE, _parse) or Contents()

    @contextmanager
    def changing(self) -> Iterator[Contents]:
        """Lock the outbox and yield its content. It is written at the end of the block.

        Nothing is written if the block raises an error.

        :raises StateUnusable: if the file cannot be read or written.
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
        raise TypeError("it is nested too deeply")
    try:
        check_text(record, "it")
    except InvalidInput as error:
        raise TypeError(error.what) from error
    items, rejected = ([_item(one) for one in record[name]] for name in ("items", "aside"))
    last = record["last"]
    if not (last is None or (isinstance(last, int) and 0 <= last < MAX_INTEGER)):
        raise TypeError("the last number is not a sequence number")
    return Contents(items, rejected, last)


def _item(record: Any) -> Item:
    if parse_time(record["accepted_at"]) is None:
        raise TypeError("a time is not valid")
    name, accepted_at, summary, reason = (text_of(record[key]) for key in ("id", "accepted_at", "summary", "reason"))
    return Item(name, accepted_at, summary, parse_writes(record), reason)
