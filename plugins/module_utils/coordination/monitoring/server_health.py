# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server in the health of the fleet: its heartbeat, its status and its problems."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from ..errors import CoordinationError, sentence
from ..identity.host import Host
from ..identity.verification import TRUE, UNSIGNED, Verification, is_before_keys, is_trusted
from ..status.document import NO_STATUS, Status, read_status
from ..store.snapshot import Snapshot
from ..text import clean
from ..timestamps import duration, is_ahead, parse_time, utc_text
from .heartbeat import ServerHeartbeat
from .heartbeat_age import Age
from .heartbeat_document import DEFAULT_INTERVAL, Heartbeat
from .own_state import machine_problems, service_problems

AGING = 120
STALE = 300
"""Age of a heartbeat in seconds, for an interval of 60 s; a longer interval extends it in proportion."""
CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far in the future the newest known status may be dated to reject an older one. If it is dated further ahead, the
clock of its server was wrong and may have been corrected."""
FIND_WRITER = "Find out who can push, and rotate the token: see Troubleshoot in docs/operations.md"
ASK_WRITER = "Ask {} with a signed message what has written it: an old script, or somebody else."


class Problem(NamedTuple):
    """A problem of a server, and its remedy, which is empty if ``what`` has it."""

    what: str
    remedy: str = ""

    @property
    def text(self) -> str:
        return f"{sentence(self.what)} {self.remedy}" if self.remedy else self.what


class ServerStatus(NamedTuple):
    """The status of a server.

    :param status: the status; empty if it is not trusted.
    :param verification: the verification of its sender.
    :param problems: the problems because of which it is not trusted.
    :param queued: whether ``status`` is in the outbox; then the other values are those of the published one.
    """

    status: Status
    verification: Verification
    problems: list[Problem]
    queued: bool = False


def read_server_status(host: Host, snapshot: Snapshot, server: str, newest: dict[str, str]) -> ServerStatus:
    """Read the status of a server and decide whether to trust it.

    :param newest: for each server the timestamp of its newest known status, which is updated.
    """
    try:
        status, verification = read_status(host, snapshot, server)
    except CoordinationError as error:
        problem = Problem(error.what.rstrip("."), error.remedy)
        return ServerStatus(NO_STATUS, Verification(UNSIGNED, "not readable"), [problem])
    predates_keys = verification.verified == UNSIGNED and is_before_keys(host, status.written_at, server)
    if status and not predates_keys and not is_trusted(host, server, verification):
        writer = ASK_WRITER.format(server) if verification.verified == UNSIGNED else FIND_WRITER
        problem = Problem(f"its status is not trusted: {verification.reason}", writer)
        return ServerStatus(NO_STATUS, verification, [problem])
    written, seen = status.written_at, parse_time(newest.get(server))
    if written and is_ahead(written, host.clock()):
        ahead = f"its timestamp {utc_text(written)} is in the future"
        problem = Problem(f"its status is not trusted: {ahead}", "Compare the clocks of both servers: timedatectl")
        return ServerStatus(NO_STATUS, verification, [problem])
    if written and seen and written < seen and seen - host.clock() <= CLOCK_TOLERANCE:
        older = duration((seen - written).total_seconds())
        replaced = f"its status was replaced by an older one, {older} older than the newest known"
        return ServerStatus(NO_STATUS, verification, [Problem(replaced, FIND_WRITER)])
    if written and verification.verified == TRUE:
        newest[server] = utc_text(written)
    return ServerStatus(status, verification, [])


def server_entry(
    host: Host, server: str, heartbeat: ServerHeartbeat | None, age: Age | None, known: ServerStatus
) -> dict[str, Any]:
    """Return the entry of a server in the health, without its problems."""
    beat = _trusted_beat(heartbeat)
    seconds = age.seconds if age else None
    active = parse_time(beat.manager_last_active)
    status, verification = known.status, known.verification
    return {
        "state": "missing" if heartbeat is None else _state(seconds, beat.interval),
        "verified": heartbeat.verification.verified if heartbeat else UNSIGNED,
        "verified_reason": heartbeat.verification.reason if heartbeat else "no heartbeat",
        "age_seconds": None if seconds is None else round(seconds),
        "heartbeat_at": utc_text(beat.sent_at) if beat.sent_at else None,
        "clock_skew_seconds": None if age is None or age.clock_skew is None else round(age.clock_skew),
        "interval_seconds": beat.interval,
        "status": status.state,
        "status_queued": known.queued,
        "status_verified": verification.verified,
        "status_verified_reason": verification.reason,
        "manager": status.manager or host.fleet.get(server).manager or "unknown",
        "manager_last_active": beat.manager_last_active,
        "manager_last_active_seconds": round((host.clock() - active).total_seconds()) if active else None,
        "current_job": clean(status.current_job),
        "last_build": clean(status.last_build),
        "attention": [] if server == host.id else beat.attention,
        "alerts": beat.sends_alerts,
    }


def server_problems(
    host: Host,
    server: str,
    heartbeat: ServerHeartbeat | None,
    age: Age | None,
    known: ServerStatus,
    difference: float | None,
) -> list[Problem]:
    """Return the problems of a server: those that it reports, and those of its documents.

    Those of this server are determined now, not when its service has published its last heartbeat.

    :param difference: the result of :func:`clock_difference`.
    """
    beat = _trusted_beat(heartbeat)
    reported = beat.problems
    if server == host.id:
        reported = [*machine_problems(host, difference).values(), *service_problems(host)]
    found = [Problem(text) for text in dict.fromkeys(reported)]
    unsigned = heartbeat is not None and heartbeat.verification.verified == UNSIGNED
    writer = ASK_WRITER.format(server) if unsigned else FIND_WRITER
    found += [Problem(text, writer) for text in (heartbeat.problems if heartbeat else ())]
    if age and age.is_replay:
        found.append(Problem("its heartbeat was replaced by an older one", FIND_WRITER))
    if heartbeat and heartbeat.trusted and (age is None or age.seconds is None):
        found.append(Problem("its heartbeat has no valid timestamp", ASK_WRITER.format(server)))
    return found + known.problems


def silence(server: str, entry: dict[str, Any]) -> list[Problem]:
    """Return the problem of a server that publishes no heartbeat."""
    age = entry["age_seconds"]
    recover = f"Run on the controller: ansible-playbook playbooks/recover.yml -l {server}"
    if entry["state"] == "missing" and age is not None:
        return [Problem(f"its heartbeat, last seen {duration(age)} ago, was deleted", FIND_WRITER)]
    if entry["state"] == "missing":
        return [Problem("it has no heartbeat", recover)]
    if entry["state"] == "stale" and age is not None:
        return [Problem(f"its last heartbeat is {duration(age)} old", recover)]
    return []


def _trusted_beat(heartbeat: ServerHeartbeat | None) -> Heartbeat:
    return heartbeat.beat if heartbeat and heartbeat.trusted else Heartbeat({})


def _state(seconds: float | None, interval: float) -> str:
    scale = max(1.0, interval / DEFAULT_INTERVAL)
    if seconds is None or seconds > STALE * scale:
        return "stale"
    return "aging" if seconds > AGING * scale else "ok"
