# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message about the differences between the environments of servers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..mail.draft import MAX_BODY, MAX_DATA
from .comparison import IDENTICAL, KINDS, STATES

_RESERVED = 200
"""Characters that are reserved for the line, or the fact, with the number of omitted entries."""
_OBSERVED_AT = len(', "observed_at": null')
"""Characters that the module build_message adds to a fact."""


def environment_message(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """Compose the message about a comparison.

    Equal comparisons have the same message and idempotency key.

    :param comparison: the result of :func:`.comparison.compare_environments`.
    :return: subject, body, facts and key of a message. A fact is named SERVER/KIND/NAME; its value is the version, or
        "missing". The last line of the body, and the fact "not_listed", have the number of omitted entries.
    """
    counts, servers = comparison["counts"], ", ".join(comparison["servers"])
    summary = ", ".join(f"{counts[state]} {state}" for state in STATES)
    body = _body(f"Compared the kernel, the toolchain and the packages of {servers}: {summary}.", comparison)
    facts = _facts(comparison)
    digest = hashlib.sha256(json.dumps([body, facts], sort_keys=True).encode()).hexdigest()
    outcome = "are identical" if comparison["identical"] else "differ"
    return {"subject": f"Environments {outcome}", "body": body, "facts": facts, "key": f"environment-{digest[:32]}"}


def _differences(comparison: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield kind, name and comparison of each entry that is not identical."""
    for kind in KINDS:
        for name, entry in comparison[kind].items():
            if entry["state"] != IDENTICAL:
                yield kind, name, entry


def _body(begin: str, comparison: Mapping[str, Any]) -> str:
    lines = []
    for kind, name, entry in _differences(comparison):
        versions = ", ".join(f"{server} {version or 'missing'}" for server, version in entry["versions"].items())
        lines.append(f"{kind} {name}: {versions}")
    kept = _count_fitting([len(line) + 1 for line in lines], MAX_BODY - _RESERVED - len(begin))
    more = [f"… and {len(lines) - kept} more."] if kept < len(lines) else []
    return "\n".join([begin, *lines[:kept], *more])


def _facts(comparison: Mapping[str, Any]) -> list[dict[str, Any]]:
    counts = [{"name": state, "value": comparison["counts"][state]} for state in STATES]
    groups = [
        [
            {"name": f"{server}/{kind}/{name}", "value": version or "missing"}
            for server, version in entry["versions"].items()
        ]
        for kind, name, entry in _differences(comparison)
    ]
    kept = _count_fitting([_size(group) for group in groups], MAX_DATA - _RESERVED - _size(counts))
    more = [{"name": "not_listed", "value": len(groups) - kept}] if kept < len(groups) else []
    return [*counts, *(fact for group in groups[:kept] for fact in group), *more]


def _size(facts: list[dict[str, Any]]) -> int:
    return len(json.dumps(facts)) + len(facts) * _OBSERVED_AT


def _count_fitting(sizes: list[int], available: int) -> int:
    """Return how many of the first entries fit into ``available`` characters."""
    for count, size in enumerate(sizes):
        available -= size
        if available < 0:
            return count
    return len(sizes)
