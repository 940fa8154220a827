# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what was sent: the alerts that are open, and those whose end is still to be sent.

It is one document of the whole fleet, so that a server knows what another one has sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from ..text import clean, short

SENDING, SENT, FAILED, UNKNOWN = STATES = ("sending", "told", "failed", "unknown")
"""What became of an alert by one way. ``SENDING`` is recorded before the first attempt and before each further one,
``FAILED`` if it has failed or was put off, ``UNKNOWN`` if the server that sent it ended meanwhile."""
OPEN, CHANGED, RESOLVED = EVENTS = ("open", "changed", "resolved")
MAX_ITEMS = 1000
"""The maximum number of items of an alert that are remembered."""
MAX_DETAILS = 5
"""The maximum number of lines of an alert that others have written."""
MAX_LINE = 200
"""The maximum length of such a line in characters."""


@dataclass(frozen=True)
class Alert:
    """What was sent about a condition.

    :param kind: one of :data:`.ways.KINDS`.
    :param server: the server that it is about; empty if it is about none.
    :param summary: one line, which contains no text of others.
    :param details: lines that others have written.
    :param items: what the condition consists of, a name each, for example ids of messages. It is sent again if there is
        a new one.
    :param event: one of ``EVENTS``, the last one that was sent.
    :param since: when it was first sent, as text in UTC.
    :param at: when the last event was recorded.
    :param by: the server that sends it.
    :param number: the number of the record with the last attempt.
    :param ways: one of ``STATES`` by the name of the way.
    """

    kind: str
    server: str
    summary: str
    details: tuple[str, ...]
    items: tuple[str, ...]
    event: str
    since: str
    at: str
    by: str
    number: int
    ways: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_being_sent(self) -> bool:
        """Whether the outcome of an attempt is not recorded yet."""
        return SENDING in self.ways.values()


@dataclass(frozen=True)
class Record:
    """The alerts by their keys. ``number`` is one more with each change."""

    number: int = 0
    alerts: Mapping[str, Alert] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the content of the document."""
        return {"number": self.number, "alerts": {key: asdict(alert) for key, alert in self.alerts.items()}}


class Outcome(NamedTuple):
    """What became of an attempt to send an alert.

    :param key: the key of the alert.
    :param number: the number of the record with the attempt.
    :param way: the name of the way.
    :param state: ``SENT``, ``FAILED`` or ``UNKNOWN``.
    """

    key: str
    number: int
    way: str
    state: str


NO_ALERTS = Record()


def parse_record(document: Mapping[str, Any]) -> Record:
    """Parse the document leniently: texts are sanitized and cut.

    :raises ValueError: if it is not such a document; also AttributeError, KeyError and TypeError.
    """
    number = document["number"]
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError("the number is not one")
    return Record(number, {short(key): _parse_alert(alert) for key, alert in document["alerts"].items()})


def _parse_alert(given: Any) -> Alert:
    texts = {name: short(str(given[name]), MAX_LINE) for name in ("kind", "server", "summary", "since", "at", "by")}
    if given["event"] not in EVENTS or not set(given["ways"].values()) <= set(STATES):
        raise ValueError("an event or a state is unknown")
    return Alert(
        **texts,
        details=tuple(short(str(line), MAX_LINE) for line in given["details"][:MAX_DETAILS]),
        items=tuple(str(item) for item in given["items"][:MAX_ITEMS]),
        event=given["event"],
        number=int(given["number"]),
        ways=clean(given["ways"]),
    )
