# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier looks at the mailbox have seen, and the alarms that they raised."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..identity.signatures import digest
from ..state_dir import commit_name
from ..timestamps import parse_time, utc_text
from .message import id_of
from .sequence import number_of

WATCHED = 200
"""Messages of a sender that are watched, the newest ones."""
MAX_ALARMS = 100
"""Alarms that are told, the newest ones, and as many forgeries."""
REMEMBERED = 5_000
"""Alarms that are known again, so that each is told for a day; with more, some are told as if they were new."""
REPORTED_FOR = timedelta(days=1)
"""How long an alarm counts as a problem."""
NOT_KNOWN = -1
"""The floor of a sender of which nothing was there at the first look."""
GONE, GAP, READ_HERE = "gone", "gap", "read"
"""Marks of a message: it has left the mailbox, others are missing before it (both were looked into), it was read."""


@dataclass
class Sender:
    """What was seen of a sender: by number the id of its message, a digest of it and marks; nothing up to ``floor``."""

    floor: int = 0
    seen: dict[int, list[str]] = field(default_factory=dict)

    def remember(self, entry: dict[str, Any]) -> None:
        """Watch a message from now on, and as many as can be watched; of two with one number the first."""
        number = number_of(entry)
        known = self.seen.setdefault(number, fingerprint(entry))
        if known[0] == id_of(entry):
            known[:2] = fingerprint(entry)
        while len(self.seen) > WATCHED:
            oldest = min(self.seen)
            self.floor = max(self.floor, oldest)
            del self.seen[oldest]

    def watches(self, entry: dict[str, Any]) -> bool:
        """Whether a genuine message is one of those that are watched."""
        return self.seen.get(number_of(entry), [None])[0] == id_of(entry)

    def mark(self, number: int, mark: str) -> bool:
        """Mark a message; false when it was."""
        if mark in self.seen[number][2:]:
            return False
        self.seen[number].append(mark)
        return True


@dataclass
class Record:
    """What earlier looks have seen, by sender, and the alarms, each with when it was raised.

    Forgeries, of which anybody can make any number, are kept apart from the others. ``commit`` is the newest one that
    was looked at, ``signers`` tells whom this host trusted then.
    """

    senders: dict[str, Sender] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    forged: dict[str, str] = field(default_factory=dict)
    commit: str = ""
    signers: str = ""

    def withdraw(self, beginnings: set[str]) -> None:
        """Forget the alarms about forgeries that begin with one of these."""
        self.forged = {text: at for text, at in self.forged.items() if not text.startswith(tuple(beginnings))}

    def raise_alarms(self, alarms: list[str], forged: list[str], now: datetime) -> None:
        """Keep the alarms of a look, each with when it was raised first."""
        self.alarms, self.forged = _newest(alarms, self.alarms, now), _newest(forged, self.forged, now)

    def recent(self, now: datetime) -> list[str]:
        """The alarms of the last day."""
        found = [[text for text, at in kept.items() if _is_recent(at, now)] for kept in (self.alarms, self.forged)]
        return [text for texts in found for text in texts[:MAX_ALARMS]]

    def as_json(self) -> dict[str, Any]:
        """The record as it stands in the file."""
        record = asdict(self)
        for sender in record["senders"].values():
            sender["seen"] = {str(number): seen for number, seen in sender["seen"].items()}
        return record


def parse_record(kept: Any) -> Record:
    """A record, as it stands in the file."""
    senders = {
        name: Sender(int(known["floor"]), {int(number): list(map(str, seen)) for number, seen in known["seen"].items()})
        for name, known in kept["senders"].items()
    }
    signers = str(kept.get("signers", ""))
    return Record(senders, _texts(kept["alarms"]), _texts(kept["forged"]), commit_name(kept["commit"]), signers)


def fingerprint(entry: dict[str, Any]) -> list[str]:
    """What tells a genuine message from all others, however its signature is written."""
    return [id_of(entry), digest(entry)]


def _texts(value: Any) -> dict[str, str]:
    return {str(text): str(at) for text, at in value.items()}


def _newest(found: list[str], earlier: dict[str, str], now: datetime) -> dict[str, str]:
    new = {text: utc_text(now) for text in found if text not in earlier}
    there = set(found)
    kept = {text: at for text, at in earlier.items() if text in there or _is_recent(at, now)}
    return dict([*new.items(), *kept.items()][:REMEMBERED])


def _is_recent(at: str, now: datetime) -> bool:
    return now - (parse_time(at) or now) < REPORTED_FOR
