# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of writes in the outbox, each with its change and its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from ..mail.answers import answered_ids
from ..mail.idempotency import find_duplicates
from ..mail.mailbox import recipients_of
from ..mail.message import Message
from ..mail.read_ledger import ACKNOWLEDGED, READ, Mark
from ..status.report import Report, parse_report
from .batch import Batch, Combined

SURELY_NOT_ARCHIVED = timedelta(hours=1)
"""The age up to which a message is not searched in the archives, unless a push of it was attempted."""


class Write:
    """A write in the outbox.

    ``messages`` are the messages to send, ``marked`` the ids of the messages to mark.
    """

    messages: tuple[Message, ...] = ()
    marked: tuple[str, ...] = ()

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        """Apply the write to the documents.

        :param accepted: when the write was accepted, in UTC.
        :raises KeyConflict: if the idempotency key was used for other content.
        """
        raise NotImplementedError

    def settle(self, item_id: str, combined: Combined) -> None:
        """Add what has to be recorded when the write was delivered."""

    def as_json(self) -> dict[str, Any]:
        """Return the members for the write in the file of the outbox."""
        raise NotImplementedError


@dataclass(frozen=True)
class Messages(Write):
    """Messages, sent unless their ids or their idempotency key are in the repository."""

    messages: tuple[Message, ...]
    once: ClassVar[bool] = False

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        existing = self.existing(batch, accepted)
        batch.send(item_id, existing, () if existing else self.messages)

    def existing(self, batch: Batch, accepted: datetime | None) -> Sequence[Message]:
        """Return the messages that are in the repository.

        :raises KeyConflict: if the idempotency key was used for other content.
        """
        is_old = accepted is None or batch.host.clock() - accepted > SURELY_NOT_ARCHIVED
        archived = is_old or not batch.snapshot.pushed_ids.isdisjoint(message.id for message in self.messages)
        return find_duplicates(batch.host, batch.snapshot, batch.mailbox, self.messages, archived)

    def settle(self, item_id: str, combined: Combined) -> None:
        key = self.messages[0].key
        if key:
            combined.keys[key] = combined.messages[item_id]

    def as_json(self) -> dict[str, Any]:
        return {"messages": [message.raw for message in self.messages], "once": self.once}


class Answers(Messages):
    """Answers, each sent only if this server has not answered its message yet."""

    once = True

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        existing = self.existing(batch, accepted)
        asked = {message.in_reply_to for message in self.messages}
        answered = {*answered_ids(batch.host, batch.snapshot, asked), *batch.answered}
        new = [one for one in self.messages if one.in_reply_to not in answered]
        ids = {message.id for message in existing}
        batch.send(item_id, existing, [one for one in new if one.id not in ids])
        batch.answered |= asked

    def existing(self, batch: Batch, accepted: datetime | None) -> Sequence[Message]:
        ids = {message.id for message in self.messages}
        return [entry for entry in batch.mailbox.messages if entry.id in ids]


@dataclass(frozen=True)
class _Marks(Write):
    """Marks that this server sets on messages."""

    marked: tuple[str, ...]
    mark: ClassVar[Mark]

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        for message_id in self.marked:
            batch.mark(message_id, lambda entry: self.members(batch, entry))

    def members(self, batch: Batch, entry: Message) -> dict[str, Any]:
        """Return the members to set in a message."""
        raise NotImplementedError

    def settle(self, item_id: str, combined: Combined) -> None:
        combined.marks[self.mark] += self.marked

    def as_json(self) -> dict[str, Any]:
        return {self.mark.name: list(self.marked)}


class ReadMarks(_Marks):
    """Marks that this server has read messages."""

    mark = READ

    def members(self, batch: Batch, entry: Message) -> dict[str, Any]:
        if entry.is_marked_read(batch.host.id, batch.host.fleet):
            return {}
        read_by = [*entry.read_by, batch.host.id]
        complete = recipients_of(batch.host, batch.snapshot, entry) <= set(read_by)
        return {"read": complete or entry.raw.get("read") is True, "read_by": read_by}


class Acknowledgements(_Marks):
    """Acknowledgements of messages by this server."""

    mark = ACKNOWLEDGED

    def members(self, batch: Batch, entry: Message) -> dict[str, Any]:
        done = entry.acknowledged_by
        if batch.host.id in done:
            return {}
        complete = recipients_of(batch.host, batch.snapshot, entry) <= {*done, batch.host.id}
        return {"ack_status": "completed" if complete else "pending", "acknowledged_by": [*done, batch.host.id]}


MARKS: dict[Mark, type[_Marks]] = {READ: ReadMarks, ACKNOWLEDGED: Acknowledgements}
"""The write for each kind of mark."""


@dataclass(frozen=True)
class StatusReport(Write):
    """A status report of this server."""

    report: Report

    def apply(self, batch: Batch, item_id: str, accepted: datetime | None) -> None:
        batch.report(self.report, accepted or batch.host.clock())

    def as_json(self) -> dict[str, Any]:
        return {"report": asdict(self.report)}


def parse_writes(record: dict[str, Any]) -> tuple[Write, ...]:
    """Parse the writes of an item in the file of the outbox.

    :raises KeyError: if a member is missing.
    :raises TypeError: if a member has another type.
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


def _message(entry: Any) -> Message:
    for name in ("id", "from", "to", "type", "priority", "subject", "body", "timestamp"):
        text_of(entry[name])
    return Message(dict(entry))


def text_of(value: Any) -> str:
    """Return a value that must be a text.

    :raises TypeError: if it is not.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value
