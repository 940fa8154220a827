# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the audit: the messages that it has seen, and its alarms."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from ..state_dir import commit_name
from ..timestamps import parse_time, utc_text
from .message import Message

AUDIT_FILE = "audit.json"
WATCHED = 200
"""The maximum number of watched messages of a sender; the newest ones are watched."""
MAX_ALARMS = 100
"""The maximum number of reported alarms, and of reported forgeries; the newest ones are reported."""
REMEMBERED = 5_000
"""The maximum number of recorded alarms. With more alarms, some are reported for longer than a day."""
REPORTED_FOR = timedelta(days=1)
"""How long an alarm is reported as a problem."""
NOT_KNOWN = -1
"""The floor of a sender that had no valid message at the first audit."""
GONE, GAP, READ_HERE = "gone", "gap", "read"
"""Marks of a message: it has left the mailbox, there is a gap before it, this server has read it. The first two mean
that the audit has examined it."""


class Alarm(NamedTuple):
    """An alarm of the audit.

    :param id: names it on this host; the same alarm always has the same id.
    :param at: when it was first raised, as text in UTC.
    :param dismissed: whether the manager has looked at it and dismissed it.
    """

    id: str
    text: str
    at: str
    dismissed: bool


@dataclass
class Sender:
    """The watched messages of a sender.

    ``seen`` has the id, the digest and the marks of each message by its sequence number. Numbers up to ``floor`` are
    not watched.
    """

    floor: int = 0
    seen: dict[int, list[str]] = field(default_factory=dict)

    def remember(self, entry: Message) -> None:
        """Start to watch a message. Of two with the same number, the first is watched."""
        number = entry.seq
        known = self.seen.setdefault(number, fingerprint(entry))
        if known[0] == entry.id:
            known[:2] = fingerprint(entry)
        while len(self.seen) > WATCHED:
            oldest = min(self.seen)
            self.floor = max(self.floor, oldest)
            del self.seen[oldest]

    def watches(self, entry: Message) -> bool:
        """Return whether a signed message is watched."""
        return self.seen.get(entry.seq, [None])[0] == entry.id

    def mark(self, number: int, mark: str) -> bool:
        """Mark a message. Return false if it was marked before."""
        if mark in self.seen[number][2:]:
            return False
        self.seen[number].append(mark)
        return True


@dataclass
class Record:
    """The watched messages by sender, and the alarms, each with its time.

    Alarms about forgeries are in ``forged``, because an attacker can cause any number of them. ``commit`` is the newest
    audited commit. ``signers`` is a digest of the keys that this host trusted at that time. ``dismissed`` has the texts
    of dismissed alarms, with the times of their dismissal.
    """

    senders: dict[str, Sender] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    forged: dict[str, str] = field(default_factory=dict)
    commit: str = ""
    signers: str = ""
    dismissed: dict[str, str] = field(default_factory=dict)

    def withdraw(self, beginnings: set[str]) -> None:
        """Remove the alarms about forgeries that begin with one of these texts, and their dismissals."""
        for kept in (self.forged, self.dismissed):
            for text in [text for text in kept if text.startswith(tuple(beginnings))]:
                del kept[text]

    def raise_alarms(self, alarms: list[str], forged: list[str], now: datetime) -> None:
        """Record the alarms of an audit, each with the time at which it was first raised."""
        self.alarms, self.forged = _newest(alarms, self.alarms, now), _newest(forged, self.forged, now)
        known = {**self.alarms, **self.forged}
        self.dismissed = {text: at for text, at in self.dismissed.items() if text in known}

    def recent(self, now: datetime) -> list[Alarm]:
        """Return the alarms of the last day, at most ``MAX_ALARMS`` of each kind, dismissed ones last."""
        found = []
        for kept in (self.alarms, self.forged):
            recent = [(text, at) for text, at in kept.items() if _is_recent(at, now)]
            alarms = [Alarm(_alarm_id(text), text, at, text in self.dismissed) for text, at in recent]
            found += sorted(alarms, key=lambda alarm: alarm.dismissed)[:MAX_ALARMS]
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the content of the file of the record."""
        record = asdict(self)
        for sender in record["senders"].values():
            sender["seen"] = {str(number): seen for number, seen in sender["seen"].items()}
        return record


def parse_record(kept: Any) -> Record:
    """Parse the file of the record.

    :raises KeyError: if a member is missing.
    """
    senders = {
        name: Sender(int(known["floor"]), {int(number): list(map(str, seen)) for number, seen in known["seen"].items()})
        for name, known in kept["senders"].items()
    }
    signers = str(kept.get("signers", ""))
    alarms, forged, dismissed = (_texts(value) for value in (kept["alarms"], kept["forged"], kept.get("dismissed", {})))
    return Record(senders, alarms, forged, commit_name(kept["commit"]), signers, dismissed)


def fingerprint(entry: Message) -> list[str]:
    """Return the id and the digest of a message, which do not depend on its signature."""
    return [entry.id, entry.digest]


def _alarm_id(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:8]


def _texts(value: Any) -> dict[str, str]:
    return {str(text): str(at) for text, at in value.items()}


def _newest(found: list[str], earlier: dict[str, str], now: datetime) -> dict[str, str]:
    new = {text: utc_text(now) for text in found if text not in earlier}
    still_found = set(found)
    kept = {text: at for text, at in earlier.items() if text in still_found or _is_recent(at, now)}
    return dict([*new.items(), *kept.items()][:REMEMBERED])


def _is_recent(at: str, now: datetime) -> bool:
    return now - (parse_time(at) or now) < REPORTED_FOR
