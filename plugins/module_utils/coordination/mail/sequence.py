# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sequence numbers of messages, by which deleted messages are detected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..identity.host import Host
from ..identity.signatures import signing_key
from ..store.snapshot import Snapshot
from ..timestamps import utc_text
from .mailbox import read_archives, verify_messages
from .message import Message

BATCH = 50
"""The number of messages that are verified at once to find the last number, the highest ones first."""


def number(host: Host, entries: Iterable[Message], last: int) -> list[Message]:
    """Return messages numbered from ``last + 1`` and signed.

    Without trusted keys, the messages are not changed.

    A message with its number and a signature of a valid key is not changed. If the key has expired in the outbox, the
    message gets the time from which the new key is valid.

    :raises SigningFailed: if this server cannot sign.
    """
    if not host.signers.repository:
        return list(entries)
    return [
        entry if entry.seq == seq and _is_signed(host, entry) else _signed(host, entry, seq)
        for seq, entry in enumerate(entries, start=last + 1)
    ]


def last_number(host: Host, snapshot: Snapshot, mailbox: Sequence[Message], recorded: int | None) -> int:
    """Return the last sequence number of this server.

    It is the recorded number, or that of a newer signed message in the mailbox, because a process can end before it
    records a write. An expired key may be known to an attacker. A message that it signed counts only if there is no
    record and no newer message.

    :param mailbox: the messages of the mailbox.
    :param recorded: the number of the last delivered message by the record of this host; None without a record.
    """
    if not host.signers.repository:
        return 0
    last = recorded or 0
    entries = [*([] if recorded else read_archives(snapshot, "seq")), *mailbox]
    newer = [entry for entry in entries if entry.sender == host.id and entry.seq > last]
    newer.sort(key=lambda entry: entry.seq, reverse=True)
    expired = [last]
    for start in range(0, len(newer), BATCH):
        batch = newer[start : start + BATCH]
        own = [(entry.seq, one.signer) for entry, one in zip(batch, verify_messages(host, batch)) if one.signer]
        valid = [seq for seq, signer in own if signer.is_valid(host.clock())]
        if valid:
            return max(valid)
        expired += [] if recorded else [seq for seq, _signer in own]
    return max(expired)


def _signed(host: Host, entry: Message, seq: int) -> Message:
    now = host.clock()
    keys = [min(signer.valid_from, now) for signer in host.signers.of(host.id) if signer.is_valid(now)]
    written = entry.sent_at
    late = {"timestamp": utc_text(max(keys))} if keys and written and written < max(keys) else {}
    return Message(host.signed({**entry.raw, **late, "seq": seq}))


def _is_signed(host: Host, entry: Message) -> bool:
    signer = host.signers.find(signing_key(entry.raw) or "")
    is_own = signer is not None and signer.server == host.id and entry.raw.get("repository") == host.signers.repository
    return is_own and signer is not None and signer.is_valid(host.clock())
