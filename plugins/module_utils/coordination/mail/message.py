# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of a message, read leniently."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..identity.fleet import ALL, NO_FLEET, Fleet
from ..text import as_line, as_text, clean, visible
from ..timestamps import is_ahead, parse_time

TYPES = ("error", "warning", "request", "info")
"""The types of messages, the most urgent first."""
PRIORITIES = ("high", "normal", "low")
"""The priorities of messages, the most urgent first."""
MAX_ID = 200
"""The maximum number of characters."""
MAX_INTEGER = 2**53
"""The largest integer that jq and other readers represent exactly (RFC 8259, section 6)."""


def is_late(entry: dict[str, Any], now: datetime, deadline: float) -> bool:
    """Return whether a message is overdue. A message without a valid time is.

    :param deadline: the maximum age in seconds.
    """
    sent = parse_time(entry.get("timestamp"))
    return sent is None or is_ahead(sent, now) or (now - sent).total_seconds() > deadline


def content(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a message, by which duplicates are detected.

    It does not include the id, the times and the marks.
    """
    same = {
        name: entry.get(name)
        for name in ("from", "to", "type", "priority", "subject", "body", "request", "in_reply_to")
    }
    same["ack_required"] = bool(entry.get("ack_required"))
    same["facts"] = [(fact.get("name"), fact.get("value")) for fact in _mappings(entry.get("facts"))]
    return same


def normalise(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a message with all fields of the wire format, each of its type.

    The texts are sanitized: they have no hidden characters, and except for the body, the facts and the request they are
    on one line.
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
    """Return the id of a message as text, empty if it has none."""
    return as_line(entry.get("id"))


def word_of(value: Any) -> str:
    """Return a text in lower case without blanks around it, empty if it is not text."""
    return value.strip().lower() if isinstance(value, str) else ""


def type_of(entry: dict[str, Any]) -> str:
    """Return the type of a message in lower case, ``info`` if it is unknown."""
    kind = word_of(entry.get("type"))
    return kind if kind in TYPES else "info"


def wants_acknowledgement(entry: dict[str, Any]) -> bool:
    """Return whether the sender of a message wants an acknowledgement.

    The value can be true, a number or a word.
    """
    wanted = entry.get("ack_required")
    return wanted == 1 or word_of(wanted) in ("true", "yes", "1")


def answered_id(entry: dict[str, Any]) -> str:
    """Return the id of the message that a message answers, empty if it has none."""
    return as_line(entry.get("in_reply_to"))


def thread_of(entry: dict[str, Any]) -> str:
    """Return the id of the first message of the thread.

    A text that is too long for an id is ignored, because answers repeat it.
    """
    named = (as_line(entry.get("thread")), answered_id(entry))
    return next((name for name in named if 0 < len(name) <= MAX_ID), id_of(entry))


def urgency(message: dict[str, Any]) -> tuple[int, int]:
    """Return a sort key for normalised messages: by type, then by priority."""
    return TYPES.index(message["type"]), PRIORITIES.index(message["priority"])


def is_for(entry: dict[str, Any], server: str, fleet: Fleet = NO_FLEET) -> bool:
    """Return whether a server is a recipient of a message."""
    meant = fleet.recipients(entry.get("to"))
    return server in meant or (ALL in meant and fleet.server_of(entry.get("from")) != server)


def is_undeliverable(entry: dict[str, Any], fleet: Fleet) -> bool:
    """Return whether a message is unread and addressed to no server of the fleet."""
    return not is_read_by_any_server(entry) and not fleet.has_recipient(entry.get("to"))


def is_read_by_any_server(entry: dict[str, Any]) -> bool:
    """Return whether the repository marks a message as read by any server."""
    return entry.get("read") is True or bool(_texts(entry.get("read_by")))


def is_marked_read(entry: dict[str, Any], server: str, fleet: Fleet = NO_FLEET) -> bool:
    """Return whether the repository marks a message as read by a server.

    ``read`` without ``read_by`` counts if the server is the only recipient.
    """
    read_by = _texts(entry.get("read_by"))
    if read_by or entry.get("read") is not True:
        return server in read_by
    return fleet.recipients(entry.get("to")) == {server}


def is_marked_acknowledged(entry: dict[str, Any], server: str, _fleet: Fleet = NO_FLEET) -> bool:
    """Return whether the repository marks a message as acknowledged by a server."""
    return server in _texts(entry.get("acknowledged_by"))


def _texts(value: Any) -> list[str]:
    value = [value] if isinstance(value, str) and value else value
    return [as_line(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
