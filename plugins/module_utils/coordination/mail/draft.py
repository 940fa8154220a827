# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drafts of messages: their limits, their checks, and the messages made from them."""

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
from ..identity.fleet import OPERATOR
from ..text import as_line
from ..timestamps import parse_time, utc_text
from .message import MAX_INTEGER, PRIORITIES, TYPES, Message

NEEDS = (OPERATOR,)
"""Those of whom a message can say that only they may answer it."""
MAX_SUBJECT = 100
MAX_BODY = 10_000
"""The maximum number of characters."""
MAX_DATA = 20_000
"""The maximum number of characters of JSON in the facts and the request of a message together."""
MAX_REQUEST_NESTING = 20
"""The maximum number of levels of objects and arrays."""

_REQUEST_REMEDY = (
    'Give for example --request \'{"action": "install_packages", "packages": ["jq"]}\', to a module '
    "request={action: install_packages, packages: [jq]}."
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+=-]{0,199}")


@dataclass(frozen=True)
class Draft:
    """The content of a message to send, for all recipients.

    :param facts: each a mapping with ``name``, ``value`` and optionally ``observed_at``.
    :param request: a machine-readable request, a mapping with ``action``.
    :param key: the idempotency key of the sender.
    :param in_reply_to: the id of the message that it answers.
    :param thread: the id of the first message of the thread.
    :param needs: who alone may answer it: ``operator``; None if any recipient may.
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
    needs: str | None = None


def check_draft(draft: Draft) -> None:
    """Check that a message conforms to the wire format.

    :raises InvalidInput: if it does not. The error names the field and the remedy.
    """
    _check_choice("type", draft.type, TYPES)
    _check_choice("priority", draft.priority, PRIORITIES)
    if draft.needs is not None:
        _check_choice("member", draft.needs, NEEDS)
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
                f"The fact {fact['name']!r} has an observed_at that is not a valid time.",
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
    """Return a value of a fact, a fraction as text, so that no reader rounds it."""
    return repr(value) if isinstance(value, float) else value


def new_id(now: datetime) -> str:
    """Return a new message id: ``msg_<Unix time>_<16 hex digits>``."""
    return f"msg_{int(now.timestamp())}_{os.urandom(8).hex()}"


def compose(draft: Draft, message_id: str, sender: str, recipient: str, now: datetime) -> Message:
    """Return the message for one recipient.

    :param now: the time in UTC.
    """
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
        "needs": draft.needs,
        "key": draft.key,
    }
    return Message({**entry, **{name: value for name, value in optional.items() if value is not None}})


def reply_subject(subject: str) -> str:
    """Return a subject with one ``Re:`` before it, on one line, within the limit."""
    line = as_line(_CONTROL.sub(" ", subject)).strip()
    line = line if line.startswith("Re:") else f"Re: {line}".strip()
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1] + "…"
