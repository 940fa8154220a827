# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marking messages read and acknowledging them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .documents import EntryList
from .host import MESSAGES, Host
from .listing import last_listed
from .mailbox import Mail, find_addressed, note_activity, read_mailbox, recipients_of
from .messages import id_of, is_for, is_marked_read, normalise
from .own_marks import ACKNOWLEDGED, OwnMarks, announce
from .snapshot import Change, Receipt, Snapshot


def mark_read(host: Host, ids: Sequence[str] | None = None) -> tuple[Receipt, bool]:
    """Mark messages read by this server.

    :param ids: of the messages; what was last listed when None.
    :return: a receipt whose result are the ids, and whether any of them is read now that was not.
    :raises UnknownMessage: when one of them is not known; none is marked then.
    """
    chosen = last_listed(host) if ids is None else list(ids)

    def function(snapshot: Snapshot) -> Change:
        mailbox = read_mailbox(snapshot)
        changes = read_marks(host, snapshot, mailbox, chosen)
        if changes and not host.check_mode:
            announce(host.state, chosen)
        return _change(host, mailbox, changes, chosen, "read")

    ledger = OwnMarks(host.state, host.id)
    receipt = host.write(function)
    unread = [entry for entry in receipt.result.entries if not ledger.has(entry)]
    if not host.check_mode:
        with host.after_write():
            ledger.record(chosen, receipt.result.mailbox, host.clock())
            note_activity(host)
    return replace(receipt, result=chosen), bool(receipt.files or unread)


def acknowledge(host: Host, ids: Sequence[str]) -> Receipt:
    """Acknowledge messages to this server.

    :return: a receipt whose result are the ids.
    :raises UnknownMessage: when one of them is not known; none is acknowledged then.
    """

    def function(snapshot: Snapshot) -> Change:
        mailbox = read_mailbox(snapshot)
        changes = acknowledge_marks(host, snapshot, mailbox, ids)
        if changes and not host.check_mode:
            announce(host.state, ids)
        return _change(host, mailbox, changes, ids, "acknowledge")

    ledger = OwnMarks(host.state, host.id, ACKNOWLEDGED)
    receipt = host.write(function)
    if not host.check_mode:
        with host.after_write():
            ledger.record(ids, receipt.result.mailbox, host.clock())
            note_activity(host)
    return replace(receipt, result=list(ids))


def read_marks(host: Host, snapshot: Snapshot, mailbox: EntryList, ids: Sequence[str]) -> dict[int, dict[str, Any]]:
    """What has to be set in which entries to mark messages read by this server.

    :raises UnknownMessage: when one of the ids is not known.
    """
    changes = {}
    for index, entry in _addressed(host, snapshot, mailbox, ids):
        if not is_marked_read(entry, host.id):
            read_by = [*normalise(entry)["read_by"], host.id]
            complete = recipients_of(host, snapshot, entry) <= set(read_by)
            changes[index] = {"read": complete or entry.get("read") is True, "read_by": read_by}
    return changes


def acknowledge_marks(
    host: Host, snapshot: Snapshot, mailbox: EntryList, ids: Sequence[str]
) -> dict[int, dict[str, Any]]:
    """What has to be set in which entries to acknowledge messages to this server.

    :raises UnknownMessage: when one of the ids is not known.
    """
    changes = {}
    for index, entry in _addressed(host, snapshot, mailbox, ids):
        done = normalise(entry)["acknowledged_by"]
        if host.id not in done:
            complete = recipients_of(host, snapshot, entry) <= {*done, host.id}
            status = "completed" if complete else "pending"
            changes[index] = {"ack_status": status, "acknowledged_by": [*done, host.id]}
    return changes


def _addressed(
    host: Host, snapshot: Snapshot, mailbox: EntryList, ids: Sequence[str]
) -> list[tuple[int, dict[str, Any]]]:
    wanted = set(ids)
    found = [(i, e) for i, e in enumerate(mailbox.entries) if id_of(e) in wanted and is_for(e, host.id)]
    for message_id in wanted - {id_of(entry) for _index, entry in found}:
        find_addressed(host, snapshot, mailbox, message_id)
    return found


def _change(
    host: Host, mailbox: EntryList, changes: dict[int, dict[str, Any]], ids: Sequence[str], verb: str
) -> Change:
    """The change that sets marks; its result names the entries that the ids mean."""
    files = {MESSAGES: mailbox.splice(changes, [])} if changes else {}
    entries = [entry for entry in mailbox.entries if id_of(entry) in ids and is_for(entry, host.id)]
    number = "1 message" if len(changes) == 1 else f"{len(changes)} messages"
    return Change(Mail(entries, mailbox.entries), files, f"{host.id}: {verb} {number}")
