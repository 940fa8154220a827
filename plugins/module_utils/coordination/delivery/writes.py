# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of writes that wait in the outbox. Each knows how it changes the documents and what is recorded of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from ..mail.answers import answered_ids
from ..mail.idempotency import sent_before
from ..mail.mailbox import recipients_of
from ..mail.message import answered_id, id_of, is_marked_read, normalise
from ..mail.read_ledger import ACKNOWLEDGED, READ, Mark
from ..status.document import Report, parse_report
from .batch import Batch, Combined

SURELY_NOT_ARCHIVED = timedelta(hours=1)
"""The age up to which a message of which no push is on record is not looked for in the archives."""


class Write:
    """A write; an item of the outbox has one or more.

    ``messages`` are the entries that it sends, ``marked`` the ids of the messages that it marks.
    """

    messages: tuple[dict[str, Any], ...] = ()
    marked: tuple[str, ...] = ()

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        """Apply the write to the documents.

        :param accepted: when it was accepted, in UTC.
        :raises KeyConflict: when its key was used for something else.
        """
        raise NotImplementedError

    def settle(self, item_id: str, combined: Combined) -> None:
        """Add what this server records of the write once it was delivered."""

    def as_json(self) -> dict[str, Any]:
        """The members of an item in the file of the outbox that tell of the write."""
        raise NotImplementedError


@dataclass(frozen=True)
class Messages(Write):
    """Messages that are sent unless they are in the repository, under their ids or their idempotency key."""

    messages: tuple[dict[str, Any], ...]
    once: ClassVar[bool] = False

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        there = self.there(batch, accepted)
        batch.send(item_id, there, () if there else self.messages)

    def there(self, batch: Batch, accepted: datetime | None) -> Sequence[dict[str, Any]]:
        """Those that are in the repository.

        :raises KeyConflict: when the key was used for something else.
        """
        is_old = accepted is None or batch.host.clock() - accepted > SURELY_NOT_ARCHIVED
        archived = is_old or not batch.snapshot.tried.isdisjoint(map(id_of, self.messages))
        return sent_before(batch.host, batch.snapshot, batch.mailbox, self.messages, archived)

    def settle(self, item_id: str, combined: Combined) -> None:
        key = self.messages[0].get("key")
        if key:
            combined.keys[str(key)] = list(combined.messages[item_id])

    def as_json(self) -> dict[str, Any]:
        return {"messages": list(self.messages), "once": self.once}


class Answers(Messages):
    """Answers, of which each is sent only when its message has no answer of this server yet."""

    once = True

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        there = self.there(batch, accepted)
        asked = set(map(answered_id, self.messages))
        answered = {*answered_ids(batch.host, batch.snapshot, asked), *batch.answered}
        new = [one for one in self.messages if answered_id(one) not in answered]
        ids = set(map(id_of, there))
        batch.send(item_id, there, [one for one in new if id_of(one) not in ids])
        batch.answered |= asked

    def there(self, batch: Batch, accepted: datetime | None) -> Sequence[dict[str, Any]]:
        ids = set(map(id_of, self.messages))
        return [entry for entry in batch.mailbox.entries if id_of(entry) in ids]


@dataclass(frozen=True)
class _Marks(Write):
    """Marks of this server on messages."""

    marked: tuple[str, ...]
    mark: ClassVar[Mark]

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        for message_id in self.marked:
            batch.mark(message_id, lambda entry: self.members(batch, entry))

    def members(self, batch: Batch, entry: dict[str, Any]) -> dict[str, Any]:
        """What has to be set in an entry."""
        raise NotImplementedError

    def settle(self, item_id: str, combined: Combined) -> None:
        combined.marks[self.mark] += self.marked

    def as_json(self) -> dict[str, Any]:
        return {self.mark.name: list(self.marked)}


class ReadMarks(_Marks):
    """This server has read messages."""

    mark = READ

    def members(self, batch: Batch, entry: dict[str, Any]) -> dict[str, Any]:
        if is_marked_read(entry, batch.host.id, batch.host.fleet):
            return {}
        read_by = [*normalise(entry)["read_by"], batch.host.id]
        complete = recipients_of(batch.host, batch.snapshot, entry) <= set(read_by)
        return {"read": complete or entry.get("read") is True, "read_by": read_by}


class Acknowledgements(_Marks):
    """This server acknowledges messages."""

    mark = ACKNOWLEDGED

    def members(self, batch: Batch, entry: dict[str, Any]) -> dict[str, Any]:
        done = normalise(entry)["acknowledged_by"]
        if batch.host.id in done:
            return {}
        complete = recipients_of(batch.host, batch.snapshot, entry) <= {*done, batch.host.id}
        return {"ack_status": "completed" if complete else "pending", "acknowledged_by": [*done, batch.host.id]}


MARKS: dict[Mark, type[_Marks]] = {READ: ReadMarks, ACKNOWLEDGED: Acknowledgements}
"""The write for each kind of mark."""


@dataclass(frozen=True)
class StatusReport(Write):
    """A report of this server's status."""

    report: Report

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        batch.report(self.report, accepted or batch.host.clock())

    def as_json(self) -> dict[str, Any]:
        return {"report": asdict(self.report)}


def parse_writes(record: dict[str, Any]) -> tuple[Write, ...]:
    """The writes of an item, as the file of the outbox has it.

    :raises KeyError: when a member is missing.
    :raises TypeError: when a member has another type.
    """
    writes: list[Write] = []
    messages = tuple(map(_message, record["messages"]))
    if messages:
        writes.append(Answers(messages) if record["once"] else Messages(messages))
    for mark, kind in MARKS.items():
        ids = tuple(map(text_of, record[mark.name]))
        writes += [kind(ids)] if ids else []
    if record["report"] is not None:
        writes.append(StatusReport(parse_report(record["report"])))
    return tuple(writes)


def _message(entry: Any) -> dict[str, Any]:
    for name in ("id", "from", "to", "type", "priority", "subject", "body", "timestamp"):
        text_of(entry[name])
    return dict(entry)


def text_of(value: Any) -> str:
    """A member that has to be a text.

    :raises TypeError: when it is not.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
