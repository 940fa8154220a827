# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A message, whose fields are read leniently."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Callable

from ..identity.fleet import ALL, NO_FLEET, OPERATOR, Fleet
from ..identity.signatures import digest
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


@dataclass(frozen=True)
class Message:
    """A message. Each field has its type, whatever the entry has.

    The texts are sanitized: they have no hidden characters, and except for the body, the facts and the request they are
    on one line. A field is read from the entry when it is used, because a mailbox can have thousands of messages.

    :param raw: the entry as it is in the file, which must not be changed. The signature covers it.
    """

    raw: dict[str, Any]

    @property
    def id(self) -> str:
        """The id, empty if there is none."""
        return as_line(self.raw.get("id"))

    @property
    def sender(self) -> str:
        """The sender as the message names it, not sanitized."""
        return str(self.raw.get("from"))

    @property
    def type(self) -> str:
        """The type in lower case, ``info`` if it is unknown."""
        kind = _word(self.raw.get("type"))
        return kind if kind in TYPES else "info"

    @property
    def priority(self) -> str:
        """The priority in lower case, ``normal`` if it is unknown."""
        priority = _word(self.raw.get("priority"))
        return priority if priority in PRIORITIES else "normal"

    @property
    def subject(self) -> str:
        """The subject."""
        return as_line(self.raw.get("subject"))

    @property
    def body(self) -> str:
        """The body, of several lines."""
        return visible(as_text(self.raw.get("body")))

    @property
    def sent_at(self) -> datetime | None:
        """The time in UTC, None without a valid one."""
        return parse_time(self.raw.get("timestamp"))

    @property
    def read_by(self) -> list[str]:
        """The ids of the servers that have read the message, by the repository."""
        return _texts(self.raw.get("read_by"))

    @property
    def acknowledged_by(self) -> list[str]:
        """The ids of the servers that have acknowledged the message, by the repository."""
        return _texts(self.raw.get("acknowledged_by"))

    @property
    def ack_required(self) -> bool:
        """Whether the sender wants an acknowledgement. The value can be true, a number or a word."""
        wanted = self.raw.get("ack_required")
        return wanted == 1 or _word(wanted) in ("true", "yes", "1")

    @property
    def waits_for_acknowledgement(self) -> bool:
        """Whether an acknowledgement is pending, by the repository."""
        status = _word(self.raw.get("ack_status"))
        return status == "pending" or (self.ack_required and status != "completed")

    @property
    def in_reply_to(self) -> str:
        """The id of the message that this one answers, empty if there is none."""
        return as_line(self.raw.get("in_reply_to"))

    @property
    def thread(self) -> str:
        """The id of the first message of the thread.

        A text that is too long for an id is ignored, because answers repeat it.
        """
        named = (as_line(self.raw.get("thread")), self.in_reply_to)
        return next((name for name in named if 0 < len(name) <= MAX_ID), self.id)

    @property
    def request(self) -> dict[str, Any] | None:
        """The machine-readable request."""
        request = self.raw.get("request")
        return clean(request, visible) if isinstance(request, dict) else None

    @property
    def needs(self) -> str:
        """Who alone may answer the message: ``operator``, or empty if any recipient may."""
        return OPERATOR if _word(self.raw.get("needs")) == OPERATOR else ""

    @property
    def seq(self) -> int:
        """The sequence number, 0 without a valid one."""
        seq = self.raw.get("seq")
        return seq if isinstance(seq, int) and not isinstance(seq, bool) and 0 < seq < MAX_INTEGER else 0

    @property
    def key(self) -> str:
        """The idempotency key of the sender, not sanitized; empty if there is none."""
        key = self.raw.get("key")
        return key if isinstance(key, str) else ""

    @property
    def is_signed(self) -> bool:
        """Whether the message has a signature, valid or not."""
        return self.raw.get("signature") is not None

    @cached_property
    def digest(self) -> str:
        """A hash of the content that a signature covers."""
        return digest(self.raw)

    @property
    def urgency(self) -> tuple[int, int]:
        """A sort key: by type, then by priority."""
        return TYPES.index(self.type), PRIORITIES.index(self.priority)

    @property
    def content(self) -> dict[str, Any]:
        """The content by which duplicates are detected.

        It does not include the id, the times and the marks.
        """
        names = ("from", "to", "type", "priority", "subject", "body", "request", "in_reply_to", "needs")
        same = {name: self.raw.get(name) for name in names}
        same["ack_required"] = bool(self.raw.get("ack_required"))
        same["facts"] = [(fact.get("name"), fact.get("value")) for fact in _mappings(self.raw.get("facts"))]
        return same

    @property
    def other(self) -> dict[str, Any]:
        """What was not understood: unknown members, and members with a value of an unknown form.

        The texts are sanitized.
        """
        other = {k: value for k, value in self.raw.items() if value is not None and not _is_understood(k, value)}
        shown: dict[str, Any] = clean(other, visible)
        return shown

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of the wire format, for output."""
        raw = self.raw
        to = raw.get("to")
        return {
            "id": self.id,
            "from": as_line(raw.get("from")),
            "to": ", ".join(map(as_line, to)) if isinstance(to, list) else as_line(to),
            "type": self.type,
            "priority": self.priority,
            "subject": self.subject,
            "body": self.body,
            "timestamp": as_line(raw.get("timestamp")),
            "read_by": self.read_by,
            "ack_required": self.ack_required,
            "ack_status": as_line(raw.get("ack_status")) or "not_requested",
            "acknowledged_by": self.acknowledged_by,
            "in_reply_to": self.in_reply_to,
            "thread": self.thread,
            "facts": [{as_line(k): clean(v, visible) for k, v in fact.items()} for fact in _mappings(raw.get("facts"))],
            "request": self.request,
            "needs": self.needs,
            "key": as_line(raw.get("key")),
        }

    def sender_in(self, fleet: Fleet) -> str:
        """Return the id of the sender; the name in the message if it is not in the fleet."""
        return fleet.server_of(self.raw.get("from"))

    def recipients(self, fleet: Fleet) -> frozenset[str]:
        """Return the ids of the recipients, as :meth:`.Fleet.recipients`.

        A message that only the operator may answer is addressed to him too.
        """
        named = fleet.recipients(self.raw.get("to"))
        if self.raw.get("needs") is None or not self.needs or self.sender_in(fleet) == OPERATOR:
            return named
        return named | {OPERATOR}

    def has_recipient(self, fleet: Fleet) -> bool:
        """Return whether a server of the fleet is a recipient."""
        return fleet.has_recipient(self.raw.get("to"))

    def is_for(self, server: str, fleet: Fleet = NO_FLEET) -> bool:
        """Return whether a server, or the operator, is a recipient. A message to all does not reach the operator."""
        meant = self.recipients(fleet)
        return server in meant or (ALL in meant and server not in (OPERATOR, self.sender_in(fleet)))

    def is_undeliverable(self, fleet: Fleet) -> bool:
        """Return whether the message is unread and addressed to no server of the fleet."""
        return not self.is_read_by_any_server() and not self.has_recipient(fleet)

    def is_late(self, now: datetime, deadline: float) -> bool:
        """Return whether the message is overdue. A message without a valid time is.

        :param deadline: the maximum age in seconds.
        """
        sent = self.sent_at
        return sent is None or is_ahead(sent, now) or (now - sent).total_seconds() > deadline

    def is_read_by_any_server(self) -> bool:
        """Return whether the repository marks the message as read by any server."""
        return self.raw.get("read") is True or bool(self.read_by)

    def is_marked_read(self, server: str, fleet: Fleet = NO_FLEET) -> bool:
        """Return whether the repository marks the message as read by a server.

        ``read`` without ``read_by`` counts if the server is the only recipient.
        """
        read_by = self.read_by
        if read_by or self.raw.get("read") is not True:
            return server in read_by
        return self.recipients(fleet) == {server}

    def is_marked_acknowledged(self, server: str, _fleet: Fleet = NO_FLEET) -> bool:
        """Return whether the repository marks the message as acknowledged by a server."""
        return server in self.acknowledged_by


def _word(value: Any) -> str:
    """Return a text in lower case without blanks around it, empty if it is not text."""
    return value.strip().lower() if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    value = [value] if isinstance(value, str) and value else value
    return [as_line(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _is_understood(name: str, value: Any) -> bool:
    return name in _TEXTS or (name in _FORMS and _FORMS[name](value))


def _are_names(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(name, str) for name in value))


def _are_facts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(fact, dict) for fact in value)


def _is_choice(value: Any) -> bool:
    return value in (0, 1) or _word(value) in ("true", "yes", "1", "false", "no", "0")


_FORMS: dict[str, Callable[[Any], bool]] = {
    "to": _are_names,
    "type": lambda kind: _word(kind) in TYPES,
    "priority": lambda priority: _word(priority) in PRIORITIES,
    "read": lambda read: isinstance(read, bool),
    "read_by": _are_names,
    "ack_required": _is_choice,
    "acknowledged_by": _are_names,
    "facts": _are_facts,
    "request": lambda request: isinstance(request, dict),
    "needs": lambda needs: _word(needs) == OPERATOR,
}
"""The members whose value must have a known form, each with the test of it."""
_TEXTS = frozenset({"id", "from", "subject", "body", "timestamp", "ack_status", "in_reply_to", "thread", "key"}) | {
    *("seq", "repository", "signature")
}
"""The members that are shown as text, and those of the signature."""
