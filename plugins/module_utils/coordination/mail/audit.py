# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find messages that are forged, that were deleted, and gaps in the sequence numbers of a sender."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any, Callable

from ..errors import DocumentDamaged
from ..identity.host import Host
from ..identity.verification import FALSE, TRUE, Verifier
from ..store.snapshot import Snapshot
from ..text import short
from .audit_state import GAP, GONE, NOT_KNOWN, READ_HERE, WATCHED, Record, Sender, fingerprint, parse_record
from .mailbox import read_archives, read_mailbox
from .message import id_of, is_for
from .read_ledger import ACKNOWLEDGED, READ, OwnMarks, own_marks
from .sequence import number_of

AUDIT_FILE = "audit.json"
TRIES = 50
"""Messages of a sender that are judged at the first look to find its last number, the highest ones."""
Archived = Callable[[], Sequence[dict[str, Any]]]
"""The archived messages that have a number, which are read when they are asked for."""


def audit(host: Host, snapshot: Snapshot) -> list[str]:
    """Look at the mailbox for what no server does, and return what was found within the last day.

    The first look takes the mailbox as it is; what comes later is watched. Without trust set up there is nothing to
    look at.

    :raises DocumentDamaged: when the mailbox cannot be read; or an archive in which something has to be looked up,
        after what else was found is recorded.
    """
    if not host.signers.repository:
        return []
    with host.state.lock("audit.lock"):
        known = host.state.read(AUDIT_FILE, parse_record)
        record = known or Record()
        before = record.as_json()
        damage = None
        if not _is_old(host, snapshot, record):
            damage = _look(host, snapshot, record, first=known is None)
            record.commit, record.signers = snapshot.commit or "", _trusted(host)
        if not host.check_mode and (known is None or record.as_json() != before):
            host.state.write_json(AUDIT_FILE, record.as_json())
    if damage:
        raise damage
    return record.recent(host.clock())


def _is_old(host: Host, snapshot: Snapshot, record: Record) -> bool:
    """Whether another process of this host has looked at what came after this."""
    seen, commit = record.commit, snapshot.commit
    return bool(seen and commit and seen != commit and host.repository.is_ancestor(commit, seen))


def recent_alarms(host: Host) -> list[str]:
    """What was found within the last day, by this host's record alone."""
    record = host.state.read(AUDIT_FILE, parse_record)
    return record.recent(host.clock()) if record else []


def _look(host: Host, snapshot: Snapshot, record: Record, first: bool) -> DocumentDamaged | None:
    """Look at the mailbox, and return what kept from looking into the archives; that is done by a later look."""
    entries = read_mailbox(snapshot).entries
    if first:
        _take_as_it_is(host, snapshot, record, entries)
        return None
    damage = None
    archived = cache(lambda: read_archives(snapshot, "seq"))
    signed = [entry for entry in entries if "signature" in entry and not _is_below(record, entry)]
    verdicts = Verifier(host).verify([(entry, _name(entry)) for entry in signed])
    forged = [
        f"{_forged(entry)} {verdict.reason}." for entry, verdict in zip(signed, verdicts) if verdict.verified == FALSE
    ]
    if record.signers != _trusted(host):  # what was told of them by other keys does not hold any more
        record.withdraw({_forged(entry) for entry in signed})
    genuine = [
        (entry, verdict.signer.is_valid(host.clock()))
        for entry, verdict in zip(signed, verdicts)
        if verdict.signer and number_of(entry)
    ]
    alarms: list[str] = []
    for name in sorted(record.senders.keys() | {_name(entry) for entry, _is_valid in genuine}):
        sender = record.senders.setdefault(name, Sender())
        mine = [one for one in genuine if _name(one[0]) == name]
        _remember(sender, mine)
        _note_read(host, sender, [entry for entry, _is_valid in mine if sender.watches(entry)])
        ids = {id_of(entry) for entry in entries if entry.get("from") == name and entry.get("signature") is not None}
        if not damage:
            try:
                alarms += _missing(host, archived, name, sender, ids)
            except DocumentDamaged as error:
                damage = error
    record.raise_alarms(alarms, forged, host.clock())
    return damage


def _take_as_it_is(host: Host, snapshot: Snapshot, record: Record, entries: list[dict[str, Any]]) -> None:
    for mark in (READ, ACKNOWLEDGED):
        if not host.check_mode:
            own_marks(host, mark).record([], entries, host.clock())
    verifier = Verifier(host)
    pool = [*entries, *read_archives(snapshot, "seq")]
    for server in {signer.server for signer in host.signers.signers}:
        record.senders[server] = Sender(NOT_KNOWN)
        numbered = [entry for entry in pool if entry.get("from") == server and number_of(entry)]
        for entry in sorted(numbered, key=number_of, reverse=True)[:TRIES]:
            (verdict,) = verifier.verify([(entry, server)])
            if verdict.signer and verdict.signer.is_valid(host.clock()):
                record.senders[server] = Sender(number_of(entry))
                break


def _is_below(record: Record, entry: dict[str, Any]) -> bool:
    """Whether a message is too old to be watched."""
    return 0 < number_of(entry) <= record.senders.get(_name(entry), Sender()).floor


def _remember(sender: Sender, genuine: list[tuple[dict[str, Any], bool]]) -> None:
    """Watch the messages of a sender.

    :param genuine: its messages, each with whether its key is valid now. One that has ended may be in anybody's hands:
        what it signed takes its place among the others, and no number after them.
    """
    numbers = [number_of(entry) for entry, is_valid in genuine if is_valid]
    if sender.floor == NOT_KNOWN and numbers:
        sender.floor = min(numbers) - 1
    last = max([sender.floor, *sender.seen, *numbers])
    for entry, is_valid in genuine:
        number = number_of(entry)
        if sender.floor < number <= last and (is_valid or number < last or sender.watches(entry)):
            sender.remember(entry)


def _note_read(host: Host, sender: Sender, watched: list[dict[str, Any]]) -> None:
    """Note what this server has read: its ledger forgets that some time after a message was archived."""
    ledger = own_marks(host)
    for entry in watched:
        if is_for(entry, host.id, host.fleet) and ledger.has(entry):
            sender.mark(number_of(entry), READ_HERE)


def _missing(host: Host, archived: Archived, name: str, sender: Sender, ids: set[str]) -> list[str]:
    """Find messages of a sender that were deleted: those in an archive count only once this server has read them.

    :param ids: those of its messages in the mailbox, genuine or not.
    :raises DocumentDamaged: when an archive cannot be read; nothing was noted then.
    """
    missing = [number for number, seen in sender.seen.items() if seen[0] not in ids and GONE not in seen]
    numbers = [sender.floor, *sorted(sender.seen)]
    gaps = [
        (first, last) for first, last in zip(numbers, numbers[1:]) if last > first + 1 and GAP not in sender.seen[last]
    ]
    looked_for = {*missing, *(number for first, last in gaps for number in _between(first, last))}
    if not looked_for:
        return []
    found = _archived(host, archived(), name, looked_for)
    recorded = own_marks(host)
    believed = own_marks(host, archived=[entry for entries in found.values() for entry in entries])

    def is_filed(entry: dict[str, Any], ledger: OwnMarks) -> bool:
        return ledger.has(entry) or not is_for(entry, host.id, host.fleet)

    alarms: list[str] = []
    for number in missing:
        sender.mark(number, GONE)
        same = [entry for entry in found.get(number, []) if fingerprint(entry) == sender.seen[number][:2]]
        if not any(READ_HERE in sender.seen[number] or is_filed(entry, recorded) for entry in same):
            alarms.append(f"{sender.seen[number][0]}, message {number} of {name}, was deleted.")
    filed = {number for number, entries in found.items() if any(is_filed(entry, believed) for entry in entries)}
    for first, last in gaps:
        sender.mark(last, GAP)
        if not filed >= _between(first, last):
            what = f"Message {first + 1}" if last == first + 2 else f"Messages {first + 1} to {last - 1}"
            alarms.append(f"{what} of {name} never came: somebody deleted what stood before message {last}.")
    return alarms


def _archived(
    host: Host, pool: Sequence[dict[str, Any]], name: str, numbers: set[int]
) -> dict[int, list[dict[str, Any]]]:
    """The archived messages of a sender that it has signed and that have one of some numbers, by number."""
    entries = [entry for entry in pool if entry.get("from") == name and number_of(entry) in numbers]
    verdicts = Verifier(host).verify([(entry, name) for entry in entries])
    found: dict[int, list[dict[str, Any]]] = {}
    for entry, verdict in zip(entries, verdicts):
        if verdict.verified == TRUE:
            found.setdefault(number_of(entry), []).append(entry)
    return found


def _between(first: int, last: int) -> set[int]:
    """The numbers between two, as many as are looked for."""
    return set(range(first + 1, min(last, first + 1 + WATCHED)))


def _trusted(host: Host) -> str:
    """A name of the keys that this host trusts."""
    return sha256(repr(host.signers).encode()).hexdigest()[:16]


def _forged(entry: dict[str, Any]) -> str:
    """The beginning of the alarm about a message that its sender has not signed."""
    return f"{_id(entry)} in the name of {short(_name(entry))} is not its own:"


def _name(entry: dict[str, Any]) -> str:
    return str(entry.get("from"))


def _id(entry: dict[str, Any]) -> str:
    return short(id_of(entry)) or "A message without an id"
