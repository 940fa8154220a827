# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status and the messages about a build job."""

from __future__ import annotations

import contextlib
from typing import Any

from ..documents.secret_policy import REDACT, apply_secret_policy
from ..errors import InvalidInput
from ..identity.fleet import ALL
from ..identity.host import Host
from ..mail.draft import MAX_BODY, Draft
from ..operations.send import send
from ..operations.set_status import write_status
from ..status.report import Report
from ..text import one_line
from ..timestamps import parse_time

MAX_LISTED_ARTIFACTS = 30
"""The maximum number of artifacts in a message."""
PRIORITY = {"success": "normal", "failed": "high"}


def publish_building(host: Host, record: dict[str, Any]) -> None:
    """Publish the status ``building`` with a job."""
    details = {name: record[name] for name in ("branch", "commit", "log")}
    write_status(host, Report("building", job=record["id"], **details))


def announce_start(host: Host, record: dict[str, Any]) -> None:
    """Send the partner a message that a job starts."""
    details = {name: record[name] for name in ("branch", "commit", "log")}
    where = f" of {details['commit']}" if details["commit"] else ""
    where += f" ({details['branch']})" if details["branch"] else ""
    _send(
        host,
        Draft(
            subject=f"Build started: {record['id']}",
            body=f"{host.id} builds {record['id']} from {record['source']}{where}. Started at {record['started_at']}, "
            f"for at most {record['time_limit']} s. Log on {host.id}: {record['log']}.",
            facts=_facts({"job": record["id"], **details, "started_at": record["started_at"]}),
            request={"action": "build_started", "job": record["id"]},
            key=_key(record, "started"),
        ),
    )


def publish_end(host: Host, record: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Publish the result of a job in the status and in a message to the partner.

    A repeated call publishes nothing.

    :param result: the result that the runner wrote, with ``gone`` if the runner ended without one.
    :return: the result of :func:`outcome`.
    """
    ended = outcome(host, record, result)
    report = Report(
        ended["status"],
        job=record["id"],
        branch=record["branch"],
        commit=record["commit"],
        log=record["log"],
        artifacts=ended["artifacts"],
        outcome={
            name: ended[name] for name in ("completed_at", "duration_seconds", "exit_code", "reason", "last_lines")
        },
    )
    with contextlib.suppress(InvalidInput):  # another job is current now; the message below reports this one
        write_status(host, report, REDACT)
    success = ended["status"] == "success"
    _send(
        host,
        Draft(
            subject=f"Build {'succeeded' if success else 'failed'}: {record['id']}",
            body=_body(host, record, ended),
            type="info" if success else "error",
            priority=PRIORITY[ended["status"]],
            facts=_facts(
                {
                    **{"job": record["id"], "status": ended["status"], "exit code": ended["exit_code"]},
                    **{"reason": ended["reason"], "duration in seconds": ended["duration_seconds"]},
                    **{"branch": record["branch"], "commit": record["commit"], "log": record["log"]},
                    **{f"SHA-256 of {one['path']}": one["sha256"] for one in ended["artifacts"][:MAX_LISTED_ARTIFACTS]},
                }
            ),
            request=None if success else {"action": "build_failed", "job": record["id"], "reason": ended["reason"]},
            key=_key(record, "ended"),
        ),
    )
    return ended


def outcome(host: Host, record: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Describe the result of a job.

    :return: ``status``, ``reason``, ``exit_code``, ``completed_at``, ``duration_seconds``, ``last_lines``,
        ``artifacts`` and ``more_artifacts``. The lines of the log are sanitized and redacted.
    """
    started, ended = parse_time(record["started_at"]), parse_time(result["ended_at"])
    lines = {"last lines": [one_line(line) for line in result["last_lines"]]}
    texts = apply_secret_policy(lines, host.repository.pat_file, host.repository.notes, REDACT)
    return {
        "status": "success" if result["exit_code"] == 0 and not _was_terminated(result) else "failed",
        "reason": _reason(record, result),
        "exit_code": result["exit_code"],
        "completed_at": result["ended_at"],
        "duration_seconds": max(0, int((ended - started).total_seconds())) if started and ended else None,
        "last_lines": texts["last lines"],
        "artifacts": result["artifacts"],
        "more_artifacts": result["more_artifacts"],
    }


def _was_terminated(result: dict[str, Any]) -> bool:
    return bool(result.get("timed_out") or result.get("stopped"))


def _reason(record: dict[str, Any], result: dict[str, Any]) -> str:
    if result.get("gone"):
        return "its process ended without a result"
    if result.get("timed_out"):
        return f"it was terminated at its time limit of {record['time_limit']} s"
    if result.get("stopped"):
        return "it was terminated by a signal to its runner"
    if result["signal"]:
        return f"killed by {result['signal']}"
    if result["exit_code"] is None:
        return "it could not be started"
    return f"exit code {result['exit_code']}"


def _body(host: Host, record: dict[str, Any], ended: dict[str, Any]) -> str:
    verb = "succeeded" if ended["status"] == "success" else "failed"
    after = "" if ended["duration_seconds"] is None else f" after {ended['duration_seconds']} s"
    lines = [
        f"Build {record['id']} {verb} on {host.id}{after}: {ended['reason']}.",
        f"Commit: {record['commit'] or 'unknown'}, branch: {record['branch'] or 'none'}.",
        f"Log on {host.id}: {record['log']}.",
    ]
    listed = ended["artifacts"][:MAX_LISTED_ARTIFACTS]
    lines += [f"Artifact {one['path']}, {one['size']} bytes, SHA-256 {one['sha256']}" for one in listed]
    more = len(ended["artifacts"]) - len(listed) + ended["more_artifacts"]
    lines += [f"{more} more artifact{'s' * (more != 1)}."] if more else []
    lines += ["Last lines of the log:", *(f"  {line}" for line in ended["last_lines"])] if ended["last_lines"] else []
    body = "\n".join(lines)
    return body if len(body) <= MAX_BODY else f"{body[: MAX_BODY - 1]}…"


def _facts(values: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple({"name": name, "value": value} for name, value in values.items() if value is not None)


def _key(record: dict[str, Any], event: str) -> str:
    """Return the idempotency key of a message about an event of a job."""
    run = f"-{record['log_start']}" if record["log_start"] else ""  # two runs of a job can start in one second
    return f"build-{record['id']}-{record['started_at']}{run}-{event}"


def _send(host: Host, draft: Draft) -> None:
    """Send a message to the partner, or to all without a partner.

    Nothing is sent if the fleet has no other server.
    """
    partner = host.fleet.get(host.id).partner
    others = [server for server in host.fleet.ids() if server != host.id]
    if partner or others or not host.fleet.expected:
        send(host, draft, [partner or (others[0] if len(others) == 1 else ALL)], REDACT)
