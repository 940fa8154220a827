# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that were on the remote and were taken from it: reported, and sent again only when somebody says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..delivery.deliver import QUEUE, new_item, submit
from ..delivery.writes import Messages
from ..errors import DocumentDamaged, RepositoryDamaged
from ..identity.host import Host
from ..mail.mailbox import read_archives, read_mailbox
from ..mail.message import id_of
from ..store.snapshot import Receipt, Snapshot

_UNMARKED = {"read": False, "read_by": [], "acknowledged_by": []}


def withdrawal_notes(host: Host) -> list[str]:
    """For each rewind of the remote that this process met: where the old tip is, and which own messages are gone."""
    notes = []
    for old, new in host.repository.withdrawn:
        gone = [id_of(entry) for entry in _gone(host, old, host.repository.snapshot_of(new))]
        which = (
            f"Messages of {host.id} that are gone: {', '.join(gone)}." if gone else f"No message of {host.id} is gone."
        )
        notes.append(
            f"The branch of the remote no longer descends from {old[:12]}, the newest commit seen here; it was rewound "
            f"or rewritten. {which} Nothing is sent again by itself: see 'builderctl recover'. The old commit is kept "
            f"on this host as refs/acs-builders/withdrawn/{old} in {host.repository.private_path}."
        )
    return notes


def withdrawn_messages(host: Host) -> list[dict[str, Any]]:
    """The messages of this server that were on the remote at some time and are gone, as far as they are kept here.

    :raises RemoteError: when the remote says no, or was never reached.
    """

    def look(snapshot: Snapshot) -> list[dict[str, Any]]:
        gone = [entry for tip in host.repository.withdrawn_tips() for entry in _gone(host, tip, snapshot)]
        return list({id_of(entry): entry for entry in gone}.values())

    return host.repository.read(look)


def resend(host: Host, offline: str = QUEUE) -> Receipt:
    """Send the messages of this server that are gone again, with their ids and times, in one commit.

    :return: a receipt whose result is the list of entries.
    :raises CoordinationError: what :func:`.deliver.submit` raises.
    """
    again = tuple(_as_new(entry) for entry in withdrawn_messages(host))
    if not again:
        return Receipt([], None, 0)
    item = new_item(host, f"send {len(again)} again that were taken from the remote", Messages(again))
    receipt = submit(host, item, offline)
    return replace(receipt, result=list(receipt.result.messages[item.id]))


def _as_new(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as it was when it was sent; without its key, which counts as used up."""
    status = "pending" if entry.get("ack_required") else "not_requested"
    return {**{name: value for name, value in entry.items() if name != "key"}, **_UNMARKED, "ack_status": status}


def _gone(host: Host, old: str, now: Snapshot) -> list[dict[str, Any]]:
    try:
        before = read_mailbox(host.repository.snapshot_of(old))
        there = {id_of(entry) for entry in read_mailbox(now).entries}
        missing = [e for e in before.entries if e.get("from") == host.id and id_of(e) and id_of(e) not in there]
        archived = {id_of(entry) for entry in read_archives(now, *map(id_of, missing))}
        return [entry for entry in missing if id_of(entry) not in archived]
    except (DocumentDamaged, RepositoryDamaged):
        return []
