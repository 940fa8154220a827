# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status document of a server: its state, its current job and its last build."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .. import machine
from ..documents.json_document import MAX_NESTING, Document, check_text, nesting, new_document
from ..documents.secret_policy import REFUSE, apply_secret_policy
from ..errors import InvalidInput
from ..identity import signatures
from ..identity.fleet import Server
from ..identity.host import Host
from ..identity.verification import TRUE, UNSIGNED, Verification, Verifier
from ..store.snapshot import Snapshot
from ..text import clean, one_line, short
from ..timestamps import parse_time, utc_text

STATES = ("idle", "building", "success", "failed")
FINISHED = ("success", "failed")
MAX_UNVERIFIED = 100_000
"""The maximum size, in characters of JSON, of the content that is kept of an unsigned status."""
_OWN_MEMBERS = frozenset(
    {"server", "hostname", "ip", "manager", "status", "current_job", "timestamp", "system", "repository", "signature"}
    | {signatures.UNVERIFIED}
)
"""The members that every new status sets itself."""


@dataclass(frozen=True)
class Report:
    """A report of this server about its state.

    :param status: one of ``STATES``.
    :param job: the id of the job that starts or ends.
    :param branch: the Git branch that is built.
    :param commit: the Git commit that is built.
    :param log: the path of the log on this server.
    :param artifacts: the files that were built: paths, or mappings with ``path``, ``size`` (bytes) and ``sha256``.
    :param outcome: further members of ``last_build``.
    """

    status: str
    job: str | None = None
    branch: str | None = None
    commit: str | None = None
    log: str | None = None
    artifacts: Sequence[Any] = ()
    outcome: dict[str, Any] = field(default_factory=dict)


def parse_report(record: Any) -> Report:
    """Parse a report from the outbox.

    :raises TypeError: if it has another form.
    """
    report = Report(**record)
    texts = [report.job, report.branch, report.commit, report.log]
    are_texts = all(text is None or isinstance(text, str) for text in texts)
    are_containers = isinstance(report.outcome, dict) and isinstance(report.artifacts, list)
    if report.status not in STATES or not are_texts or not are_containers:
        raise TypeError("a status report has a value of another type")
    return report


def status_path(server: str) -> str:
    """Return the path of a status document in the Build repository."""
    return f"{server}/status.json"


def load_status(snapshot: Snapshot, server: str) -> dict[str, Any]:
    """Return the status document of a server; empty if there is none.

    :raises DocumentDamaged: if it cannot be parsed.
    """
    document = snapshot.load_object(status_path(server))
    return document.value if document else {}


def read_status(host: Host, snapshot: Snapshot, server: str) -> tuple[dict[str, Any], Verification]:
    """Return the sanitized status of a server with its verification.

    The status is empty if there is none.

    :raises DocumentDamaged: if it cannot be parsed.
    """
    status = load_status(snapshot, server)
    return clean(status), verify_status(host, status, server)


def check_report(host: Host, report: Report, secrets: str = REFUSE) -> Report:
    """Validate a report and apply the policy for secrets to its texts.

    :param secrets: the policy for secrets, see :mod:`.secret_policy`.
    :raises InvalidInput: if a value is invalid.
    :raises SecretFound: if a text contains a secret and the policy is to refuse it.
    """
    if report.status not in STATES:
        raise InvalidInput(f"{report.status!r} is not a status.", f"Use one of {', '.join(STATES)}.")
    texts = {name: getattr(report, name) for name in ("job", "branch", "commit", "log")}
    texts["artifacts"], texts["outcome"] = list(report.artifacts), report.outcome
    check_text(list(texts.values()), "the status")
    return replace(report, **apply_secret_policy(texts, host.repository.pat_file, host.repository.notes, secrets))


def merge_reports(
    host: Host, document: Document | None, reports: Iterable[tuple[Report, datetime]]
) -> tuple[Document | None, dict[str, Any]]:
    """Merge reports into the status of this server, without signing it.

    :param document: the document in the repository, None if there is none.
    :param reports: each report with its time in UTC.
    :return: the document, None if this server did not sign it, and the new value, which equals the value of the
        document if the reports change nothing.
    :raises InvalidInput: if a report names another job than the current one.
    """
    unverified: dict[str, Any] = {}
    if document and not _is_signed(host, document.value):
        unverified = _unverified_content(host, document.value)
        document = None  # content written by others must not get the signature of this server
    value = document.value if document else {}
    for report, time in reports:
        members = {**_identity(host.fleet.get(host.id), value), **_members(value, report, time)}
        if not all(name in value and value[name] == new for name, new in members.items()):
            value = {**value, **members, "timestamp": utc_text(time)}
    return document, {**value, **unverified}


def apply_reports(
    host: Host, document: Document | None, reports: Iterable[tuple[Report, datetime]]
) -> tuple[bytes, dict[str, Any]]:
    """Apply reports to the status document of this server and sign it.

    :param document: the document in the repository, None if there is none.
    :param reports: each report with its time in UTC.
    :return: the new file, empty if the reports change nothing, and its value.
    :raises InvalidInput: if a report names another job than the current one.
    :raises SigningFailed: if this server cannot sign.
    """
    document, value = merge_reports(host, document, reports)
    old = document.value if document else {}
    if value == old:
        return b"", old
    facts = {"system": machine.system_facts(), "capabilities": old.get("capabilities") or machine.capabilities()}
    signed = host.signed({**value, **facts}, signatures.STATUS)
    changes = {name: new for name, new in signed.items() if name not in old or old[name] != new}
    return document.with_members(changes) if document else new_document(changes), {**old, **changes}


def _unverified_content(host: Host, replaced: dict[str, Any]) -> dict[str, Any]:
    """Return the content to keep of a status that this server did not sign.

    It becomes the unsigned member of the new status, and a note is added.

    Content with the signature of another server, and content above ``MAX_UNVERIFIED``, is not kept.
    """
    verification = verify_status(host, replaced, host.id)
    earlier = replaced.get(signatures.UNVERIFIED)
    rest = {name: value for name, value in replaced.items() if name not in _OWN_MEMBERS and value is not None}
    rest = clean({**(earlier if isinstance(earlier, dict) else {}), **rest}, str)
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


def summary_of(report: Report, status: dict[str, Any]) -> str:
    """Summarize a report for the message of a commit.

    :param status: the document after the report.
    """
    job = status.get("current_job") or (status.get("last_build") if report.status in FINISHED else None)
    named = isinstance(job, dict) and job.get("id")
    return f"{report.status} ({one_line(str(job['id']))})" if named and job else report.status


def verify_status(host: Host, status: dict[str, Any], server: str) -> Verification:
    """Verify that a status document was signed by a server."""
    return Verifier(host, signatures.STATUS).verify([(status, server)])[0]


def _is_signed(host: Host, status: dict[str, Any]) -> bool:
    """Return whether this server signed a status; true without trusted keys."""
    return not host.signers.repository or verify_status(host, status, host.id).verified == TRUE


def _identity(server: Server, old: dict[str, Any]) -> dict[str, Any]:
    """Return the members about the server.

    None of them is empty, because a hook of the shell scripts rejects empty ones.
    """
    hostname = machine.hostname()
    return {
        "server": server.id,
        "hostname": server.hostname or old.get("hostname") or hostname,
        "ip": server.ip or old.get("ip") or "unknown",
        "manager": server.manager or old.get("manager") or "unknown",
    }


def _members(old: dict[str, Any], report: Report, now: datetime) -> dict[str, Any]:
    """Return the members that a report sets."""
    job = old.get("current_job")
    job = job if isinstance(job, dict) else None
    given = {"branch": report.branch, "commit": report.commit, "log": report.log}
    given = {name: value for name, value in given.items() if value is not None}
    if report.status == "idle":
        return {"status": "idle", "current_job": None, **({} if "last_build" in old else {"last_build": None})}
    if report.status == "building":
        if job and report.job in (None, job.get("id")) and old.get("status") == "building":
            current = {**job, **given}
        else:
            current = {"id": report.job or f"job_{int(now.timestamp())}", "started_at": utc_text(now)}
            current.update({"branch": None, "commit": None, "log": None, **given})
        return {"status": "building", "current_job": current, **({} if "last_build" in old else {"last_build": None})}
    return {"status": report.status, "current_job": None, "last_build": _last_build(old, job, report, given, now)}


def _last_build(
    old: dict[str, Any], job: dict[str, Any] | None, report: Report, given: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """Return the member ``last_build`` after a report that a job ended.

    :raises InvalidInput: if the report names another job than the current one.
    """
    last = old.get("last_build")
    last = last if isinstance(last, dict) else {}
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
