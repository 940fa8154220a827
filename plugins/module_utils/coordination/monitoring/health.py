# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of the fleet: who beats, who does what, and what waits for an answer."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple

from ..delivery.outbox import Outbox
from ..delivery.queued_status import queued_status
from ..errors import CoordinationError, DeadlineReached, DocumentDamaged, Locked, RemoteUnreachable
from ..identity.host import JOBS, Host
from ..identity.verification import TRUE, UNSIGNED, Verification, is_before_keys, is_trusted
from ..mail.answers import Answers
from ..mail.audit import audit
from ..mail.mailbox import read_mailbox
from ..mail.message import is_for, is_late, is_marked_read, is_undeliverable, normalise, type_of
from ..mail.read_ledger import own_marks
from ..secrets import token_file
from ..status.document import read_status
from ..store.snapshot import Snapshot
from ..text import one_line, short
from ..timestamps import is_ahead, parse_time, utc_text
from .heartbeat import Heard, read_heartbeats
from .heartbeat_age import Age, observe
from .heartbeat_refs import DEFAULT_INTERVAL, interval_of

AGING = 120
STALE = 300
"""Seconds without a beat, at an interval of 60 s; longer in proportion when a server's interval is longer."""
CLOSE = timedelta(minutes=1)
"""How far ahead a status may be dated and still count as the newest: the clock that dated one further ahead was wrong,
and may have been corrected."""
STATUSES_FILE = "statuses.json"
REPLY_DEADLINE = 3600
"""Seconds after which a request without an answer, or unread mail, is overdue."""


def read_health(host: Host, reply_deadline: int = REPLY_DEADLINE) -> dict[str, Any]:
    """Look at every server, the jobs and the messages.

    A document that cannot be read is a problem that is named; the rest is told all the same.

    :param reply_deadline: seconds after which a message is overdue.
    :return: server_id, partner, servers, jobs, messages, outbox, problems and healthy, as the module documents them.
    :raises RemoteError: when the remote says no, or was never reached.
    """
    health = host.repository.read(lambda snapshot: look_at_health(host, snapshot, reply_deadline))
    outbox = Outbox(host.state).read()
    health["outbox"] = {
        "waiting": len(outbox.items),
        "waiting_since": outbox.items[0].accepted_at if outbox.items else None,
        "set_aside": len(outbox.aside),
    }
    health["problems"] += outbox.problems(host.clock())
    health["healthy"] = not health["problems"]
    return health


def overdue_mail(health: dict[str, Any]) -> list[str]:
    """The problem that a server's own heartbeat tells when its mail waits too long; none when it does not."""
    waiting = health["messages"]["overdue_mail"]
    if not waiting:
        return []
    oldest = waiting[0]
    number = "1 message waits" if len(waiting) == 1 else f"{len(waiting)} messages wait"
    since, sender, message_id = (short(oldest[name]) for name in ("timestamp", "from", "id"))
    return [f"{number} too long to be read, since {since} that of {sender} ({message_id})"]


def look_at_health(host: Host, snapshot: Snapshot, reply_deadline: int = REPLY_DEADLINE) -> dict[str, Any]:
    """As :func:`read_health`, of a snapshot; the remote is asked for heartbeats only where the snapshot is fresh."""
    problems = [*([] if snapshot.fresh else [host.repository.away]), *_token_problems(host)]
    heard = _heard(host, snapshot, problems)
    believed = {server: one.beat for server, one in heard.items() if one.believed}
    expected = set(host.fleet.ids())
    silent = (expected | heard.keys()) - believed.keys()
    ages = observe(host.state, believed, host.clock(), not host.check_mode, silent)
    ids = sorted(expected | set(heard) | set(host.seen_servers(snapshot)))
    kept = host.state.read(STATUSES_FILE, lambda record: {str(name): str(at) for name, at in record.items()}) or {}
    newest = dict(kept)
    statuses = {server: _status(host, snapshot, server, newest) for server in ids}
    waiting = queued_status(host, snapshot)
    if waiting and host.id in statuses:
        statuses[host.id] = statuses[host.id]._replace(status=waiting, queued=True)
    if newest != kept and not host.check_mode:
        host.state.write_json(STATUSES_FILE, newest)
    servers = {server: _server(host, server, heard.get(server), ages.get(server), statuses[server]) for server in ids}
    for server in ids:
        if host.fleet.expected and server not in expected:
            servers[server]["expected"] = False
            servers[server]["problems"].append("it is not in the fleet file")
        elif servers[server]["state"] in ("stale", "missing") or servers[server]["problems"]:
            problems.append(f"{server}: {_summary(servers[server])}")
    messages = _messages(host, snapshot, ids, problems, reply_deadline)
    try:
        problems += audit(host, snapshot)
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
    """What is wrong with the token file, where the remote asks for a token."""
    is_asked = host.repository.url.startswith(("http://", "https://"))
    return token_file.problems(host.repository.pat_file) if is_asked else []


def _heard(host: Host, snapshot: Snapshot, problems: list[str]) -> dict[str, Heard]:
    try:
        return read_heartbeats(host, snapshot, fetch=snapshot.fresh)
    except (RemoteUnreachable, DeadlineReached, Locked) as error:
        problems.append(error.what)
        return read_heartbeats(host, snapshot, fetch=False)


def _server(host: Host, server: str, heard: Heard | None, age: Age | None, told: _Told) -> dict[str, Any]:
    beat = heard.beat if heard and heard.believed else {}
    said = beat.get("problems")
    said = [problem for problem in (said if isinstance(said, list) else [said]) if problem is not None]
    own = [problem if isinstance(problem, str) else json.dumps(problem) for problem in said]
    if beat.get("healthy") is False and not own:
        own.append("it says that it is not healthy")
    own += heard.doubts if heard else []
    if age and age.put_back:
        own.append("an older heartbeat of it was put back")
    seconds = age.seconds if age else None
    if heard and heard.believed and seconds is None:
        own.append("its heartbeat has no time that can be read")
    status, verdict, queued = told.status, told.verdict, told.queued
    own += told.problems
    interval = interval_of(beat)
    return {
        "state": "missing" if heard is None else _state(seconds, interval),
        "verified": heard.verdict.verified if heard else UNSIGNED,
        "verified_reason": heard.verdict.reason if heard else "no heartbeat",
        "age_seconds": None if seconds is None else round(seconds),
        "clock_skew_seconds": None if age is None or age.clock_skew is None else round(age.clock_skew),
        "interval_seconds": interval,
        "status": status.get("status") or "unknown",
        "status_queued": queued,
        "status_verified": verdict.verified,
        "status_verified_reason": verdict.reason,
        "manager": status.get("manager") or host.fleet.get(server).manager or "unknown",
        "manager_last_active": beat.get("manager_last_active"),
        "current_job": status.get("current_job"),
        "last_build": status.get("last_build"),
        "expected": True,
        "problems": own,
    }


class _Told(NamedTuple):
    """The status of a server, empty when it is not to be believed, the verdict on it, and what is wrong with it.

    :param queued: whether the status waits in the outbox, and the verdict and the problems are those of an older one.
    """

    status: dict[str, Any]
    verdict: Verification
    problems: list[str]
    queued: bool = False


def _status(host: Host, snapshot: Snapshot, server: str, newest: dict[str, str]) -> _Told:
    """What a server tells of itself.

    :param newest: for each server, when the newest status was written that was seen here; brought up to date.
    """
    try:
        status, verdict = read_status(host, snapshot, server)
    except CoordinationError as error:
        return _Told({}, Verification(UNSIGNED, "not readable"), [error.what.rstrip(".")])
    old = verdict.verified == UNSIGNED and is_before_keys(host, status, server)
    if status and not old and not is_trusted(host, server, verdict):
        return _Told({}, verdict, [f"its status is not believed: {verdict.reason}"])
    written, seen = parse_time(status.get("timestamp")), parse_time(newest.get(server))
    if written and is_ahead(written, host.clock()):
        return _Told({}, verdict, [f"its status is not believed: it is dated {utc_text(written)}, far ahead"])
    if written and seen and written < seen and seen - host.clock() <= CLOSE:
        return _Told({}, verdict, [f"an older status of it was put back, {seen - written} older than one seen before"])
    if written and verdict.verified == TRUE:
        newest[server] = utc_text(written)
    return _Told(status, verdict, [])


def _state(seconds: float | None, interval: float) -> str:
    scale = max(1.0, interval / DEFAULT_INTERVAL)
    if seconds is None or seconds > STALE * scale:
        return "stale"
    return "aging" if seconds > AGING * scale else "ok"


def _summary(server: dict[str, Any]) -> str:
    age = server["age_seconds"]
    if server["state"] == "missing":
        known = ["no heartbeat was ever seen" if age is None else f"its heartbeat, last seen {age} s ago, is gone"]
    else:
        known = [f"its last heartbeat is {age} s old"] if server["state"] == "stale" and age is not None else []
    return "; ".join([*known, *server["problems"]])


def _jobs(snapshot: Snapshot, problems: list[str]) -> dict[str, int]:
    try:
        document = snapshot.load_object(JOBS)
    except DocumentDamaged as error:
        problems.append(str(error))
        return {}
    jobs = document.value.get("jobs") if document else None
    if jobs is not None and not isinstance(jobs, list):
        problems.append(f'{JOBS} holds no list of jobs under "jobs"')
    listed = jobs if isinstance(jobs, list) else []
    statuses = [job.get("status") if isinstance(job, dict) else None for job in listed]
    return dict(Counter(one_line(str(status or "unknown")) for status in statuses))


def _messages(
    host: Host, snapshot: Snapshot, ids: list[str], problems: list[str], reply_deadline: int
) -> dict[str, Any]:
    try:
        entries = read_mailbox(snapshot).entries
    except DocumentDamaged as error:
        problems.append(str(error))
        return {"total": None, "unread": {}, "overdue_requests": [], "overdue_mail": [], "undeliverable": []}
    ledger = own_marks(host)
    fleet = host.fleet
    unread = {
        server: [e for e in entries if is_for(e, server, fleet) and not is_marked_read(e, server, fleet)]
        for server in ids
    }
    unread[host.id] = [e for e in entries if is_for(e, host.id, host.fleet) and not ledger.has(e)]
    now = host.clock()
    requests = [entry for entry in entries if type_of(entry) == "request" and is_late(entry, now, reply_deadline)]
    undeliverable = [entry for entry in entries if is_undeliverable(entry, fleet)]
    if undeliverable:
        number = "1 message is" if len(undeliverable) == 1 else f"{len(undeliverable)} messages are"
        problems.append(f"{number} for no server of this fleet; see 'builderctl read --undeliverable'")
    queued = [entry for item in Outbox(host.state).read().items for entry in item.messages]
    answers = Answers(host, snapshot, requests, [*entries, *queued])
    return {
        "total": len(entries),
        "unread": {server: len(waiting) for server, waiting in unread.items()},
        "overdue_requests": [_named(e, "id", "from", "to", "subject") for e in requests if answers.is_open(e)],
        "overdue_mail": [
            _named(e, "id", "from", "type", "subject", "timestamp")
            for e in unread[host.id]
            if is_late(e, now, reply_deadline)
        ],
        "undeliverable": [_named(e, "id", "from", "to", "type", "subject", "timestamp") for e in undeliverable],
    }


def _named(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    message = normalise(entry)
    return {name: message[name] for name in names}
