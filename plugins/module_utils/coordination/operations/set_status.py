# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing this server's status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from ..delivery.deliver import QUEUE, deliver_waiting, new_item, submit
from ..delivery.queued_status import queued_status, waiting_reports
from ..delivery.writes import StatusReport
from ..documents.json_document import Document
from ..documents.secret_policy import REFUSE
from ..errors import DeadlineReached, RemoteUnreachable
from ..identity.host import Host
from ..identity.verification import Verification
from ..status.document import (
    Report,
    apply_reports,
    check_report,
    merge_reports,
    read_status,
    status_path,
    summary_of,
    verify_status,
)
from ..store.snapshot import Receipt, Snapshot
from ..text import clean


def write_status(host: Host, report: Report, secrets: str = REFUSE, offline: str = QUEUE) -> Receipt:
    """Publish this server's status; nothing is written when it says so already.

    ``building`` starts the current job; ``success`` and ``failed`` close it into the last build.

    :param secrets: what is done with a text that looks like a secret, as :mod:`.secret_policy` says.
    :param offline: as for :func:`.deliver.submit`.
    :return: a receipt whose result is the whole document.
    :raises InvalidInput: when the report cannot be used, or names another job than the one that is being built.
    :raises DocumentDamaged: when the document in the repository cannot be read.
    :raises SecretFound: when a text holds a secret.
    :raises CoordinationError: what :func:`.deliver.submit` raises.
    """
    report = check_report(host, report, secrets)
    reports = [*waiting_reports(host), (report, host.clock())]

    def look(snapshot: Snapshot) -> tuple[Document | None, Document | None, dict[str, Any]]:
        document = snapshot.load_object(status_path(host.id))
        return document, *merge_reports(host, document, reports)

    try:
        document, own, status = host.repository.look(look)
    except (RemoteUnreachable, DeadlineReached):  # nothing is known of the remote
        document, own, status = None, *merge_reports(host, None, reports)
    if own and status == own.value:
        return Receipt(clean(status), None, 0)
    receipt = submit(host, new_item(host, summary_of(report, status), StatusReport(report)), offline)
    return replace(receipt, result=clean(receipt.result.status or apply_reports(host, document, reports)[1]))


class Seen(NamedTuple):
    """A status as it is shown, empty when there is none, who wrote it, and how old what was read is, in seconds.

    :param queued: whether it waits in the outbox of this host, and the remote does not have it yet.
    """

    status: dict[str, Any]
    verdict: Verification
    queued: bool
    age: float
    commit: str | None


def show_status(host: Host, server: str) -> Seen:
    """A server's status: of this server the one that it has reported last, also where that still waits.

    :raises DocumentDamaged: when it cannot be read.
    :raises RemoteError: when the remote says no, or was never reached.
    """

    def look(snapshot: Snapshot) -> Seen:
        status, verdict = read_status(host, snapshot, server)
        waiting = queued_status(host, snapshot) if server == host.id else {}
        if waiting:
            status, verdict = waiting, verify_status(host, waiting, server)
        return Seen(status, verdict, bool(waiting), snapshot.age, snapshot.commit)

    seen = host.repository.read(look)
    if seen.queued and not host.repository.away:
        deliver_waiting(host)
        seen = host.repository.look(look)
    return seen
