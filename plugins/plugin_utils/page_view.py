# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the templates of the page about the fleet show, from the facts of the servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.comparison import IDENTICAL, KINDS
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.own_state import overdue_mail
from ansible_collections.acs.builders.plugins.module_utils.coordination.text import one_line, short
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import duration, parse_time, utc_text
from ansible_collections.acs.builders.plugins.plugin_utils.page_drawings import draw_builds, draw_traffic, draw_waits

MAX_DIFFERENCES = 300
"""The number of differing entries of the environments that are shown; the rest is counted."""
MAX_PROBLEMS = 20
"""The number of problems of a server, and of the fleet, that are shown."""
MAX_COUNTS = 10
"""The number of statuses of jobs whose jobs are counted."""
MAX_TEXT = 500
"""The maximum number of characters of a problem."""
STATES = ("ok", "aging", "stale", "missing")
SILENT = ("stale", "missing")


def page_view(
    health: Mapping[str, Any], dashboard: Mapping[str, Any], environment: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the page shows. It depends on the facts alone, not on the time at which it is written.

    :param health: the fact ``build_heartbeat``.
    :param dashboard: the return value ``dashboard`` of build_dashboard.
    :param environment: the result of the filter compare_environments; empty without a comparison.
    """
    servers = [_server(name, server, health) for name, server in health["servers"].items()]
    return {
        "servers": servers,
        "states": {state: sum(one["state"] == state for one in servers) for state in STATES},
        "silent": SILENT,
        "problems": list(_fleet_problems(health))[:MAX_PROBLEMS],
        "as_of": _newest(servers, dashboard),
        "seen_by": health["server_id"],
        "total_messages": health["messages"]["total"],
        "undeliverable": len(health["messages"]["undeliverable"]),
        "job_counts": {short(status): number for status, number in list(health["jobs"].items())[:MAX_COUNTS]},
        **{name: dashboard[name] for name in ("questions", "conversations", "waits", "jobs")},
        "builds": {**dashboard["builds"], "rows": [_timed(build) for build in dashboard["builds"]["rows"]]},
        "environment": _environment(environment),
        "drawings": {
            "waits": draw_waits(dashboard["waits"]["rows"]),
            "builds": draw_builds(dashboard["builds"]["rows"]),
            "traffic": draw_traffic(dashboard["traffic"]),
        },
    }


def _server(name: str, server: Mapping[str, Any], health: Mapping[str, Any]) -> dict[str, Any]:
    job, build = server["current_job"] or {}, server["last_build"] or {}
    problems = [short(one_line(problem), MAX_TEXT) for problem in _problems(name, server, health)]
    return {
        "name": name,
        **{key: server[key] for key in ("state", "status", "status_queued", "verified", "verified_reason")},
        "manager": short(str(server["manager"])),
        "heartbeat_at": server["heartbeat_at"],
        "active_at": _time(server["manager_last_active"]),
        "unread": health["messages"]["unread"].get(name, 0),
        "job": {"id": _line(job.get("id")), "started_at": _time(job.get("started_at"))} if job else None,
        "build": {key: _line(build.get(key)) for key in ("id", "status")} | {"at": _time(build.get("completed_at"))},
        "problems": problems[:MAX_PROBLEMS],
        "more_problems": max(0, len(problems) - MAX_PROBLEMS),
    }


def _problems(name: str, server: Mapping[str, Any], health: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of a server, each with its remedy, and what its manager has to do.

    The age of its heartbeat and of its mail are left out, because other cells show the times.
    """
    for what in server["problems"]:
        start = f"{name}: {what}"
        whole = next((text for text in health["problems"] if text.startswith(start)), start)
        yield whole[len(name) + 2 :]
    with_age = overdue_mail(health["messages"]["overdue_mail"])
    yield from (text for text in server["attention"] if text not in with_age)


def _timed(build: Mapping[str, Any]) -> dict[str, Any]:
    """Return a build with its duration, in seconds and in words."""
    start, end = parse_time(build["started_at"]), parse_time(build["completed_at"])
    seconds = max(0, int((end - start).total_seconds())) if start and end else None
    return {**build, "seconds": seconds, "took": "" if seconds is None else duration(seconds)}


def _fleet_problems(health: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems that are not those of one server, which its row shows."""
    for problem in [*health["problems"], *health["attention"]]:
        if problem.partition(": ")[0] not in health["servers"]:
            yield short(one_line(problem), MAX_TEXT)


def _newest(servers: list[dict[str, Any]], dashboard: Mapping[str, Any]) -> str:
    """Return the time of the newest fact on the page; empty if none has a time."""
    messages = [one["timestamp"] for thread in dashboard["conversations"]["threads"] for one in thread["messages"][-1:]]
    builds = [build["completed_at"] for build in dashboard["builds"]["rows"][:1]]
    times = map(parse_time, [*(server["heartbeat_at"] for server in servers), *messages, *builds])
    newest = max(filter(None, times), default=None)
    return utc_text(newest) if newest else ""


def _environment(compared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names that differ, each with its versions and the servers that have them."""
    if not compared:
        return {"servers": [], "rows": [], "more": 0, "counts": {}}
    rows = [
        {"kind": kind, "name": name, "state": entry["state"], "versions": _grouped(entry["versions"])}
        for kind in KINDS
        for name, entry in compared[kind].items()
        if entry["state"] != IDENTICAL
    ]
    return {
        "servers": compared["servers"],
        "counts": compared["counts"],
        "rows": rows[:MAX_DIFFERENCES],
        "more": max(0, len(rows) - MAX_DIFFERENCES),
    }


def _grouped(versions: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Return the versions of a name, each with the servers that have it."""
    servers: dict[str, list[str]] = {}
    for server, version in versions.items():
        servers.setdefault("missing" if version is None else short(version), []).append(server)
    return [{"version": version, "servers": short(", ".join(names))} for version, names in servers.items()]


def _line(value: Any) -> str:
    return "" if value is None else short(one_line(str(value)))


def _time(value: Any) -> str:
    """Return a time in UTC as text; empty if the value is not a time."""
    when = parse_time(value)
    return utc_text(when) if when else ""
