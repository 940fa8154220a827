# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognizing the intent of a message.

Its request decides, or without a request its text.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..environment.packages import MAX_PACKAGES, NAME, parse_specs
from ..errors import CoordinationError
from ..mail.message import Message
from ..text import short

INSTALL, CHECK, STATUS = "install_packages", "check_packages", "status_report"
STARTED, FAILED, STALE, FACTS = "build_started", "build_failed", "stale_heartbeat", "facts"
KINDS = (INSTALL, CHECK, STATUS, STARTED, FAILED, STALE, FACTS)
"""The kinds of messages that a playbook can answer; a request has its kind in ``action``."""
QUERIES = ("commit", "disk", "kernel", "load", "memory", "package", "toolchain")
"""The values of ``query`` in a request for facts."""

_SEPARATOR = r"(?:\s*,\s*(?:and\s+)?|\s+and\s+)"
_LIST = rf"(?P<packages>{NAME}(?:=\S+)?(?:{_SEPARATOR}{NAME}(?:=\S+)?){{0,19}})"
_LEAD = r"(?:please\s+)?"
_WHICH = r"(?:the\s+)?(?:packages?:?\s+)?"
_END = r"(?=\s*[.!?;]?\s*$|[.!?]\s|,?\s+(?:on|to|for|with|so|as|in|before|if)\s)"
_WORDS = {
    INSTALL: ("request", rf"{_LEAD}install\s+{_WHICH}{_LIST}{_END}"),
    CHECK: (
        "request",
        rf"(?:{_LEAD}check\s+(?:(?:the\s+|your\s+)?environment\s+for\s+)?(?:the\s+)?packages?:?\s+{_LIST}{_END}"
        rf"|(?:which|what)\s+version\s+of\s+{_WHICH}(?P<of>{NAME})\s+(?:is|do\s+you\s+have)\b"
        rf"|is\s+{_WHICH}(?P<installed>{NAME})\s+installed\b)",
    ),
    STATUS: (
        "request",
        r"(?:what(?:'|\u2019)?\s*i?s\s+your\s+(?:current\s+)?status\b|status\s*(?:check|report|inquiry)?\s*[?.]*$)",
    ),
    STARTED: ("info", r"(?:starting\s+(?:the\s+)?build|build\s+started|build\s+\S+\s+started)\b"),
    FAILED: ("error", r"(?:build\s+failed|build\s+\S+\s+failed)\b"),
    STALE: ("request", r"(?:your\s+)?heartbeat\s+(?:is\s+)?stale\b"),
}
"""For each kind its type of message, and the pattern of the start of a subject or of a sentence in a body."""
_PATTERNS = {kind: (message_type, f"(?i){pattern}") for kind, (message_type, pattern) in _WORDS.items()}
_SENTENCE = re.compile(r"(?:(?<=[.!?])\s+|\n)")


class Intent(NamedTuple):
    """The intent of a message.

    :param kind: one of ``KINDS``.
    :param details: the parameters of the kind: ``packages``; ``job``, ``step`` and ``reason``; or ``query``,
        ``packages`` and ``path``.
    :param problem: the reason why the request is invalid; empty if it is valid.
    """

    kind: str
    details: dict[str, Any]
    problem: str = ""


def recognize(message: Message) -> Intent | None:
    """Recognize the intent of a message.

    The ``action`` of a request decides. Only a message without a request is searched for known phrases.

    :return: None if the intent is not recognized.
    """
    request = message.request
    if request is not None:
        kind = request.get("action")
        return _intent(kind, request) if isinstance(kind, str) and kind in KINDS else None
    for text in [message.subject, *_SENTENCE.split(message.body)]:
        for kind, (message_type, pattern) in _PATTERNS.items():
            found = re.match(pattern, text.strip()) if message.type == message_type else None
            if found:
                return _intent(kind, _details(kind, message, found))
    return None


def is_answer(message: Message) -> bool:
    """Return whether a message is an answer, which is not answered.

    The shell scripts mark it in the subject.
    """
    return bool(message.in_reply_to) or message.subject.startswith("Re:")


def _details(kind: str, message: Message, found: re.Match[str]) -> dict[str, Any]:
    """Return the details in the text of a message."""
    if kind in (INSTALL, CHECK):
        groups = found.groupdict()
        listed = next(groups[name] for name in ("packages", "of", "installed") if groups.get(name))
        names = re.split(_SEPARATOR, listed)
        return {"packages": [name.rstrip(".").lower() for name in names[:MAX_PACKAGES]]}
    if kind == FAILED:
        step = re.search(r"\bat\s+(?:step\s+)?(.{1,60}?)\s*$", message.subject, re.IGNORECASE)
        return {"step": step.group(1) if step else ""}
    return {}


def _intent(kind: str, request: dict[str, Any]) -> Intent:
    """Return the intent of a kind with validated details."""
    try:
        if kind in (INSTALL, CHECK):
            return Intent(kind, {"packages": [str(spec) for spec in parse_specs(request.get("packages"))]})
        if kind == FACTS:
            return _facts_intent(request)
    except CoordinationError as error:
        return Intent(kind, {}, str(error))
    return Intent(kind, {name: short(str(request.get(name) or "")) for name in ("job", "step", "reason")})


def _facts_intent(request: dict[str, Any]) -> Intent:
    """Return the intent of a request for facts."""
    query = request.get("query")
    queries = [query] if isinstance(query, str) else query
    if not isinstance(queries, list) or not queries or any(one not in QUERIES for one in queries):
        return Intent(FACTS, {}, f"The query is not one of {', '.join(QUERIES)}.")
    details: dict[str, Any] = {"query": list(dict.fromkeys(queries))}
    if "package" in queries:
        package = request.get("package")
        names = package if isinstance(package, list) else [package]
        details["packages"] = [spec.name for spec in parse_specs(names)]
    if "commit" in queries:
        path = request.get("path")
        if not isinstance(path, str) or not path.startswith("/"):
            return Intent(FACTS, {}, "The query for a commit has no absolute path.")
        details["path"] = path
    return Intent(FACTS, details)
