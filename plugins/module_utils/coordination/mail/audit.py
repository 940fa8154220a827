# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of the mailbox: forged messages, deleted messages, missing numbers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from hashlib import sha256
from typing import Callable

from ..errors import DocumentDamaged
from ..identity.host import Host
from ..identity.verification import FALSE, TRUE
from ..store.snapshot import Snapshot
from ..text import short
from .audit_state import (
    AUDIT_FILE,
    GAP,
    GONE,
    NOT_KNOWN,
    READ_HERE,
    WATCHED,
    Alarm,
    Record,
    Sender,
    fingerprint,
    parse_record,
)
from .mailbox import read_archives, read_mailbox, verify_messages
from .message import Message
from .read_ledger import ACKNOWLEDGED, READ, MarkLedger, own_ledger

MAX_VERIFIED = 50
"""The maximum number of messages of a sender that the first audit verifies to find its last sequence number."""
Archived = Callable[[], Sequence[Message]]
"""Returns the archived messages that have a sequence number."""


def audit(host: Host, snapshot: Snapshot, keep: bool = False) -> list[Alarm]:
    """Audit the mailbox, and return the alarms of the last day.

    The mailbox is compared with the record of the last audit that kept one; the first of them takes the mailbox as a
    baseline. Without a record, and without trusted keys, there are no alarms.

    :param keep: whether to record the result.
    :raises DocumentDamaged: if the mailbox cannot be parsed, or an archive that is needed. The other alarms are
        recorded first.
    """
    if not host.signers.repository:
        return []
    with host.state.lock("audit.lock") if keep else nullcontext():
        record, damage = host.state.read(AUDIT_FILE, parse_record), None
        before = record and record.as_json()
        if record is None:
            record = _baseline(host, snapshot) if keep else Record()
        elif not _is_old(host, snapshot, record):
            damage = _audit(host, snapshot, record)
            record.commit, record.signers = snapshot.commit or "", _trusted(host)
        if keep and record.as_json() != before:
            host.state.write_json(AUDIT_FILE, record.as_json())
    if damage:
        raise damage
    return record.recent(host.clock())


def _is_old(host: Host, snapshot: Snapshot, record: Record) -> bool:
    """Return whether another process of this host has audited a newer commit."""
    seen, commit, is_ancestor = record.commit, snapshot.commit, host.repository.is_ancestor
    return bool(seen and commit and seen != commit and not is_ancestor(seen, commit) and is_ancestor(commit, seen))


def recent_alarms(host: Host) -> list[str]:
    """Return the recorded alarms of the last day that are not dismissed, without an audit."""
    record = host.state.read(AUDIT_FILE, parse_record)
    return [alarm.text for alarm in record.recent(host.clock()) if not alarm.dismissed] if record else []


def _audit(host: Host, snapshot: Snapshot, record: Record) -> DocumentDamaged | None:
    """Compare the mailbox with the record, which is updated.

    :return: the error of an archive that cannot be parsed. A later audit examines the messages concerned.
    """
    entries = read_mailbox(snapshot).messages
    damage = None
    archived = cache(lambda: read_archives(snapshot, "seq"))
    signed = [entry for entry in entries if entry.is_signed and not _is_below(record, entry)]
    verifications = verify_messages(host, signed)
    forged = [
        f"{_forged(entry)} {verification.reason}."
        for entry, verification in zip(signed, verifications)
        if verification.verified == FALSE
    ]
    if record.signers != _trusted(host):  # alarms of an audit with other keys are void
        record.withdraw({_forged(entry) for entry in signed})
    genuine = [
        (entry, verification.signer.is_valid(host.clock()))
        for entry, verification in zip(signed, verifications)
        if verification.signer and entry.seq
    ]
    alarms: list[str] = []
    for name in sorted(record.senders.keys() | {entry.sender for entry, _is_valid in genuine}):
        sender = record.senders.setdefault(name, Sender())
        mine = [one for one in genuine if one[0].sender == name]
        _watch(sender, mine)
        _mark_read(host, sender, [entry for entry, _is_valid in mine if sender.watches(entry)])
        ids = {entry.id for entry in entries if entry.sender == name and entry.is_signed}
        if not damage:
            try:
                alarms += _missing(host, archived, name, sender, ids)
            except DocumentDamaged as error:
                damage = error
    record.raise_alarms(alarms, forged, host.clock())
    return damage


def _baseline(host: Host, snapshot: Snapshot) -> Record:
    """Return the last sequence number of each sender, and record the marks in the repository in the own ledgers."""
    entries = read_mailbox(snapshot).messages
    for mark in (READ, ACKNOWLEDGED):
        own_ledger(host, mark).record([], entries, host.clock())
    pool = [*entries, *read_archives(snapshot, "seq")]
    record = Record(commit=snapshot.commit or "", signers=_trusted(host))
    for server in {signer.server for signer in host.signers.signers}:
        record.senders[server] = Sender(NOT_KNOWN)
        numbered = [entry for entry in pool if entry.sender == server and entry.seq]
        for entry in sorted(numbered, key=lambda entry: entry.seq, reverse=True)[:MAX_VERIFIED]:
            (verification,) = verify_messages(host, [entry])
            if verification.signer and verification.signer.is_valid(host.clock()):
                record.senders[server] = Sender(entry.seq)
                break
    return record


def _is_below(record: Record, entry: Message) -> bool:
    """Return whether a message is too old to be watched."""
    return 0 < entry.seq <= record.senders.get(entry.sender, Sender()).floor


def _watch(sender: Sender, genuine: list[tuple[Message, bool]]) -> None:
    """Start to watch the messages of a sender.

    An expired key may be known to an attacker. A message that it signed is watched only if its number is below the
    highest valid one.

    :param genuine: the signed messages of the sender, each with whether its key is valid now.
    """
    numbers = [entry.seq for entry, is_valid in genuine if is_valid]
    if sender.floor == NOT_KNOWN and numbers:
        sender.floor = min(numbers) - 1
    last = max([sender.floor, *sender.seen, *numbers])
    for entry, is_valid in genuine:
        number = entry.seq
        if sender.floor < number <= last and (is_valid or number < last or sender.watches(entry)):
            sender.remember(entry)


def _mark_read(host: Host, sender: Sender, watched: list[Message]) -> None:
    """Mark the messages that this server has read.

    The read ledger removes them some time after they were archived.
    """
    ledger = own_ledger(host)
    for entry in watched:
        if entry.is_for(host.id, host.fleet) and ledger.has(entry):
            sender.mark(entry.seq, READ_HERE)


def _missing(host: Host, archived: Archived, name: str, sender: Sender, ids: set[str]) -> list[str]:
    """Find deleted messages of a sender, and gaps in its sequence numbers.

    A message in an archive is not reported if this server has read it, or it is addressed to another server.

    :param ids: the ids of its messages in the mailbox, signed or not.
    :return: the alarms.
    :raises DocumentDamaged: if an archive cannot be parsed. No message is marked then.
    """
    missing = [number for number, seen in sender.seen.items() if seen[0] not in ids and GONE not in seen]
    numbers = [sender.floor, *sorted(sender.seen)]
    gaps = [
        (first, last) for first, last in zip(numbers, numbers[1:]) if last > first + 1 and GAP not in sender.seen[last]
    ]
    wanted = {*missing, *(number for first, last in gaps for number in _between(first, last))}
    if not wanted:
        return []
    found = _archived(host, archived(), name, wanted)
    recorded = own_ledger(host)
    with_archived = own_ledger(host, archived=[entry for entries in found.values() for entry in entries])

    def is_filed(entry: Message, ledger: MarkLedger) -> bool:
        return ledger.has(entry) or not entry.is_for(host.id, host.fleet)

    alarms: list[str] = []
    for number in missing:
        sender.mark(number, GONE)
        same = [entry for entry in found.get(number, []) if fingerprint(entry) == sender.seen[number][:2]]
        if not any(READ_HERE in sender.seen[number] or is_filed(entry, recorded) for entry in same):
            alarms.append(f"{sender.seen[number][0]}, message {number} of {name}, was deleted.")
    filed = {number for number, entries in found.items() if any(is_filed(entry, with_archived) for entry in entries)}
    for first, last in gaps:
        sender.mark(last, GAP)
        if not filed >= _between(first, last):
            what = f"Message {first + 1}" if last == first + 2 else f"Messages {first + 1} to {last - 1}"
            alarms.append(f"{what} of {name} never came: somebody deleted what stood before message {last}.")
    return alarms


def _archived(host: Host, pool: Sequence[Message], name: str, numbers: set[int]) -> dict[int, list[Message]]:
    """Return the signed archived messages of a sender by sequence number.

    :param pool: the archived messages.
    :param numbers: the sequence numbers to search for.
    """
    entries = [entry for entry in pool if entry.sender == name and entry.seq in numbers]
    verifications = verify_messages(host, entries)
    found: dict[int, list[Message]] = {}
    for entry, verification in zip(entries, verifications):
        if verification.verified == TRUE:
            found.setdefault(entry.seq, []).append(entry)
    return found


def _between(first: int, last: int) -> set[int]:
    """Return the numbers between two, at most as many as messages are watched."""
    return set(range(first + 1, min(last, first + 1 + WATCHED)))


def _trusted(host: Host) -> str:
    """Return a digest of the keys that this host trusts."""
    return sha256(repr(host.signers).encode()).hexdigest()[:16]


def _forged(entry: Message) -> str:
    """Return the beginning of the alarm about a forged message."""
    return f"{_id(entry)} in the name of {short(entry.sender)} is not its own:"


def _id(entry: Message) -> str:
    return short(entry.id) or "A message without an id"
