# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of a message that the wire format does not specify, for listings."""

from __future__ import annotations

from typing import Any, Callable

from ..text import clean, visible
from .message import PRIORITIES, TYPES, word_of


def other_fields(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a message that :func:`.message.normalise` does not return.

    :return: unknown members, and members with a value of an unknown form; the texts are sanitized.
    """
    other = {name: value for name, value in entry.items() if value is not None and not _is_understood(name, value)}
    shown: dict[str, Any] = clean(other, visible)
    return shown


def _is_understood(name: str, value: Any) -> bool:
    return name in _TEXTS or (name in _FORMS and _FORMS[name](value))


def _are_names(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(name, str) for name in value))


def _are_facts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(fact, dict) for fact in value)


def _is_choice(value: Any) -> bool:
    return value in (0, 1) or word_of(value) in ("true", "yes", "1", "false", "no", "0")


_FORMS: dict[str, Callable[[Any], bool]] = {
    "to": _are_names,
    "type": lambda kind: word_of(kind) in TYPES,
    "priority": lambda priority: word_of(priority) in PRIORITIES,
    "read": lambda read: isinstance(read, bool),
    "read_by": _are_names,
    "ack_required": _is_choice,
    "acknowledged_by": _are_names,
    "facts": _are_facts,
    "request": lambda request: isinstance(request, dict),
}
"""The members whose value must have a known form, each with the test of it."""
_TEXTS = frozenset({"id", "from", "subject", "body", "timestamp", "ack_status", "in_reply_to", "thread", "key"}) | {
    *("seq", "repository", "signature")
}
"""The members that are shown as text, and those of the signature."""
