# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status document of a server: what it is doing and what it built last."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from . import signing
from .documents import check_text, new_document, set_members
from .errors import InvalidInput
from .fleet import Server
from .guarding import REFUSE, guarded
from .host import Host
from .messages import clean, parse_time, utc_text
from .printable import one_line
from .snapshot import Change, Receipt, Snapshot
from .system import capabilities, system_facts
from .verdicts import TRUE, Judge, Verdict

STATES = ("idle", "building", "success", "failed")
FINISHED = ("success", "failed")


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


def write_status(host: Host, report: Report, secrets: str = REFUSE) -> Receipt:
    """Publish this server's status; nothing is written when it says so already.

    ``building`` starts the current job; ``success`` and ``failed`` close it into the last build.

    :param secrets: what is done with a text that looks like a secret, as :mod:`.guarding` says.
    :return: a receipt whose result is the whole document.
    :raises InvalidInput: when the report cannot be used, or names another job than the one that is being built.
    :raises DocumentDamaged: when the document in the repository cannot be read.
    :raises SecretFound: when a text holds a secret.
    """
    if report.status not in STATES:
        raise InvalidInput(f"There is no status {report.status!r}.", f"Use one of {', '.join(STATES)}.")
    texts = {name: getattr(report, name) for name in ("job", "branch", "commit", "log")}
    texts["artifacts"], texts["outcome"] = list(report.artifacts), report.outcome
    check_text(list(texts.values()), "the status")
    report = replace(report, **guarded(host, texts, secrets))
    now = host.clock()

    def function(snapshot: Snapshot) -> Change:
        path = status_path(host.id)
        document = snapshot.load_object(path)
        if document and not _is_signed(host, document.value):
            document = None  # others may have written it, and nothing of theirs is signed as this server's
        old = document.value if document else {}
        told = {**_identity(host.fleet.get(host.id), old), **_told(old, report, now)}
        if all(name in old and old[name] == value for name, value in told.items()):
            return Change(old)
        changes = {**told, "timestamp": utc_text(now)}
        changes["system"] = system_facts()
        changes.setdefault("capabilities", old.get("capabilities") or capabilities())
        signed = host.signed({**old, **changes}, signing.STATUS)
        changes = {name: value for name, value in signed.items() if name not in old or old[name] != value}
        if document is None:
            data = new_document(changes)
        else:
            text = document.text
            data = replace(document, text=set_members(text, text.index("{"), changes)).encode()
        return Change({**old, **changes}, {path: data}, f"{host.id}: {report.status}{_of_job(told)}")

    receipt = host.write(function)
    return replace(receipt, result=clean(receipt.result))


def judge_status(host: Host, status: dict[str, Any], server: str) -> Verdict:
    """The verdict on a status document that claims to be a server's."""
    return Judge(host, signing.STATUS).judge([(status, server)])[0]


def _is_signed(host: Host, status: dict[str, Any]) -> bool:
    """Whether this server has signed its status; where no trust is set up, it need not."""
    return not host.signers.repository or judge_status(host, status, host.id).verified == TRUE


def _identity(server: Server, old: dict[str, Any]) -> dict[str, Any]:
    """Who the server is; none of these is ever empty, an old hook refuses every push otherwise."""
    hostname = socket.gethostname()
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
            "Close that one first, or leave the job out.",
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


def _of_job(told: dict[str, Any]) -> str:
    job = told.get("current_job") or (told.get("last_build") if told["status"] in FINISHED else None)
    return f" ({one_line(str(job['id']))})" if isinstance(job, dict) and job.get("id") else ""
