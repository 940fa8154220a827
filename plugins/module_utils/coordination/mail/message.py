# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message is: written strictly, read leniently."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..documents.json_document import check_text, nesting
from ..errors import InvalidInput
from ..identity.fleet import ALL, NO_FLEET, Fleet
from ..text import as_line, as_text, clean, visible
from ..timestamps import is_ahead, parse_time, utc_text

TYPES = ("error", "warning", "request", "info")
"""Kinds of message, the most urgent first."""
PRIORITIES = ("high", "normal", "low")
"""The most urgent first."""
MAX_ID = 200
MAX_SUBJECT = 100
MAX_BODY = 10_000
"""Characters."""
MAX_DATA = 20_000
"""Characters of JSON that the facts and the request of a message may have together."""
MAX_REQUEST_NESTING = 20
"""Levels of objects and lists."""
MAX_INTEGER = 2**53
"""jq and other readers keep numbers as doubles, in which integers up to this are exact (RFC 8259, section 6)."""

_REQUEST_REMEDY = (
    'Give for example --request \'{"action": "install_packages", "packages": ["jq"]}\', to a module '
    "request={action: install_packages, packages: [jq]}."
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+=-]{0,199}")


def is_late(entry: dict[str, Any], now: datetime, deadline: float) -> bool:
    """Whether an entry has waited for too long; one without a time that can be believed has, as far as is known.

    :param deadline: seconds.
    """
    sent = parse_time(entry.get("timestamp"))
    return sent is None or is_ahead(sent, now) or (now - sent).total_seconds() > deadline


@dataclass(frozen=True)
class Draft:
    """The content of a message that is to be sent, whoever it goes to.

    :param facts: each a mapping with name, value and, when known, observed_at.
    :param request: a machine-readable request, a mapping with ``action``.
    :param key: the sender's idempotency key.
    """

    subject: str
    body: str
    type: str = "info"
    priority: str = "normal"
    require_ack: bool = False
    facts: tuple[dict[str, Any], ...] = ()
    request: dict[str, Any] | None = None
    key: str | None = None
    in_reply_to: str | None = None
    thread: str | None = None


def check_draft(draft: Draft) -> None:
    """Refuse a message that breaks the wire format.

    :raises InvalidInput: saying which field, and what would do.
    """
    _check_choice("type", draft.type, TYPES)
    _check_choice("priority", draft.priority, PRIORITIES)
    if nesting(draft.request) > MAX_REQUEST_NESTING:
        raise InvalidInput(
            f"The request has more than {MAX_REQUEST_NESTING} levels.", "Flatten it, or name a file that holds it."
        )
    for name in ("subject", "body", "facts", "request"):
        check_text(getattr(draft, name), name)
    if not draft.subject.strip():
        raise InvalidInput("The subject is empty.", f"Give one line of 1 to {MAX_SUBJECT} characters.")
    if _CONTROL.search(draft.subject):
        raise InvalidInput("The subject has more than one line, or control characters.", "Give one plain line.")
    if len(draft.subject) > MAX_SUBJECT:
        raise InvalidInput(
            f"The subject has {len(draft.subject)} characters.",
            f"At most {MAX_SUBJECT} are allowed; the rest goes into the body.",
        )
    if not draft.body:
        raise InvalidInput("The body is empty.", f"Give 1 to {MAX_BODY} characters.")
    if len(draft.body) > MAX_BODY:
        raise InvalidInput(
            f"The body has {len(draft.body)} characters.",
            f"At most {MAX_BODY} are allowed: split it, or name a file that holds the rest.",
        )
    if draft.key is not None and not _KEY.fullmatch(draft.key):
        raise InvalidInput(
            "The key cannot be used.", "Give 1 to 200 letters, digits and ._:/@+=-, a letter or digit first."
        )
    _check_facts(draft.facts)
    if draft.request is not None:
        if not isinstance(draft.request.get("action"), str) or not draft.request["action"]:
            raise InvalidInput("The request names no action.", _REQUEST_REMEDY)
        _check_numbers(draft.request, "the request")
    size = len(json.dumps([draft.facts, draft.request], ensure_ascii=False))
    if size > MAX_DATA:
        raise InvalidInput(
            f"The facts and the request have {size} characters of JSON.",
            f"At most {MAX_DATA} are allowed: name a file that holds the rest.",
        )


def _check_facts(facts: Iterable[dict[str, Any]]) -> None:
    for fact in facts:
        if not isinstance(fact.get("name"), str) or not fact["name"] or fact.get("value") is None:
            raise InvalidInput(
                "A fact lacks its name or its value.",
                "Give for example --fact git=2.39.5, to a module facts=[{name: git, value: 2.39.5}].",
            )
        if isinstance(fact["value"], (dict, list)):
            raise InvalidInput(f"The fact {fact['name']!r} is not one value.", "Give each value as a fact of its own.")
        if fact.get("observed_at") is not None and parse_time(fact["observed_at"]) is None:
            raise InvalidInput(
                f"The fact {fact['name']!r} was observed at no time that can be read.",
                "Write it as 2026-11-22T07:11:46Z.",
            )
        _check_numbers(_fact_value(fact["value"]), f"the fact {fact['name']!r}")


def _check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        raise InvalidInput(f"There is no {name} {value!r}.", f"Use one of {', '.join(choices)}.")


def _check_numbers(value: Any, where: str) -> None:
    if isinstance(value, float):
        raise InvalidInput(
            f"{value} in {where} is a fraction.", "Write fractions as text, so that every reader keeps them."
        )
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise InvalidInput(f"{value} in {where} is too large for some readers.", "Write it as text.")
    if isinstance(value, dict):
        for item in value.values():
            _check_numbers(item, where)
    elif isinstance(value, list):
        for item in value:
            _check_numbers(item, where)


def _fact_value(value: Any) -> Any:
    """Fractions become text, so that a load of 0.25 can be given as it was measured."""
    return repr(value) if isinstance(value, float) else value


def new_id(now: datetime) -> str:
    """A new message id: ``msg_<unix time>_<16 hex digits>``."""
    return f"msg_{int(now.timestamp())}_{os.urandom(8).hex()}"


def compose(draft: Draft, message_id: str, sender: str, recipient: str, now: datetime) -> dict[str, Any]:
    """Make the entry for one recipient, as it stands in the mailbox."""
    entry: dict[str, Any] = {
        "id": message_id,
        "from": sender,
        "to": recipient,
        "type": draft.type,
        "priority": draft.priority,
        "subject": draft.subject,
        "body": draft.body,
        "timestamp": utc_text(now),
        "read": False,
        "read_by": [],
        "ack_required": draft.require_ack,
        "ack_status": "pending" if draft.require_ack else "not_requested",
        "acknowledged_by": [],
    }
    facts = [
        {
            "name": fact["name"],
            "value": _fact_value(fact["value"]),
            "observed_at": utc_text(parse_time(fact.get("observed_at")) or now),
        }
        for fact in draft.facts
    ]
    optional = {
        "in_reply_to": draft.in_reply_to,
        "thread": draft.thread,
        "facts": facts or None,
        "request": draft.request,
        "key": draft.key,
    }
    return {**entry, **{name: value for name, value in optional.items() if value is not None}}


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


def reply_subject(subject: str) -> str:
    """``Re:`` before a subject, once, on one line, within the limit."""
    line = as_line(_CONTROL.sub(" ", subject)).strip()
    line = line if line.startswith("Re:") else f"Re: {line}".strip()
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1] + "…"


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
