# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page about the fleet shows beside the health: questions, conversations, waits, builds, jobs and traffic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ..documents.secret_policy import own_token
from ..errors import DocumentDamaged
from ..identity.host import JOBS, Host
from ..mail.mailbox import readable_messages
from ..mail.message import TYPES, Message
from ..mail.operator_questions import open_questions
from ..secrets.scanner import redact_in
from ..store.snapshot import Snapshot
from ..text import as_line, clean, short
from ..timestamps import is_ahead
from .build_history import past_builds
from .conversations import fitting, newest_conversations, shown_messages
from .waits import open_waits

TRAFFIC_DAYS = 30
"""The number of days whose messages are counted, up to the day of the newest message."""
MAX_ROWS = 100
"""The maximum number of questions, waits, builds and jobs; further ones are counted."""
MAX_QUESTIONS = 150_000
"""The maximum size of the shown questions in bytes; further ones are counted."""
JOB_TEXTS = ("id", "type", "status", "assigned_to", "created_at", "description")


def read_dashboard(host: Host) -> dict[str, Any]:
    """Return what a page about the fleet shows beside the health. The texts have no secrets.

    :return: the return value ``dashboard`` of the module build_dashboard.
    :raises RemoteError: if the remote rejects the fetch, or was never reached.
    """
    shown = host.repository.read(lambda snapshot: look_at_dashboard(host, snapshot))
    redacted: dict[str, Any] = redact_in(shown, own_token(host.repository.pat_file))[0]
    return redacted


def look_at_dashboard(host: Host, snapshot: Snapshot) -> dict[str, Any]:
    """Return what a page shows, as :func:`read_dashboard`, of a snapshot. A damaged mailbox counts as empty."""
    entries = readable_messages(snapshot) or []
    servers = sorted({*host.fleet.ids(), *host.seen_servers(snapshot)})
    return {
        "questions": _questions(host, entries),
        "conversations": newest_conversations(host, entries),
        "waits": _first(open_waits(host, snapshot, entries)),
        "builds": _first(past_builds(host, snapshot, servers)),
        "jobs": _first(_jobs(snapshot)),
        "traffic": count_by_day(entries, host.clock()),
    }


def count_by_day(entries: Sequence[Message], now: datetime) -> list[dict[str, Any]]:
    """Count messages by day, in UTC.

    :param now: the time in UTC. Messages dated ahead of it are left out.
    :return: for each of the ``TRAFFIC_DAYS`` up to the day of the newest message the ``day``, as in ``2026-11-22``, and
        ``counts``, the number of messages by type; an empty list without messages.
    """
    times = [(entry.sent_at, entry.type) for entry in entries]
    dated = [(when.date(), kind) for when, kind in times if when and not is_ahead(when, now)]
    if not dated:
        return []
    counts = Counter(dated)
    last = max(day for day, _kind in dated)
    days = [last - timedelta(days=before) for before in range(TRAFFIC_DAYS - 1, -1, -1)]
    return [{"day": day.isoformat(), "counts": {kind: counts[day, kind] for kind in TYPES}} for day in days]


def _questions(host: Host, entries: Sequence[Message]) -> dict[str, Any]:
    """Return the open questions to the operator, as many as a page can show."""
    asked = open_questions(entries, host)
    rows = shown_messages(host, fitting(host, asked[:MAX_ROWS], MAX_QUESTIONS), entries)
    return {"rows": rows, "more": len(asked) - len(rows)}


def _first(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"rows": rows[:MAX_ROWS], "more": max(0, len(rows) - MAX_ROWS)}


def _jobs(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return the jobs of the Build repository, the newest first. They are not signed."""
    try:
        document = snapshot.load_object(JOBS)
    except DocumentDamaged:
        return []
    jobs = document.value.get("jobs") if document else None
    listed = [job for job in jobs if isinstance(job, dict)] if isinstance(jobs, list) else []
    return [{name: short(as_line(clean(job.get(name)))) for name in JOB_TEXTS} for job in reversed(listed)]
