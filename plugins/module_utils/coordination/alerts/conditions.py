# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions of the fleet that alerts are sent about: what is the matter now."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from ..identity.fleet import ALL, is_server_id
from ..identity.host import Host
from ..identity.verification import LABELS, is_trusted
from ..mail.mailbox import verify_messages
from ..mail.message import Message
from ..text import as_line, short
from ..timestamps import duration
from .memory import Failure
from .record import MAX_DETAILS, MAX_ITEMS, MAX_LINE, UNKNOWN, Record
from .ways import AUDIT, BUILD, MAIL, PROBLEM, QUESTION, SERVER

UNCONFIRMED = "untold/"
"""The beginning of the key of a condition about an alert of which it is not known whether it was sent."""

_TIME_SPAN = re.compile(r"\d+ (?:s|min|h|d)\b(?: \d+ (?:s|min|h|d)\b)*")
_WORD_WITH_DIGIT = re.compile(r"\S*\d\S*")


class Condition(NamedTuple):
    """Something that is the matter.

    :param key: what it is, the same in each cycle while it lasts.
    :param kind: one of :data:`.ways.KINDS`.
    :param server: the server that it is about; empty if it is about none.
    :param summary: one line, which contains no text of others.
    :param details: lines that others have written, sanitized.
    :param items: what it consists of, a name each.
    :param except_way: the name of the way by which it is not sent; empty if it is sent by all.
    :param is_certain: whether it is sent. What is not certain is not sent, and does not end.
    """

    key: str
    kind: str
    server: str
    summary: str
    details: tuple[str, ...]
    items: tuple[str, ...]
    except_way: str = ""
    is_certain: bool = True


def server_conditions(
    own_id: str, health: Mapping[str, Any], own_problems: Sequence[str], watched: float
) -> Iterable[Condition]:
    """Yield what is the matter with each server of the fleet.

    It is certain that a server is silent if this host has watched for two of its intervals. After an outage of the
    remote, all servers are silent for a moment.

    :param own_id: the id of this server, which is never silent to itself.
    :param health: as from :func:`.look_at_health`.
    :param own_problems: the problems of this server as in its heartbeat.
    :param watched: for how many seconds this host has looked at the remote without a gap.
    """
    for server, found in health["servers"].items():
        if not found["expected"]:
            continue
        if found["state"] in ("stale", "missing") and server != own_id:
            age, is_certain = found["age_seconds"], watched >= 2 * found["interval_seconds"]
            details = () if age is None else (f"its last heartbeat is {duration(age)} old",)
            silent = Condition(
                f"server/{server}", SERVER, server, f"{server} is {found['state']}", details, ("silent",)
            )
            yield silent._replace(is_certain=is_certain)
        problems = own_problems if server == own_id else found["problems"]
        if problems:
            number = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
            items = tuple(dict.fromkeys(map(_name_of_problem, problems)))
            yield Condition(f"problem/{server}", PROBLEM, server, f"{server} has {number}", _cut(problems), items)
        build = found["last_build"] or {}
        if build.get("status") == "failed":
            text = ", ".join(f"{name} {as_line(build[name])}" for name in ("id", "branch", "log") if build.get(name))
            item = _digest(as_line([build.get("id"), build.get("started_at")]))
            yield Condition(f"build/{server}", BUILD, server, f"A build of {server} failed", _cut([text]), (item,))


def mail_conditions(
    host: Host, servers: Collection[str], messages: Iterable[Message], deadline: float
) -> Iterable[Condition]:
    """Yield the overdue mail of each server: what it has not marked read in the repository.

    :param servers: the servers of the fleet.
    :param messages: those of the mailbox.
    :param deadline: seconds after which an unread message is overdue.
    """
    overdue: dict[str, list[Message]] = {}
    now = host.clock()
    for entry in messages:
        if entry.is_late(now, deadline):
            named = entry.recipients(host.fleet)
            to = [server for server in servers if server != entry.sender_in(host.fleet)] if ALL in named else named
            for server in to:
                if server in servers and not entry.is_marked_read(server, host.fleet):
                    overdue.setdefault(server, []).append(entry)
    for server, entries in sorted(overdue.items()):
        number = "1 message" if len(entries) == 1 else f"{len(entries)} messages"
        newest = entries[::-1]
        doubts = [*_doubts(host, newest[:MAX_DETAILS]), *[""] * (len(newest) - MAX_DETAILS)]
        lines = [
            f"from {entry.sender_in(host.fleet)}{doubt}: {entry.subject} ({entry.id})"
            for entry, doubt in zip(newest, doubts)
        ]
        items = tuple(_digest(entry.id or entry.digest) for entry in newest[:MAX_ITEMS])
        yield Condition(f"mail/{server}", MAIL, server, f"{number} to {server} overdue", _cut(lines), items)


def _doubts(host: Host, entries: Sequence[Message]) -> Iterable[str]:
    """Yield what is to be said of the sender of each message: empty if it is known to have written it."""
    for entry, verification in zip(entries, verify_messages(host, entries)):
        known = is_trusted(host, entry.sender_in(host.fleet), verification)
        yield "" if known else f" ({LABELS[verification.verified]})"


def question_conditions(host: Host, questions: Iterable[Message]) -> Iterable[Condition]:
    """Yield each question for the operator that he has not answered, and that a server of the fleet has signed.

    :param questions: those that are open.
    """
    asked = list(questions)
    for entry, verification in zip(asked, verify_messages(host, asked)):
        sender, name = entry.sender_in(host.fleet), _digest(entry.id)
        if is_server_id(sender) and is_trusted(host, sender, verification):
            lines = _cut([f"{entry.subject} ({entry.id})"])
            yield Condition(f"question/{name}", QUESTION, sender, f"{sender} asks the operator", lines, (name,))


def audit_conditions(alarms: Sequence[str]) -> Iterable[Condition]:
    """Yield the alarms of the audit, together.

    :param alarms: their texts, the newest first.
    """
    if alarms:
        number = "an alarm" if len(alarms) == 1 else f"{len(alarms)} alarms"
        yield Condition("audit", AUDIT, "", f"The audit has {number}", _cut(alarms), tuple(map(_digest, alarms)))


def way_conditions(own_id: str, failures: Mapping[str, Failure]) -> Iterable[Condition]:
    """Yield the ways of this server that fail, each to be sent by the others.

    :param failures: the failures by the name of the way.
    """
    for name, failure in failures.items():
        summary = f"{own_id} cannot send alerts by the way {name}"
        yield Condition(f"way/{own_id}/{name}", PROBLEM, own_id, summary, _cut([failure.reason]), ("failing",), name)


def unconfirmed_conditions(record: Record) -> Iterable[Condition]:
    """Yield the alerts of which it is not known whether they were sent."""
    for key, alert in record.alerts.items():
        names = [name for name, state in alert.ways.items() if state == UNKNOWN]
        if names and not key.startswith(UNCONFIRMED):
            summary = f"{alert.by} may not have sent by {', '.join(names)}: {alert.summary}"
            yield Condition(f"{UNCONFIRMED}{key}", PROBLEM, alert.by, summary, alert.details, (str(alert.number),))


def _cut(lines: Sequence[str]) -> tuple[str, ...]:
    shown = tuple(short(line, MAX_LINE) for line in lines[:MAX_DETAILS])
    return shown if len(lines) <= MAX_DETAILS else (*shown[:-1], f"and {len(lines) - MAX_DETAILS + 1} more")


def _name_of_problem(text: str) -> str:
    """Return a name of a problem that does not depend on the numbers, the times and the ids in its text."""
    return _digest(_WORD_WITH_DIGIT.sub("#", _TIME_SPAN.sub("#", text)))


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
