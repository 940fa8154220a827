# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody did to the messages: forged, changed, deleted or moved them, or marked them for others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from .host import Host
from .mailbox import read_archives, read_mailbox
from .messages import id_of, is_for, is_marked_read, parse_time, utc_text
from .numbering import number_of
from .own_marks import ACKNOWLEDGED, READ, OwnMarks, announced
from .printable import one_line, short
from .signing import canonical
from .snapshot import Snapshot
from .verdicts import FALSE, TRUE, Judge

AUDIT_FILE = "audit.json"
WATCHED = 200
"""Messages of a sender that are watched, the newest ones."""
MAX_ALARMS = 100
"""Alarms that are remembered, the newest ones, and as many of what is forged."""
TRIES = 50
"""Messages of a sender that are judged at the first look to find its last number, the highest ones."""
TOLD_FOR = timedelta(days=1)
"""How long an alarm counts as a problem."""
_GONE = "gone"
_GAP = "gap"
"""Marks of a message that has left the mailbox, and of one before which others are missing: that was looked into."""


@dataclass
class _Sender:
    """What was seen of a sender: by number the id of its message, a digest of it and marks; nothing up to ``floor``."""

    floor: int = 0
    seen: dict[int, list[str]] = field(default_factory=dict)

    def remember(self, entry: dict[str, Any]) -> None:
        """Watch a message from now on, and as many as can be watched."""
        self.seen[number_of(entry)] = _fingerprint(entry)
        while len(self.seen) > WATCHED:
            self.floor = min(self.seen)
            del self.seen[self.floor]

    def knows(self, entry: dict[str, Any]) -> bool:
        """Whether an entry was seen as it is, or is too old to be watched."""
        number = number_of(entry)
        return 0 < number <= self.floor or self.seen.get(number, [])[:2] == _fingerprint(entry)


@dataclass
class _Record:
    """What earlier looks have seen, by sender, and the alarms, each with when it was raised.

    Those of what is forged, of which anybody can make any number, are kept apart from the others. ``commit`` is the
    newest one that was looked at.
    """

    senders: dict[str, _Sender]
    alarms: dict[str, str]
    forged: dict[str, str]
    commit: str = ""


def audit(host: Host, snapshot: Snapshot) -> list[str]:
    """Look at the mailbox for what no server does, and return what was found within the last day.

    The first look takes the mailbox as it is; what comes later is watched. Without trust set up there is nothing to
    look at.

    :raises DocumentDamaged: when the mailbox cannot be read.
    """
    if not host.signers.repository:
        return []
    with host.state.lock("audit.lock"):
        kept = host.state.read_json(AUDIT_FILE)
        record = _read(kept)
        if not _is_old(host, snapshot, record):
            _look(host, snapshot, record, first=kept is None)
            record.commit = snapshot.commit or ""
        if not host.check_mode and _write(record) != kept:
            host.state.write_json(AUDIT_FILE, _write(record))
    return _recent(host, record)


def _is_old(host: Host, snapshot: Snapshot, record: _Record) -> bool:
    """Whether another process of this host has looked at what came after this."""
    seen, commit = record.commit, snapshot.commit
    return bool(seen and commit and seen != commit and host.repository.is_ancestor(commit, seen))


def _look(host: Host, snapshot: Snapshot, record: _Record, first: bool) -> None:
    entries = read_mailbox(snapshot).entries
    if first:
        _take_as_it_is(host, record, entries)
        return
    forged = list(_forged(host, record, entries))
    alarms: list[str] = []
    for name, sender in record.senders.items():
        alarms += _moved(host, snapshot, name, sender, [entry for entry in entries if entry.get("from") == name])
    alarms += _marked(host, entries)
    now = utc_text(host.clock())
    record.alarms, record.forged = _newest(alarms, record.alarms, now), _newest(forged, record.forged, now)


def recent_alarms(host: Host) -> list[str]:
    """What was found within the last day, by this host's record alone."""
    return _recent(host, _read(host.state.read_json(AUDIT_FILE)))


def _recent(host: Host, record: _Record) -> list[str]:
    now = host.clock()
    return [text for text, at in {**record.alarms, **record.forged}.items() if now - (parse_time(at) or now) < TOLD_FOR]


def _newest(alarms: list[str], earlier: dict[str, str], now: str) -> dict[str, str]:
    """The newest alarms, each with when it was raised first."""
    new = {text: now for text in alarms if text not in earlier}
    return dict([*new.items(), *earlier.items()][:MAX_ALARMS])


def _take_as_it_is(host: Host, record: _Record, entries: list[dict[str, Any]]) -> None:
    for mark in (READ, ACKNOWLEDGED):
        if not host.check_mode:
            OwnMarks(host.state, host.id, mark).record([], entries, host.clock())
    for server in {signer.server for signer in host.signers.signers}:
        numbered = [entry for entry in entries if entry.get("from") == server and number_of(entry)]
        for entry in sorted(numbered, key=number_of, reverse=True)[:TRIES]:
            if Judge(host).judge([(entry, server)])[0].verified == TRUE:
                record.senders[server] = _Sender(number_of(entry))
                break


def _forged(host: Host, record: _Record, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Judge the signed messages that are new or were changed, and remember the good ones."""
    signed = [entry for entry in entries if "signature" in entry]
    new = [entry for entry in signed if not record.senders.get(_name(entry), _Sender()).knows(entry)]
    for entry, verdict in zip(new, Judge(host).judge([(entry, _name(entry)) for entry in new])):
        if verdict.verified == FALSE:
            yield f"{_id(entry)} in the name of {short(_name(entry))} is not its own: {verdict.reason}."
        elif verdict.verified == TRUE and number_of(entry):
            sender = record.senders.setdefault(_name(entry), _Sender())
            before = sender.seen.get(number_of(entry), [""])[0]
            if before not in ("", id_of(entry)):
                both = f"{one_line(before)} and {_id(entry)}"
                yield f"{_name(entry)} has used the number {number_of(entry)} twice: {both}."
            sender.remember(entry)


def _moved(host: Host, snapshot: Snapshot, name: str, sender: _Sender, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Find messages of a sender that were deleted, put in again or moved."""
    there = [number_of(entry) for entry in entries if number_of(entry) > sender.floor and sender.knows(entry)]
    ids = {id_of(entry) for entry in entries if entry.get("signature") is not None}
    missing = [n for n, seen in sender.seen.items() if seen[0] not in ids and _GONE not in seen]
    gaps = [(a, b) for a, b in _pairs([sender.floor, *sorted(sender.seen)]) if b > a + 1 and _GAP not in sender.seen[b]]
    archived = _archived(host, snapshot, name) if missing or gaps else {}
    for number in missing:
        sender.seen[number].append(_GONE)
        yield from _left(host, name, number, sender, archived.get(number))
    for first, last in gaps:
        sender.seen[last].append(_GAP)
        if not archived.keys() >= set(range(first + 1, min(last, first + 1 + WATCHED))):
            what = f"Message {first + 1}" if last == first + 2 else f"Messages {first + 1} to {last - 1}"
            yield f"{what} of {name} never came: somebody deleted what stood before message {last}."
    for before, after in _pairs(there):
        if before >= after:
            twice = there.count(after) > 1
            what = "stands in the mailbox twice" if twice else f"was moved behind message {before}"
            yield f"{sender.seen[after][0]}, message {after} of {name}, {what}."


def _left(host: Host, name: str, number: int, sender: _Sender, archived: dict[str, Any] | None) -> Iterator[str]:
    """What is wrong with a message that has left the mailbox; nothing when it was archived as it should be."""
    what = f"{sender.seen[number][0]}, message {number} of {name},"
    if archived is None or _fingerprint(archived) != sender.seen[number][:2]:
        yield f"{what} was deleted."
    elif is_for(archived, host.id) and not OwnMarks(host.state, host.id).has(archived):
        yield f"{what} was archived before {host.id} has read it."


def _archived(host: Host, snapshot: Snapshot, name: str) -> dict[int, dict[str, Any]]:
    """The archived messages of a sender that it has signed, by number."""
    entries = [entry for entry in read_archives(snapshot, "seq") if entry.get("from") == name and number_of(entry)]
    verdicts = Judge(host).judge([(entry, name) for entry in entries])
    return {number_of(entry): entry for entry, one in zip(entries, verdicts) if one.verified == TRUE}


def _pairs(numbers: list[int]) -> list[tuple[int, int]]:
    return list(zip(numbers, numbers[1:]))


def _marked(host: Host, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Find marks in this server's name that it has not made. Those of old scripts, which name nobody, are left out."""
    read, acknowledged = (OwnMarks(host.state, host.id, mark) for mark in (READ, ACKNOWLEDGED))
    being_marked = announced(host.state)
    for entry in entries:
        if is_for(entry, host.id) and id_of(entry) not in being_marked:
            if entry.get("read_by") and is_marked_read(entry, host.id) and read.marked_by_other(entry):
                yield f"{_id(entry)} was marked read in the name of {host.id}, which has not read it."
            if acknowledged.marked_by_other(entry):
                yield f"{_id(entry)} was acknowledged in the name of {host.id}, which has not acknowledged it."


def _fingerprint(entry: dict[str, Any]) -> list[str]:
    try:
        content = canonical(entry) + str(entry.get("signature")).encode("utf-8", "replace")
    except ValueError:
        content = b""
    return [id_of(entry), hashlib.sha256(content).hexdigest()[:16]]


def _name(entry: dict[str, Any]) -> str:
    return str(entry.get("from"))


def _id(entry: dict[str, Any]) -> str:
    return short(id_of(entry)) or "A message without an id"


def _read(kept: dict[str, Any] | None) -> _Record:
    record = kept or {"senders": {}, "alarms": {}, "forged": {}, "commit": ""}
    senders = {
        name: _Sender(known["floor"], {int(number): seen for number, seen in known["seen"].items()})
        for name, known in record["senders"].items()
    }
    return _Record(senders, dict(record["alarms"]), dict(record["forged"]), record["commit"])


def _write(record: _Record) -> dict[str, Any]:
    senders = {
        name: {"floor": sender.floor, "seen": {str(number): seen for number, seen in sender.seen.items()}}
        for name, sender in record.senders.items()
    }
    return {"senders": senders, "alarms": record.alarms, "forged": record.forged, "commit": record.commit}
