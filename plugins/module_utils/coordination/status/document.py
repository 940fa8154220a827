# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a server: its state, its current job and its last build."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .. import machine
from ..documents.json_document import MAX_NESTING, Document, nesting, new_document
from ..errors import InvalidInput
from ..identity import signatures
from ..identity.fleet import Server
from ..identity.host import Host
from ..identity.verification import TRUE, UNSIGNED, Verification, Verifier
from ..store.snapshot import Snapshot
from ..text import as_line, clean, one_line, short
from ..timestamps import parse_time, utc_text
from .report import FINISHED, Report

MAX_UNVERIFIED = 100_000
"""The maximum size, in characters of JSON, of the content that is kept of an unsigned status."""
_OWN_MEMBERS = frozenset(
    {"server", "hostname", "ip", "manager", "status", "current_job", "timestamp", "system", "repository", "signature"}
    | {signatures.UNVERIFIED}
)
"""The members that every new status sets itself."""


@dataclass(frozen=True)
class Status:
    """The status of a server. Each field has its type, whatever the document has.

    :param raw: the document as it is in the file, which must not be changed; empty if there is none. The signature
        covers it.
    """

    raw: dict[str, Any]

    def __bool__(self) -> bool:
        return bool(self.raw)

    @property
    def state(self) -> str:
        """The state on one line, ``unknown`` if there is none. The shell scripts may use others than ``STATES``."""
        return as_line(self.raw.get("status") or "unknown")

    @property
    def manager(self) -> str:
        """The name of the manager on one line, empty if there is none."""
        return as_line(self.raw.get("manager") or "")

    @property
    def written_at(self) -> datetime | None:
        """The time in UTC, None without a valid one."""
        return parse_time(self.raw.get("timestamp"))

    @property
    def current_job(self) -> dict[str, Any] | None:
        """The current job, not sanitized; None if there is none."""
        return _mapping(self.raw.get("current_job"))

    @property
    def last_build(self) -> dict[str, Any] | None:
        """The last build, not sanitized; None if there is none."""
        return _mapping(self.raw.get("last_build"))

    def as_dict(self) -> dict[str, Any]:
        """Return the whole document for output, sanitized."""
        document: dict[str, Any] = clean(self.raw)
        return document


NO_STATUS = Status({})
"""The status of a server that has published none, or whose status is not trusted."""


def _mapping(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def status_path(server: str) -> str:
    """Return the path of a status document in the Build repository."""
    return f"{server}/status.json"


def read_status(host: Host, snapshot: Snapshot, server: str) -> tuple[Status, Verification]:
    """Return the status of a server with its verification.

    :raises DocumentDamaged: if it cannot be parsed.
    """
    document = snapshot.load_object(status_path(server))
    status = Status(document.value if document else {})
    return status, verify_status(host, status, server)


def merge_reports(
    host: Host, document: Document | None, reports: Iterable[tuple[Report, datetime]]
) -> tuple[Document | None, Status]:
    """Merge reports into the status of this server, without signing it.

    :param document: the document in the repository, None if there is none.
    :param reports: each report with its time in UTC.
    :return: the document, None if this server did not sign it, and the new status, which equals the old one if the
        reports change nothing.
    :raises InvalidInput: if a report names another job than the current one.
    """
    unverified: dict[str, Any] = {}
    if document and not _is_signed(host, Status(document.value)):
        unverified = _unverified_content(host, Status(document.value))
        document = None  # content written by others must not get the signature of this server
    status = Status(document.value if document else {})
    for report, time in reports:
        old = status.raw
        members = {**_identity(host.fleet.get(host.id), status), **_members(status, report, time)}
        if not all(name in old and old[name] == new for name, new in members.items()):
            status = Status({**old, **members, "timestamp": utc_text(time)})
    return document, Status({**status.raw, **unverified})


def apply_reports(
    host: Host, document: Document | None, reports: Iterable[tuple[Report, datetime]]
) -> tuple[bytes, Status]:
    """Apply reports to the status document of this server and sign it.

    :param document: the document in the repository, None if there is none.
    :param reports: each report with its time in UTC.
    :return: the new file, empty if the reports change nothing, and the status in it.
    :raises InvalidInput: if a report names another job than the current one.
    :raises SigningFailed: if this server cannot sign.
    """
    document, status = merge_reports(host, document, reports)
    old = document.value if document else {}
    if status.raw == old:
        return b"", status
    facts = {"system": machine.system_facts(), "capabilities": old.get("capabilities") or machine.capabilities()}
    signed = host.signed({**status.raw, **facts}, signatures.STATUS)
    changes = {name: new for name, new in signed.items() if name not in old or old[name] != new}
    return document.with_members(changes) if document else new_document(changes), Status({**old, **changes})


def _unverified_content(host: Host, replaced: Status) -> dict[str, Any]:
    """Return the content to keep of a status that this server did not sign.

    It becomes the unsigned member of the new status, and a note is added.

    Content with the signature of another server, and content above ``MAX_UNVERIFIED``, is not kept.
    """
    verification = verify_status(host, replaced, host.id)
    earlier = _mapping(replaced.raw.get(signatures.UNVERIFIED)) or {}
    rest = {name: value for name, value in replaced.raw.items() if name not in _OWN_MEMBERS and value is not None}
    rest = clean({**earlier, **rest}, str)
    is_small = nesting(rest) < MAX_NESTING and len(json.dumps(rest)) <= MAX_UNVERIFIED
    is_kept = verification.verified == UNSIGNED and is_small
    if rest:
        result = f"kept under {signatures.UNVERIFIED!r} in the new one" if is_kept else "removed"
        note = (
            f"The status of {host.id} was not signed by {host.id} ({verification.reason}). "
            f"These members were {result}: {short(', '.join(rest))}."
        )
        if note not in host.repository.notes:
            host.repository.notes.append(note)
    return {signatures.UNVERIFIED: rest} if rest and is_kept else {}


def summary_of(report: Report, status: Status) -> str:
    """Summarize a report for the message of a commit.

    :param status: the status after the report.
    """
    job = status.current_job or (status.last_build if report.status in FINISHED else None) or {}
    return f"{report.status} ({one_line(str(job['id']))})" if job.get("id") else report.status


def verify_status(host: Host, status: Status, server: str) -> Verification:
    """Verify that a status was signed by a server."""
    return Verifier(host, signatures.STATUS).verify([(status.raw, server)])[0]


def _is_signed(host: Host, status: Status) -> bool:
    """Return whether this server signed a status; true without trusted keys."""
    return not host.signers.repository or verify_status(host, status, host.id).verified == TRUE


def _identity(server: Server, old: Status) -> dict[str, Any]:
    """Return the members about the server.

    None of them is empty, because a hook of the shell scripts rejects empty ones.
    """
    hostname = machine.hostname()
    return {
        "server": server.id,
        "hostname": server.hostname or old.raw.get("hostname") or hostname,
        "ip": server.ip or old.raw.get("ip") or "unknown",
        "manager": server.manager or old.raw.get("manager") or "unknown",
    }


def _members(old: Status, report: Report, now: datetime) -> dict[str, Any]:
    """Return the members that a report sets."""
    job = old.current_job
    last = {} if "last_build" in old.raw else {"last_build": None}
    given = {"branch": report.branch, "commit": report.commit, "log": report.log}
    given = {name: value for name, value in given.items() if value is not None}
    if report.status == "idle":
        return {"status": "idle", "current_job": None, **last}
    if report.status == "building":
        if job and report.job in (None, job.get("id")) and old.state == "building":
            current = {**job, **given}
        else:
            current = {"id": report.job or f"job_{int(now.timestamp())}", "started_at": utc_text(now)}
            current.update({"branch": None, "commit": None, "log": None, **given})
        return {"status": "building", "current_job": current, **last}
    return {"status": report.status, "current_job": None, "last_build": _last_build(old, report, given, now)}


def _last_build(old: Status, report: Report, given: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the member ``last_build`` after a report that a job ended.

    :raises InvalidInput: if the report names another job than the current one.
    """
    job, last = old.current_job, old.last_build or {}
    if job is None and last.get("status") == report.status and report.job in (None, last.get("id")):
        return {
            **last,
            **given,
            **({"artifacts": list(report.artifacts)} if report.artifacts else {}),
            **report.outcome,
        }
    if job and report.job not in (None, job.get("id")):
        raise InvalidInput(
            f"The current job is {one_line(str(job.get('id')))}, not {report.job}.",
            "End that job first with 'builderctl status failed', or omit the job.",
        )
    job = job or {}
    started = parse_time(job.get("started_at"))
    return {
        "id": job.get("id") or report.job or f"job_{int(now.timestamp())}",
        "status": report.status,
        "branch": given.get("branch", job.get("branch")),
        "commit": given.get("commit", job.get("commit")),
        "started_at": job.get("started_at"),
        "completed_at": utc_text(now),
        "duration_seconds": max(0, int((now - started).total_seconds())) if started else None,
        "log": given.get("log", job.get("log")),
        "artifacts": list(report.artifacts),
        **report.outcome,
    }
