# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of the fleet: heartbeats, statuses, jobs, and overdue messages."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..delivery.outbox import Outbox
from ..delivery.queued_status import queued_status
from ..errors import DocumentDamaged, sentence
from ..identity.host import JOBS, Host
from ..mail.audit import audit
from ..mail.audit_state import Alarm
from ..mail.waiting import service_runs
from ..store.snapshot import Snapshot
from ..text import one_line
from ..timestamps import parse_time
from .clocks import clock_difference
from .heartbeat import newest_heartbeats
from .heartbeat_age import observe
from .mail_health import NOT_READABLE, look_at_mail, undeliverable_mail
from .own_state import own_attention
from .server_health import read_server_status, server_entry, server_problems, silence

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
    host.repository.notes[:] = [note for note in host.repository.notes if note != host.repository.away]
    attention = own_attention(host, health["messages"]["overdue_mail"])
    if host.id in health["servers"]:
        health["servers"][host.id]["attention"] = attention
    outbox, now = Outbox(host.state).read(), host.clock()
    since = parse_time(outbox.items[0].accepted_at) if outbox.items else None
    health["outbox"] = {
        "waiting": len(outbox.items),
        "waiting_since": outbox.items[0].accepted_at if outbox.items else None,
        "waiting_seconds": round((now - since).total_seconds()) if since else None,
        "set_aside": len(outbox.rejected),
    }
    health["attention"] = [f"{host.id}: {text}" for text in attention] + health["attention"]
    return health


def look_at_health(
    host: Host, snapshot: Snapshot, reply_deadline: int = REPLY_DEADLINE, keep: bool = False
) -> dict[str, Any]:
    """Return the health, as :func:`read_health`, of a snapshot, without what the manager of this server has to do.

    The heartbeats are fetched if the snapshot is fresh.
    """
    problems = [] if snapshot.fresh else [f"{sentence(host.repository.away)} Writes wait in the outbox meanwhile."]
    heartbeats = newest_heartbeats(host, snapshot, problems)
    trusted = {server: heartbeat.beat for server, heartbeat in heartbeats.items() if heartbeat.trusted}
    expected = set(host.fleet.ids())
    silent = (expected | heartbeats.keys()) - trusted.keys()
    ages = observe(host.state, trusted, host.clock(), keep, silent)
    ids = sorted(expected | set(heartbeats) | set(host.seen_servers(snapshot)))
    kept = host.state.read(STATUSES_FILE, lambda record: {str(name): str(at) for name, at in record.items()}) or {}
    newest = dict(kept)
    statuses = {server: read_server_status(host, snapshot, server, newest) for server in ids}
    queued = queued_status(host, snapshot)
    if queued and host.id in statuses:
        statuses[host.id] = statuses[host.id]._replace(status=queued, queued=True)
    if keep and newest != kept:
        host.state.write_json(STATUSES_FILE, newest)
    difference = clock_difference(host, heartbeats, ages)
    servers, attention = {}, []
    for server in ids:
        found = server_problems(host, server, heartbeats.get(server), ages.get(server), statuses[server], difference)
        entry = server_entry(host, server, heartbeats.get(server), ages.get(server), statuses[server])
        entry["problems"] = [problem.what for problem in found]
        entry["expected"] = not host.fleet.expected or server in expected
        servers[server] = entry
        if not entry["expected"]:
            entry["problems"].append("it is not in the fleet file")
            continue
        found = [*silence(server, entry), *found]
        problems += [f"{server}: {problem.text}" for problem in found]
        attention += [f"{server}: {text}" for text in entry["attention"]]
    messages = _messages(host, snapshot, ids, problems, reply_deadline)
    alarms = _alarms(host, snapshot, problems, keep)
    problems += [
        f"{sentence(alarm.text)} When you know the reason, on {host.id}: builderctl health --dismiss {alarm.id}"
        for alarm in alarms
        if not alarm.dismissed
    ]
    return {
        "server_id": host.id,
        "partner": host.fleet.get(host.id).partner,
        "servers": servers,
        "jobs": _jobs(snapshot, problems),
        "messages": messages,
        "alarms": [{**alarm._asdict(), "age_seconds": _age(host, alarm)} for alarm in alarms],
        "service_running": service_runs(host.state),
        "clock_difference_seconds": None if difference is None else round(difference),
        "remote_age_seconds": round(snapshot.age),
        "problems": problems,
        "attention": attention + undeliverable_mail(messages),
        "healthy": not problems,
    }


def _jobs(snapshot: Snapshot, problems: list[str]) -> dict[str, int]:
    try:
        document = snapshot.load_object(JOBS)
    except DocumentDamaged as error:
        problems.append(str(error))
        return {}
    jobs = document.value.get("jobs") if document else None
    if jobs is not None and not isinstance(jobs, list):
        problems.append(f'{JOBS} has no list of jobs under "jobs". Correct the file with an ordinary commit.')
    listed = jobs if isinstance(jobs, list) else []
    statuses = [job.get("status") if isinstance(job, dict) else None for job in listed]
    return dict(Counter(one_line(str(status or "unknown")) for status in statuses))


def _messages(
    host: Host, snapshot: Snapshot, ids: list[str], problems: list[str], reply_deadline: int
) -> dict[str, Any]:
    try:
        return look_at_mail(host, snapshot, ids, reply_deadline)
    except DocumentDamaged as error:
        problems.append(str(error))
        return dict(NOT_READABLE)


def _alarms(host: Host, snapshot: Snapshot, problems: list[str], keep: bool) -> list[Alarm]:
    try:
        return audit(host, snapshot, keep)
    except DocumentDamaged as error:
        problems += [str(error)] if str(error) not in problems else []
        return []


def _age(host: Host, alarm: Alarm) -> int:
    now = host.clock()
    return max(0, round((now - (parse_time(alarm.at) or now)).total_seconds()))
