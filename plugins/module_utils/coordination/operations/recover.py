# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that a rewind of the remote has removed: report and resend."""

from __future__ import annotations

from ..delivery.deliver import QUEUE, new_item, submit
from ..delivery.writes import Messages
from ..errors import DocumentDamaged, RepositoryDamaged
from ..identity.host import Host
from ..mail.mailbox import read_archives, read_mailbox
from ..mail.message import Message
from ..store.snapshot import Receipt, Snapshot

_UNMARKED = {"read": False, "read_by": [], "acknowledged_by": []}


def withdrawal_notes(host: Host) -> list[str]:
    """Return a note for each rewind of the remote that this process found.

    It names the old tip and the removed messages of this server.
    """
    notes = []
    for old, new in host.repository.withdrawn:
        gone = [entry.id for entry in _removed(host, old, host.repository.snapshot_of(new))]
        which = (
            f"Messages of {host.id} that are gone: {', '.join(gone)}." if gone else f"No message of {host.id} is gone."
        )
        notes.append(
            f"The branch of the remote no longer descends from {old[:12]}, the newest commit seen here; it was rewound "
            f"or rewritten. {which} Nothing is sent again by itself: see 'builderctl recover'. The old commit is kept "
            f"on this host as refs/acs-builders/withdrawn/{old} in {host.repository.private_path}."
        )
    return notes


def withdrawn_messages(host: Host) -> list[Message]:
    """Return the messages of this server that rewinds of the remote have removed.

    They are read from the old tips, which the private repository keeps.

    :raises RemoteError: if the remote rejects the fetch, or was never reached.
    """

    def look(snapshot: Snapshot) -> list[Message]:
        gone = [entry for tip in host.repository.withdrawn_tips() for entry in _removed(host, tip, snapshot)]
        return list({entry.id: entry for entry in gone}.values())

    return host.repository.read(look)


def resend(host: Host, offline: str = QUEUE) -> Receipt[list[Message]]:
    """Send the removed messages of this server again, in one commit.

    They keep their ids and times.

    :param offline: as for :func:`.deliver.submit`.
    :return: a receipt whose result is the list of messages.
    :raises CoordinationError: as :func:`.deliver.submit`.
    """
    again = tuple(_as_new(entry) for entry in withdrawn_messages(host))
    if not again:
        return Receipt([], None, 0)
    item = new_item(host, f"send {len(again)} again that a rewind of the remote removed", Messages(again))
    receipt = submit(host, item, offline)
    return receipt.returning(list(receipt.result.messages[item.id]))


def _as_new(entry: Message) -> Message:
    """Return a message without marks, and without its idempotency key, which is used."""
    status = "pending" if entry.raw.get("ack_required") else "not_requested"
    kept = {name: value for name, value in entry.raw.items() if name != "key"}
    return Message({**kept, **_UNMARKED, "ack_status": status})


def _removed(host: Host, old: str, now: Snapshot) -> list[Message]:
    """Return the messages of this server that are at an old tip and not in a snapshot."""
    try:
        before = read_mailbox(host.repository.snapshot_of(old))
        present = {entry.id for entry in read_mailbox(now).messages}
        missing = [e for e in before.messages if e.sender == host.id and e.id and e.id not in present]
        archived = {entry.id for entry in read_archives(now, *[entry.id for entry in missing])}
        return [entry for entry in missing if entry.id not in archived]
    except (DocumentDamaged, RepositoryDamaged):
        return []
