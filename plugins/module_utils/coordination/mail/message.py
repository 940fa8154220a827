# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message is: written strictly, read leniently."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..identity.fleet import ALL, NO_FLEET, Fleet
from ..text import as_line, as_text, clean, visible
from ..timestamps import is_ahead, parse_time

TYPES = ("error", "warning", "request", "info")
"""Kinds of message, the most urgent first."""
PRIORITIES = ("high", "normal", "low")
"""The most urgent first."""
MAX_ID = 200
"""Characters."""
MAX_INTEGER = 2**53
"""jq and other readers keep numbers as doubles, in which integers up to this are exact (RFC 8259, section 6)."""


def is_late(entry: dict[str, Any], now: datetime, deadline: float) -> bool:
    """Whether an entry has waited for too long; one without a time that can be believed has, as far as is known.

    :param deadline: seconds.
    """
    sent = parse_time(entry.get("timestamp"))
    return sent is None or is_ahead(sent, now) or (now - sent).total_seconds() > deadline


def content(entry: dict[str, Any]) -> dict[str, Any]:
    """What makes two messages the same: all but id, times and marks."""
    same = {
        name: entry.get(name)
        for name in ("from", "to", "type", "priority", "subject", "body", "request", "in_reply_to")
    }
    same["ack_required"] = bool(entry.get("ack_required"))
    same["facts"] = [(fact.get("name"), fact.get("value")) for fact in _mappings(entry.get("facts"))]
    return same


def normalise(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry as it is shown: every field of the wire format there and of its type, whatever was written.

    Its texts are harmless: on one line, but for the body, the facts and the request, and without hidden characters.
    """
    to, priority, request = entry.get("to"), word_of(entry.get("priority")), entry.get("request")
    return {
        "id": id_of(entry),
        "from": as_line(entry.get("from")),
        "to": ", ".join(map(as_line, to)) if isinstance(to, list) else as_line(to),
        "type": type_of(entry),
        "priority": priority if priority in PRIORITIES else "normal",
        "subject": as_line(entry.get("subject")),
        "body": visible(as_text(entry.get("body"))),
        "timestamp": as_line(entry.get("timestamp")),
        "read_by": _texts(entry.get("read_by")),
        "ack_required": wants_acknowledgement(entry),
        "ack_status": as_line(entry.get("ack_status")) or "not_requested",
        "acknowledged_by": _texts(entry.get("acknowledged_by")),
        "in_reply_to": answered_id(entry),
        "thread": thread_of(entry),
        "facts": [{as_line(k): clean(v, visible) for k, v in fact.items()} for fact in _mappings(entry.get("facts"))],
        "request": clean(request, visible) if isinstance(request, dict) else None,
        "key": as_line(entry.get("key")),
    }


def id_of(entry: dict[str, Any]) -> str:
    """The id of an entry as text, whatever was written; empty when it has none."""
    return as_line(entry.get("id"))


def word_of(value: Any) -> str:
    """A word as others wrote it, in lower case and without blanks around it; empty when it is no text."""
    return value.strip().lower() if isinstance(value, str) else ""


def type_of(entry: dict[str, Any]) -> str:
    """The type of an entry, in whatever case it was written; ``info`` when it is none."""
    kind = word_of(entry.get("type"))
    return kind if kind in TYPES else "info"


def wants_acknowledgement(entry: dict[str, Any]) -> bool:
    """Whether the sender of an entry asks for an acknowledgement: true, or a word or number for it."""
    wanted = entry.get("ack_required")
    return wanted == 1 or word_of(wanted) in ("true", "yes", "1")


def answered_id(entry: dict[str, Any]) -> str:
    """The id of the message that an entry says it answers; empty when it says none."""
    return as_line(entry.get("in_reply_to"))


def thread_of(entry: dict[str, Any]) -> str:
    """The id of the first message of the conversation. What is too long for an id is none: answers repeat it."""
    named = (as_line(entry.get("thread")), answered_id(entry))
    return next((name for name in named if 0 < len(name) <= MAX_ID), id_of(entry))


def urgency(message: dict[str, Any]) -> tuple[int, int]:
    """A sort key for normalised messages: errors, warnings, requests, the rest; in each, high priority first."""
    return TYPES.index(message["type"]), PRIORITIES.index(message["priority"])


def is_for(entry: dict[str, Any], server: str, fleet: Fleet = NO_FLEET) -> bool:
    """Whether a server is a recipient of an entry."""
    meant = fleet.recipients(entry.get("to"))
    return server in meant or (ALL in meant and fleet.server_of(entry.get("from")) != server)


def is_undeliverable(entry: dict[str, Any], fleet: Fleet) -> bool:
    """Whether an entry is for no server of the fleet, and nobody has read it all the same."""
    return not is_read_by_anybody(entry) and not fleet.has_recipient(entry.get("to"))


def is_read_by_anybody(entry: dict[str, Any]) -> bool:
    """Whether the repository says that some server has read an entry."""
    return entry.get("read") is True or bool(_texts(entry.get("read_by")))


def is_marked_read(entry: dict[str, Any], server: str, fleet: Fleet = NO_FLEET) -> bool:
    """Whether the repository says that a server has read an entry; ``read`` alone speaks for its only recipient."""
    read_by = _texts(entry.get("read_by"))
    if read_by or entry.get("read") is not True:
        return server in read_by
    return fleet.recipients(entry.get("to")) == {server}


def is_marked_acknowledged(entry: dict[str, Any], server: str, _fleet: Fleet = NO_FLEET) -> bool:
    """Whether the repository says that a server has acknowledged an entry."""
    return server in _texts(entry.get("acknowledged_by"))


def _texts(value: Any) -> list[str]:
    value = [value] if isinstance(value, str) and value else value
    return [as_line(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
