# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``builderctl trace``: how far a message has come."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from ..coordination.identity.config import Config
from ..coordination.identity.host import Host
from ..coordination.monitoring.finding import DONE, NOT_KNOWN, Finding
from ..coordination.monitoring.trace import Trace, trace_messages
from ..coordination.text import one_line
from ..coordination.timestamps import parse_time
from .brief import brief_line
from .command import AddCommand, Outcome
from .formats import duration, word
from .message_rendering import BRIEF_LEGEND
from .short_ids import whole_ids


def add(command: AddCommand) -> None:
    """Add the command and its arguments."""
    parser = command(
        "trace",
        "show how far a message has come: written, queued, pushed, seen, shown, read, acted upon, answered",
        ["builderctl trace msg_1795245106_9f86d081884c7d65", "builderctl trace msg_1795245106_9f86d081884c7d65 --json"],
        "Each step has its time in UTC and its source. 'Seen' means by the service of the recipient, 'shown' to its\n"
        "manager; both are published with its next heartbeat. The message can be from and to any server. Nothing is\n"
        "changed.",
    )
    parser.add_argument("ids", metavar="ID", nargs="+", help="the messages")


def run(host: Host, _config: Config, args: Namespace) -> Outcome:
    """Trace messages.

    :raises CoordinationError: as :func:`.trace_messages`.
    """
    found = trace_messages(host, whole_ids(host, args.ids))
    lines = [BRIEF_LEGEND, *(line for trace in found.traces for line in _lines(trace, host.clock()))]
    seconds = found.data()["remote_age_seconds"]
    lines += [f"As of {duration(seconds)} ago: the remote was not reached."] if seconds else []
    return Outcome(found.data(), lambda _paint: "\n".join(lines))


def _lines(trace: Trace, now: datetime) -> Iterator[str]:
    message = trace.message
    sent = parse_time(message["timestamp"])
    seconds = (now - sent).total_seconds() if sent else None
    texts = (message[name] for name in ("type", "from", "subject", "verified"))
    yield f"| {brief_line(message['id'], seconds, *texts)}"
    for server, steps in groupby(trace.steps, lambda step: step.server):
        indent = "  " if server else ""
        yield from [f"To {word(server)}:"] if server else []
        for name, _server, finding in steps:
            label = {"acted": "acted upon"}.get(name, name)
            yield f"{indent}{label:<14}{_state(finding)}".rstrip()


def _state(finding: Finding) -> str:
    """Render a finding: the state, the time and the source."""
    if finding.state == NOT_KNOWN:
        return f"not known: {one_line(finding.reason)}"
    if finding.state == DONE:
        time = f"{word(finding.time)}{' or before' * finding.at_latest}" if finding.time else "yes, time not known"
    else:
        time = f"not yet at {word(finding.time)}" if finding.time else "not yet"
    reason = f": {one_line(finding.reason)}" if finding.reason else ""
    return f"{time}, {one_line(finding.source)}{reason}"
