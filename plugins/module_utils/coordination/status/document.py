# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status document of a server: what it is doing and what it built last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .. import machine
from ..documents.json_document import MAX_NESTING, Document, check_text, nesting, new_document
from ..documents.secret_policy import REFUSE, guarded
from ..errors import InvalidInput
from ..identity import signatures
from ..identity.fleet import Server
from ..identity.host import Host
from ..identity.verification import TRUE, UNSIGNED, Judge, Verdict
from ..store.snapshot import Snapshot
from ..text import clean, one_line, short
from ..timestamps import parse_time, utc_text

STATES = ("idle", "building", "success", "failed")
FINISHED = ("success", "failed")
MAX_UNVERIFIED = 100_000
"""Characters of JSON that are kept of a document that this server had not signed."""
_MADE_ANEW = frozenset(
    {"server", "hostname", "ip", "manager", "status", "current_job", "timestamp", "system", "repository", "signature"}
    | {signatures.UNVERIFIED}
)
"""The members that each new document has of its own."""


@dataclass(frozen=True)
class Report:
    """What a server says of itself.

    :param status: idle, building, success or failed.
    :param job: the id of the job that begins or ends.
    :param artifacts: what was built: paths, or mappings with path, size (bytes) and sha256.
    :param outcome: what else is known of a job that ended, and stands in last_build.
    """

    status: str
    job: str | None = None
    branch: str | None = None
    commit: str | None = None
    log: str | None = None
    artifacts: Sequence[Any] = ()
    outcome: dict[str, Any] = field(default_factory=dict)


def parse_report(record: Any) -> Report:
    """A report, as it was kept on this host.

    :raises TypeError: when it is none.
    """
    report = Report(**record)
    texts = [report.job, report.branch, report.commit, report.log]
    is_one = all(text is None or isinstance(text, str) for text in texts) and isinstance(report.outcome, dict)
    if report.status not in STATES or not is_one or not isinstance(report.artifacts, list):
        raise TypeError("a report is no report")
    return report


def status_path(server: str) -> str:
    """Where a server's status document is."""
    return f"{server}/status.json"


def load_status(snapshot: Snapshot, server: str) -> dict[str, Any]:
    """A server's status document as it is in the repository, empty when it has none.

    :raises DocumentDamaged: when it cannot be read.
    """
    document = snapshot.load_object(status_path(server))
    return document.value if document else {}


def read_status(host: Host, snapshot: Snapshot, server: str) -> tuple[dict[str, Any], Verdict]:
    """A server's status document made printable, empty when it has none, and the verdict on it.

    :raises DocumentDamaged: when it cannot be read.
    """
    status = load_status(snapshot, server)
    return clean(status), judge_status(host, status, server)


def check_report(host: Host, report: Report, secrets: str = REFUSE) -> Report:
    """A report as it may be published.

    :param secrets: what is done with a text that looks like a secret, as :mod:`.secret_policy` says.
    :raises InvalidInput: when it cannot be used.
    :raises SecretFound: when a text holds a secret.
    """
    if report.status not in STATES:
        raise InvalidInput(f"There is no status {report.status!r}.", f"Use one of {', '.join(STATES)}.")
    texts = {name: getattr(report, name) for name in ("job", "branch", "commit", "log")}
    texts["artifacts"], texts["outcome"] = list(report.artifacts), report.outcome
    check_text(list(texts.values()), "the status")
    return replace(report, **guarded(texts, host.repository.pat_file, host.repository.notes, secrets))


def merged(
    host: Host, document: Document | None, reports: Iterable[tuple[Report, datetime]]
) -> tuple[Document | None, dict[str, Any]]:
    """What reports make of this server's status, not signed yet.

    :param document: as it is in the repository, None when there is none.
    :param reports: each with when it was made, in UTC.
    :return: the document, None where it is not this server's own, and the new value: that of the document when it says
        so already.
    :raises InvalidInput: when one of them names another job than the one that is being built.
    """
    aside: dict[str, Any] = {}
    if document and not _is_signed(host, document.value):
        aside = _set_aside(host, document.value)
        document = None  # others may have written it, and nothing of theirs is signed as this server's
    value = document.value if document else {}
    for report, made in reports:
        told = {**_identity(host.fleet.get(host.id), value), **_told(value, report, made)}
        if not all(name in value and value[name] == new for name, new in told.items()):
            value = {**value, **told, "timestamp": utc_text(made)}
    return document, {**value, **aside}


def reported(
    host: Host, document: Document | None, reports: Iterable[tuple[Report, datetime]]
) -> tuple[bytes, dict[str, Any]]:
    """What reports make of this server's status document, as :func:`merged`.

    :return: the new file, empty when the document says so already, and its value, signed.
    :raises SigningFailed: when this server cannot sign.
    """
    document, value = merged(host, document, reports)
    old = document.value if document else {}
    if value == old:
        return b"", old
    made = {"system": machine.system_facts(), "capabilities": old.get("capabilities") or machine.capabilities()}
    signed = host.signed({**value, **made}, signatures.STATUS)
    changes = {name: new for name, new in signed.items() if name not in old or old[name] != new}
    return document.with_members(changes) if document else new_document(changes), {**old, **changes}


def _set_aside(host: Host, unsigned: dict[str, Any]) -> dict[str, Any]:
    """What others wrote into this server's status, under the name that stays unsigned, and a note of it for people.

    What was signed and is not this server's own, or is very long, is only noted.
    """
    verdict = judge_status(host, unsigned, host.id)
    earlier = unsigned.get(signatures.UNVERIFIED)
    rest = {name: value for name, value in unsigned.items() if name not in _MADE_ANEW and value is not None}
    rest = clean({**(earlier if isinstance(earlier, dict) else {}), **rest}, str)
    is_small = nesting(rest) < MAX_NESTING and len(json.dumps(rest)) <= MAX_UNVERIFIED
    keeps = verdict.verified == UNSIGNED and is_small
    if rest:
        where = f"stands under {signatures.UNVERIFIED!r} in the new one" if keeps else "is not in the new one"
        names = short(", ".join(rest))
        note = f"The status of {host.id} was not its own ({verdict.reason}). What it said {where}: {names}."
        if note not in host.repository.notes:
            host.repository.notes.append(note)
    return {signatures.UNVERIFIED: rest} if rest and keeps else {}


def summary_of(report: Report, status: dict[str, Any]) -> str:
    """What a report does, in the words of a commit's message.

    :param status: the document that it made.
    """
    job = status.get("current_job") or (status.get("last_build") if report.status in FINISHED else None)
    named = isinstance(job, dict) and job.get("id")
    return f"{report.status} ({one_line(str(job['id']))})" if named and job else report.status


def judge_status(host: Host, status: dict[str, Any], server: str) -> Verdict:
    """The verdict on a status document that claims to be a server's."""
    return Judge(host, signatures.STATUS).judge([(status, server)])[0]


def _is_signed(host: Host, status: dict[str, Any]) -> bool:
    """Whether this server has signed its status; where no trust is set up, it need not."""
    return not host.signers.repository or judge_status(host, status, host.id).verified == TRUE


def _identity(server: Server, old: dict[str, Any]) -> dict[str, Any]:
    """Who the server is; none of these is ever empty, an old hook refuses every push otherwise."""
    hostname = machine.hostname()
    return {
        "server": server.id,
        "hostname": server.hostname or old.get("hostname") or hostname,
        "ip": server.ip or old.get("ip") or "unknown",
        "manager": server.manager or old.get("manager") or "unknown",
    }


def _told(old: dict[str, Any], report: Report, now: datetime) -> dict[str, Any]:
    """The members that a report sets."""
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
    return {"status": report.status, "current_job": None, "last_build": _closed(old, job, report, given, now)}


def _closed(
    old: dict[str, Any], job: dict[str, Any] | None, report: Report, given: dict[str, Any], now: datetime
) -> dict[str, Any]:
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
            f"The job that is being built is {one_line(str(job.get('id')))}, not {report.job}.",
            "Close that one first ('builderctl status failed'), or leave the job out.",
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
