# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mark messages as read, and acknowledge messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..delivery.deliver import QUEUE, new_item, submit
from ..delivery.writes import MARKS
from ..identity.host import Host
from ..mail.mailbox import find_addressed, is_mine_to_read, note_activity, read_mailbox
from ..mail.message import Message
from ..mail.pages import MODULE, last_page
from ..mail.read_ledger import ACKNOWLEDGED, READ, Mark, own_ledger
from ..store.snapshot import Receipt, Snapshot


def mark_read(host: Host, ids: Sequence[str] | None = None, offline: str = QUEUE) -> tuple[Receipt[list[str]], bool]:
    """Mark messages as read by this server.

    :param ids: the ids of the messages; None for those that a module has listed last.
    :param offline: as for :func:`.deliver.submit`.
    :return: a receipt whose result is the list of ids, and whether one of the messages was unread before.
    :raises UnknownMessage: if one of the messages does not exist; no message is marked then.
    :raises InvalidInput: if ``ids`` is None, and no module has listed messages.
    """
    chosen = last_page(host.state, MODULE).ids if ids is None else ids
    return _mark(host, READ, list(dict.fromkeys(chosen)), offline)


def acknowledge(host: Host, ids: Sequence[str], offline: str = QUEUE) -> Receipt[list[str]]:
    """Acknowledge messages to this server.

    :param ids: the ids of the messages.
    :param offline: as for :func:`.deliver.submit`.
    :return: a receipt whose result is the list of ids.
    :raises UnknownMessage: if one of the messages does not exist; no message is acknowledged then.
    """
    return _mark(host, ACKNOWLEDGED, list(ids), offline)[0]


def unrequested_acknowledgements(host: Host, ids: Sequence[str]) -> list[str]:
    """Return the ids of messages whose sender does not want an acknowledgement.

    :param ids: the ids of messages to this server.
    :raises UnknownMessage: if one of the messages does not exist.
    """

    def look(snapshot: Snapshot) -> list[str]:
        mailbox = read_mailbox(snapshot)
        found = {name: find_addressed(host, snapshot, mailbox, name) for name in ids}
        return [name for name, entry in found.items() if not entry.ack_required]

    return host.repository.look(look)


def _mark(host: Host, mark: Mark, ids: list[str], offline: str) -> tuple[Receipt[list[str]], bool]:
    mailbox, entries = host.repository.look(lambda snapshot: _addressed(host, snapshot, ids))
    ledger = own_ledger(host, mark)
    new = [entry for entry in entries if not ledger.has(entry)]
    todo = [entry.id for entry in entries if not mark.is_marked(entry, host.id, host.fleet)]
    receipt = Receipt(ids, None, 0)
    if todo:
        number = "1 message" if len(todo) == 1 else f"{len(todo)} messages"
        item = new_item(host, f"{mark.verb} {number}", MARKS[mark](tuple(ids)))
        receipt = submit(host, item, offline).returning(ids)
    if not host.check_mode:
        with host.after_write():
            if receipt.queued or not todo:  # else it was recorded with the delivery
                ledger.record(ids, mailbox, host.clock())
            note_activity(host)
    return receipt, bool(receipt.changed or new)


def _addressed(host: Host, snapshot: Snapshot, ids: Collection[str]) -> tuple[list[Message], list[Message]]:
    """Return the messages of the mailbox, and those of them to mark.

    :raises UnknownMessage: if one of the messages does not exist.
    """
    mailbox = read_mailbox(snapshot)
    found = [entry for entry in mailbox.messages if entry.id in ids and is_mine_to_read(host, entry)]
    for message_id in set(ids) - {entry.id for entry in found}:
        find_addressed(host, snapshot, mailbox, message_id)
    return mailbox.messages, found
