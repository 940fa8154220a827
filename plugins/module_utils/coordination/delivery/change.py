# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change of the documents for all writes of this server that wait, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any

from ..documents.json_document import EntryList
from ..identity.host import MESSAGES, Host
from ..mail.answers import answered_ids
from ..mail.idempotency import sent_before
from ..mail.mailbox import is_mine_to_read, read_mailbox, recipients_of
from ..mail.message import answered_id, id_of, is_marked_read, normalise
from ..mail.sequence import last_number, number
from ..status.document import apply_reports, status_path
from ..store.snapshot import Change, Snapshot
from ..timestamps import parse_time
from .outbox import Item

SURELY_NOT_ARCHIVED = timedelta(hours=1)
"""The age up to which a message of which no push is on record is not looked for in the archives."""
MAX_SUMMARIES = 50
"""Writes that the message of a commit names."""


@dataclass
class Combined:
    """What a change carries: by item its messages as they stand in the repository, those already there included.

    ``last`` is the number of the last message of this server, ``mailbox`` holds the entries before the change and
    ``status`` is this server's status after it.
    """

    messages: dict[str, Sequence[dict[str, Any]]] = field(default_factory=dict)
    last: int | None = None
    mailbox: list[dict[str, Any]] = field(default_factory=list)
    status: dict[str, Any] = field(default_factory=dict)


def combine(host: Host, snapshot: Snapshot, items: Sequence[Item], last: int | None) -> Change:
    """The change that carries out items, each exactly once; its result is a :class:`Combined`.

    :param last: the number of the last message that this host knows to be delivered.
    :raises KeyConflict: when a key was used for something else.
    :raises InvalidInput: when a status report does not fit the status.
    :raises DocumentDamaged: when a document that is to be changed cannot be read.
    :raises SigningFailed: when this server cannot sign.
    """
    combined = Combined(last=last)
    files: dict[str, bytes] = {}
    mail = [item for item in items if item.messages or item.read or item.acknowledged]
    new: list[dict[str, Any]] = []
    if mail:
        mailbox = read_mailbox(snapshot)
        combined.mailbox = mailbox.entries
        new = _new_messages(host, snapshot, mailbox, mail, combined)
        marks = _marks(host, snapshot, mailbox, mail)
        if new or marks:
            files[MESSAGES] = mailbox.splice(marks, new)
    reports = [(item.report, parse_time(item.accepted_at) or host.clock()) for item in items if item.report]
    if reports:
        path = status_path(host.id)
        document, combined.status = apply_reports(host, snapshot.load_object(path), reports)
        if document:
            files[path] = document.encode()
    return Change(combined, files, _summary(host, items), tuple(id_of(entry) for entry in new))


def messages_there(host: Host, snapshot: Snapshot, mailbox: EntryList, item: Item) -> Sequence[dict[str, Any]]:
    """The messages of an item that are in the repository, under their ids or, where they have one, their key.

    :raises KeyConflict: when the key was used for something else.
    """
    if item.messages and not item.once:
        return sent_before(host, snapshot, mailbox, item.messages, _may_be_archived(host, snapshot, item))
    ids = set(map(id_of, item.messages))
    return [entry for entry in mailbox.entries if id_of(entry) in ids]


def _new_messages(
    host: Host, snapshot: Snapshot, mailbox: EntryList, items: Sequence[Item], combined: Combined
) -> list[dict[str, Any]]:
    """The messages that are not there yet, numbered and signed."""
    answered = answered_ids(host, snapshot, {answered_id(e) for item in items if item.once for e in item.messages})
    waiting: dict[str, Sequence[dict[str, Any]]] = {}
    for item in filter(lambda item: item.messages, items):
        there = messages_there(host, snapshot, mailbox, item)
        if item.once:
            waiting[item.id] = _unanswered(item, answered, there)
            answered.update(map(answered_id, item.messages))
        else:
            waiting[item.id] = () if there else item.messages
        combined.messages[item.id] = there
    new = [entry for messages in waiting.values() for entry in messages]
    if new:
        last = last_number(host, snapshot, mailbox.entries, combined.last)
        new = number(host, new, last)
        combined.last = last + len(new)
    numbered = iter(new)
    for item_id, messages in waiting.items():
        combined.messages[item_id] = [*combined.messages[item_id], *islice(numbered, len(messages))]
    return new


def _unanswered(item: Item, answered: set[str], there: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers of an item that are not there and answer messages that have no answer yet."""
    ids = set(map(id_of, there))
    return [entry for entry in item.messages if answered_id(entry) not in answered and id_of(entry) not in ids]


def _may_be_archived(host: Host, snapshot: Snapshot, item: Item) -> bool:
    accepted = parse_time(item.accepted_at)
    is_old = accepted is None or host.clock() - accepted > SURELY_NOT_ARCHIVED
    return is_old or not snapshot.tried.isdisjoint(map(id_of, item.messages))


def _marks(host: Host, snapshot: Snapshot, mailbox: EntryList, items: Sequence[Item]) -> dict[int, dict[str, Any]]:
    """What has to be set in which entries; a message that is not there any more is not marked."""
    read = {message_id for item in items for message_id in item.read}
    acknowledged = {message_id for item in items for message_id in item.acknowledged}
    marks: dict[int, dict[str, Any]] = {}
    for index, entry in enumerate(mailbox.entries):
        if id_of(entry) in read | acknowledged and is_mine_to_read(host, entry):
            mark = _read(host, snapshot, entry) if id_of(entry) in read else {}
            mark.update(_acknowledged(host, snapshot, entry) if id_of(entry) in acknowledged else {})
            if mark:
                marks[index] = mark
    return marks


def _read(host: Host, snapshot: Snapshot, entry: dict[str, Any]) -> dict[str, Any]:
    if is_marked_read(entry, host.id, host.fleet):
        return {}
    read_by = [*normalise(entry)["read_by"], host.id]
    complete = recipients_of(host, snapshot, entry) <= set(read_by)
    return {"read": complete or entry.get("read") is True, "read_by": read_by}


def _acknowledged(host: Host, snapshot: Snapshot, entry: dict[str, Any]) -> dict[str, Any]:
    done = normalise(entry)["acknowledged_by"]
    if host.id in done:
        return {}
    complete = recipients_of(host, snapshot, entry) <= {*done, host.id}
    return {"ack_status": "completed" if complete else "pending", "acknowledged_by": [*done, host.id]}


def _summary(host: Host, items: Sequence[Item]) -> str:
    if len(items) == 1:
        return f"{host.id}: {items[0].summary}"
    lines = [item.summary for item in items[:MAX_SUMMARIES]]
    more = [f"and {len(items) - MAX_SUMMARIES} more"] if len(items) > MAX_SUMMARIES else []
    return "\n".join([f"{host.id}: {len(items)} writes", "", *lines, *more])
