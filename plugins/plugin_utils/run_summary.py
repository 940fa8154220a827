# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run of Ansible in a few lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import duration

from .server_result import FAILED, UNREACHABLE, ServerResult

MAX_NAMES = 5
"""The number of changed tasks that are named."""
CHANGED, SENT, UNCHANGED = "changed", "sent", "unchanged"


class Line(NamedTuple):
    """A paragraph of the summary, and what it is about: one of the constants of this file or a kind of trouble."""

    text: str
    kind: str


def title(name: str, servers: Mapping[str, ServerResult], seconds: float, check: bool) -> str:
    """Return the first line: what ran, on how many servers, and how long."""
    kinds = [{kind for kind, _task, _why in server.troubles} for server in servers.values()]
    counts = {
        "would change" if check else "changed": sum(bool(server.changed) for server in servers.values()),
        "failed": sum(FAILED in found for found in kinds),
        "unreachable": sum(UNREACHABLE in found for found in kinds),
    }
    hosts = f"{len(servers)} host{'' if len(servers) == 1 else 's'}"
    parts = [hosts, *(f"{number} {what}" for what, number in counts.items() if number)]
    mode = ", check mode" if check else ""
    return f"{name}: {', '.join(parts)} ({duration(seconds)}{mode})"


def summary(servers: Mapping[str, ServerResult], width: int, check: bool) -> list[Line]:
    """Return the lines below the title. Hosts of which the same is to be said share a line.

    :param servers: the result of each host by its name.
    :param width: the number of columns.
    """
    said: dict[Line, dict[str, None]] = {}
    for host, server in servers.items():
        for line in _lines(server, check):
            said.setdefault(line, {})[host] = None
    return [Line(_wrapped(f"{', '.join(hosts)}: {line.text}", width), line.kind) for line, hosts in said.items()]


def _lines(server: ServerResult, check: bool) -> Iterator[Line]:
    if server.changed:
        verb = "would change" if check else "changed"
        yield Line(f"{verb} {len(server.changed)}: {named(list(server.changed))}", CHANGED)
    yield from (Line(sentence, SENT) for sentence in server.sentences())
    yield from (Line(f"{kind}: {task}", kind) for kind, task, _why in server.troubles)
    if not (server.changed or server.sentences() or server.troubles):
        yield Line("unchanged", UNCHANGED)


def named(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many there are more."""
    if len(names) <= MAX_NAMES + 1:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_NAMES])} and {len(names) - MAX_NAMES} more"


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(
        text, width, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
