# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of the fleet: heartbeats, statuses, jobs, and overdue messages."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple

from ..delivery.outbox import Outbox
from ..delivery.queued_status import queued_status
from ..errors import CoordinationError, DocumentDamaged
from ..identity.host import JOBS, Host
from ..identity.verification import TRUE, UNSIGNED, Verification, is_before_keys, is_trusted
from ..mail.answers import Answers
from ..mail.audit import audit
from ..mail.mailbox import read_mailbox
from ..mail.message import Message
from ..mail.read_ledger import own_ledger
from ..secrets import token_file
from ..status.document import NO_STATUS, Status, read_status
from ..store.snapshot import Snapshot
from ..text import clean, one_line, short
from ..timestamps import duration, is_ahead, parse_time, utc_text
from .heartbeat import ServerHeartbeat, newest_heartbeats
from .heartbeat_age import Age, observe
from .heartbeat_document import DEFAULT_INTERVAL, Heartbeat

AGING = 120
STALE = 300
"""Age of a heartbeat in seconds, for an interval of 60 s; a longer interval extends it in proportion."""
CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far in the future the newest known status may be dated to reject an older one. If it is dated further ahead, the
clock of its server was wrong and may have been corrected."""
STATUSES_FILE = "statuses.json"
REPLY_DEADLINE = 3600
"""Seconds after which a request without an answer, or an unread message, is overdue."""


def read_health(host: Host, reply_deadline: int = REPLY_DEADLINE, keep: bool = False) -> dict[str, Any]:
    """Return the health of all servers, the jobs, the messages and the outbox.

    A damaged document is reported as a problem, and the other documents are still read.

    :param reply_deadline: seconds after which a message is overdue.
    :param keep: whether to record what later looks need: heartbeats, statuses and messages that were seen.
    :return: the return value ``builders_health`` of build_heartbeat_fact.
    :raises RemoteError: if the remote rejects the fetch, or was never reached.
    """
    health = host.repository.read(lambda snapshot: look_at_health(host, snapshot, reply_deadline, keep))
    outbox = Outbox(host.state).read()
    health["outbox"] = {
        "waiting": len(outbox.items),
        "waiting_since": outbox.items[0].accepted_at if outbox.items else None,
        "set_aside": len(outbox.rejected),
    }
    health["problems"] += outbox.problems(host.clock())
    health["healthy"] = not health["problems"]
    return health


def overdue_mail(health: dict[str, Any]) -> list[str]:
    """Return the problem of overdue unread messages, for the own heartbeat.

    The list is empty if there are none.
    """
    overdue = health["messages"]["overdue_mail"]
    if not overdue:
        return []
    number = "1 message is" if len(overdue) == 1 else f"{len(overdue)} messages are"
    sent_at, sender, message_id = (short(overdue[0][name]) for name in ("timestamp", "from", "id"))
    return [f"{number} unread for too long, the oldest from {sender}, sent at {sent_at} ({message_id})"]


def look_at_health(
    host: Host, snapshot: Snapshot, reply_deadline: int = REPLY_DEADLINE, keep: bool = False
) -> dict[str, Any]:
    """Return the health, as :func:`read_health`, of a snapshot.

    The heartbeats are fetched if the snapshot is fresh.
    """
    problems = [*([] if snapshot.fresh else [host.repository.away]), *_token_problems(host)]
    heartbeats = newest_heartbeats(host, snapshot, problems)
    trusted = {server: heartbeat.beat for server, heartbeat in heartbeats.items() if heartbeat.trusted}
    expected = set(host.fleet.ids())
    silent = (expected | heartbeats.keys()) - trusted.keys()
    ages = observe(host.state, trusted, host.clock(), keep, silent)
    ids = sorted(expected | set(heartbeats) | set(host.seen_servers(snapshot)))
    kept = host.state.read(STATUSES_FILE, lambda record: {str(name): str(at) for name, at in record.items()}) or {}
    newest = dict(kept)
    statuses = {server: _status(host, snapshot, server, newest) for server in ids}
    queued = queued_status(host, snapshot)
    if queued and host.id in statuses:
        statuses[host.id] = statuses[host.id]._replace(status=queued, queued=True)
    if keep and newest != kept:
        host.state.write_json(STATUSES_FILE, newest)
    servers = {
        server: _server(host, server, heartbeats.get(server), ages.get(server), statuses[server]) for server in ids
    }
    for server in ids:
        if host.fleet.expected and server not in expected:
            servers[server]["expected"] = False
            servers[server]["problems"].append("it is not in the fleet file")
        elif servers[server]["state"] in ("stale", "missing") or servers[server]["problems"]:
            problems.append(f"{server}: {_summary(servers[server])}")
    messages = _messages(host, snapshot, ids, problems, reply_deadline)
    try:
        problems += audit(host, snapshot, keep)
    except DocumentDamaged as error:
        problems += [str(error)] if str(error) not in problems else []
    return {
        "server_id": host.id,
        "partner": host.fleet.get(host.id).partner,
        "servers": servers,
        "jobs": _jobs(snapshot, problems),
        "messages": messages,
        "remote_age_seconds": round(snapshot.age),
        "problems": problems,
        "healthy": not problems,
    }


def _token_problems(host: Host) -> list[str]:
    """Return the problems of the token file, if the remote uses a token."""
    uses_token = host.repository.url.startswith(("http://", "https://"))
    return token_file.problems(host.repository.pat_file) if uses_token else []


def _server(
    host: Host, server: str, heartbeat: ServerHeartbeat | None, age: Age | None, known: _ServerStatus
) -> dict[str, Any]:
    """Return the entry of a server in the health."""
    beat = heartbeat.beat if heartbeat and heartbeat.trusted else Heartbeat({})
    problems = [*beat.problems, *(heartbeat.problems if heartbeat else ())]
    if age and age.is_replay:
        problems.append("its heartbeat was replaced by an older one")
    seconds = age.seconds if age else None
    if heartbeat and heartbeat.trusted and seconds is None:
        problems.append("its heartbeat has no valid timestamp")
    status, verification = known.status, known.verification
    problems += known.problems
    return {
        "state": "missing" if heartbeat is None else _state(seconds, beat.interval),
        "verified": heartbeat.verification.verified if heartbeat else UNSIGNED,
        "verified_reason": heartbeat.verification.reason if heartbeat else "no heartbeat",
        "age_seconds": None if seconds is None else round(seconds),
        "clock_skew_seconds": None if age is None or age.clock_skew is None else round(age.clock_skew),
        "interval_seconds": beat.interval,
        "status": status.state,
        "status_queued": known.queued,
        "status_verified": verification.verified,
        "status_verified_reason": verification.reason,
        "manager": status.manager or host.fleet.get(server).manager or "unknown",
        "manager_last_active": beat.manager_last_active,
        "current_job": clean(status.current_job),
        "last_build": clean(status.last_build),
        "expected": True,
        "problems": problems,
    }


class _ServerStatus(NamedTuple):
    """The status of a server.

    :param status: the status; empty if it is not trusted.
    :param verification: the verification of its sender.
    :param problems: the reasons why it is not trusted.
    :param queued: whether ``status`` is in the outbox; then the other values are those of the published one.
    """

    status: Status
    verification: Verification
    problems: list[str]
    queued: bool = False


def _status(host: Host, snapshot: Snapshot, server: str, newest: dict[str, str]) -> _ServerStatus:
    """Read the status of a server and decide whether to trust it.

    :param newest: for each server the timestamp of its newest known status, which is updated.
    """
    try:
        status, verification = read_status(host, snapshot, server)
    except CoordinationError as error:
        return _ServerStatus(NO_STATUS, Verification(UNSIGNED, "not readable"), [error.what.rstrip(".")])
    predates_keys = verification.verified == UNSIGNED and is_before_keys(host, status.written_at, server)
    if status and not predates_keys and not is_trusted(host, server, verification):
        return _ServerStatus(NO_STATUS, verification, [f"its status is not trusted: {verification.reason}"])
    written, seen = status.written_at, parse_time(newest.get(server))
    if written and is_ahead(written, host.clock()):
        problem = f"its status is not trusted: its timestamp {utc_text(written)} is in the future"
        return _ServerStatus(NO_STATUS, verification, [problem])
    if written and seen and written < seen and seen - host.clock() <= CLOCK_TOLERANCE:
        older = duration((seen - written).total_seconds())
        problem = f"its status was replaced by an older one, {older} older than the newest known"
        return _ServerStatus(NO_STATUS, verification, [problem])
    if written and verification.verified == TRUE:
        newest[server] = utc_text(written)
    return _ServerStatus(status, verification, [])


def _state(seconds: float | None, interval: float) -> str:
    scale = max(1.0, interval / DEFAULT_INTERVAL)
    if seconds is None or seconds > STALE * scale:
        return "stale"
    return "aging" if seconds > AGING * scale else "ok"


def _summary(server: dict[str, Any]) -> str:
    age = server["age_seconds"]
    if server["state"] == "missing":
        summary = [
            "it has no heartbeat" if age is None else f"its heartbeat, last seen {duration(age)} ago, was deleted"
        ]
    else:
        summary = (
            [f"its last heartbeat is {duration(age)} old"] if server["state"] == "stale" and age is not None else []
        )
    return "; ".join([*summary, *server["problems"]])


def _jobs(snapshot: Snapshot, problems: list[str]) -> dict[str, int]:
    try:
        document = snapshot.load_object(JOBS)
    except DocumentDamaged as error:
        problems.append(str(error))
        return {}
    jobs = document.value.get("jobs") if document else None
    if jobs is not None and not isinstance(jobs, list):
        problems.append(f'{JOBS} has no list of jobs under "jobs"')
    listed = jobs if isinstance(jobs, list) else []
    statuses = [job.get("status") if isinstance(job, dict) else None for job in listed]
    return dict(Counter(one_line(str(status or "unknown")) for status in statuses))


def _messages(
    host: Host, snapshot: Snapshot, ids: list[str], problems: list[str], reply_deadline: int
) -> dict[str, Any]:
    try:
        entries = read_mailbox(snapshot).messages
    except DocumentDamaged as error:
        problems.append(str(error))
        return {"total": None, "unread": {}, "overdue_requests": [], "overdue_mail": [], "undeliverable": []}
    ledger = own_ledger(host)
    fleet = host.fleet
    unread = {
        server: [e for e in entries if e.is_for(server, fleet) and not e.is_marked_read(server, fleet)]
        for server in ids
    }
    unread[host.id] = [e for e in entries if e.is_for(host.id, host.fleet) and not ledger.has(e)]
    now = host.clock()
    requests = [entry for entry in entries if entry.type == "request" and entry.is_late(now, reply_deadline)]
    undeliverable = [entry for entry in entries if entry.is_undeliverable(fleet)]
    if undeliverable:
        number = "1 message is" if len(undeliverable) == 1 else f"{len(undeliverable)} messages are"
        problems.append(f"{number} addressed to no server of this fleet; see 'builderctl read --undeliverable'")
    queued = [entry for item in Outbox(host.state).read().items for entry in item.messages]
    answers = Answers(host, snapshot, requests, [*entries, *queued])
    return {
        "total": len(entries),
        "unread": {server: len(waiting) for server, waiting in unread.items()},
        "overdue_requests": [_named(e, "id", "from", "to", "subject") for e in requests if answers.is_open(e)],
        "overdue_mail": [
            _named(e, "id", "from", "type", "subject", "timestamp")
            for e in unread[host.id]
            if e.is_late(now, reply_deadline)
        ],
        "undeliverable": [_named(e, "id", "from", "to", "type", "subject", "timestamp") for e in undeliverable],
    }


def _named(entry: Message, *names: str) -> dict[str, Any]:
    message = entry.as_dict()
    return {name: message[name] for name in names}
