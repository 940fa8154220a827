# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message asks for, as far as a program can know: from its request first, from its words second."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..environment.packages import MAX_PACKAGES, NAME, parse_specs
from ..errors import CoordinationError
from ..text import short

INSTALL, CHECK, STATUS = "install_packages", "check_packages", "status_report"
STARTED, FAILED, STALE, FACTS = "build_started", "build_failed", "stale_heartbeat", "facts"
KINDS = (INSTALL, CHECK, STATUS, STARTED, FAILED, STALE, FACTS)
"""The kinds of messages that are answered, named as the ``action`` of a request is."""
QUERIES = ("commit", "disk", "kernel", "load", "memory", "package", "toolchain")
"""What a request for facts may ask for."""

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
"""For each kind the type of its messages, and the words that a subject, or a sentence of a body, begins with."""
_PATTERNS = {kind: (of_type, f"(?i){words}") for kind, (of_type, words) in _WORDS.items()}
_SENTENCE = re.compile(r"(?:(?<=[.!?])\s+|\n)")


class Asked(NamedTuple):
    """What a message asks for.

    :param kind: one of ``KINDS``.
    :param details: what the kind needs: ``packages``, ``job`` and ``step``, or ``query``, ``package`` and ``path``.
    :param problem: why it cannot be carried out as it is written; empty when it can.
    """

    kind: str
    details: dict[str, Any]
    problem: str = ""


def recognise(message: dict[str, Any]) -> Asked | None:
    """What a normalised message asks for; None when no program knows.

    A request that names an action is what it says it is; only without one do words decide.
    """
    request = message["request"]
    if request is not None:
        kind = request.get("action")
        return _checked(kind, request) if isinstance(kind, str) and kind in KINDS else None
    for text in [message["subject"], *_SENTENCE.split(message["body"])]:
        for kind, (of_type, pattern) in _PATTERNS.items():
            found = re.match(pattern, text.strip()) if message["type"] == of_type else None
            if found:
                return _checked(kind, _said(kind, message, found))
    return None


def is_answer(message: dict[str, Any]) -> bool:
    """Whether a normalised message answers another: nobody answers it again. The old scripts say so in the subject."""
    return bool(message["in_reply_to"]) or message["subject"].startswith("Re:")


def _said(kind: str, message: dict[str, Any], found: re.Match[str]) -> dict[str, Any]:
    """The details that words tell."""
    if kind in (INSTALL, CHECK):
        groups = found.groupdict()
        listed = next(groups[name] for name in ("packages", "of", "installed") if groups.get(name))
        names = re.split(_SEPARATOR, listed)
        return {"packages": [name.rstrip(".").lower() for name in names[:MAX_PACKAGES]]}
    if kind == FAILED:
        step = re.search(r"\bat\s+(?:step\s+)?(.{1,60}?)\s*$", message["subject"], re.IGNORECASE)
        return {"step": step.group(1) if step else ""}
    return {}


def _checked(kind: str, request: dict[str, Any]) -> Asked:
    """What is asked for, with its details in the form that the kind needs."""
    try:
        if kind in (INSTALL, CHECK):
            return Asked(kind, {"packages": [str(spec) for spec in parse_specs(request.get("packages"))]})
        if kind == FACTS:
            return _facts(request)
    except CoordinationError as error:
        return Asked(kind, {}, str(error))
    return Asked(kind, {name: short(str(request.get(name) or "")) for name in ("job", "step", "reason")})


def _facts(request: dict[str, Any]) -> Asked:
    query = request.get("query")
    queries = [query] if isinstance(query, str) else query
    if not isinstance(queries, list) or not queries or any(one not in QUERIES for one in queries):
        return Asked(FACTS, {}, f"The query is none of {', '.join(QUERIES)}.")
    details: dict[str, Any] = {"query": list(dict.fromkeys(queries))}
    if "package" in queries:
        package = request.get("package")
        names = package if isinstance(package, list) else [package]
        details["packages"] = [spec.name for spec in parse_specs(names)]
    if "commit" in queries:
        path = request.get("path")
        if not isinstance(path, str) or not path.startswith("/"):
            return Asked(FACTS, {}, "The query for a commit names no path.")
        details["path"] = path
    return Asked(FACTS, details)
