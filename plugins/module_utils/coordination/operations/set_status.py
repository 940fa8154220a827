# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish the status of this server, and show statuses."""

from __future__ import annotations

from typing import NamedTuple

from ..delivery.deliver import QUEUE, deliver_waiting, new_item, submit
from ..delivery.queued_status import queued_status, waiting_reports
from ..delivery.writes import StatusReport
from ..documents.json_document import Document
from ..documents.secret_policy import REFUSE
from ..errors import DeadlineReached, RemoteUnreachable
from ..identity.host import Host
from ..identity.verification import Verification
from ..status.document import (
    NO_STATUS,
    Status,
    apply_reports,
    merge_reports,
    read_status,
    status_path,
    summary_of,
    verify_status,
)
from ..status.report import Report, check_report
from ..store.snapshot import Receipt, Snapshot


def write_status(host: Host, report: Report, secrets: str = REFUSE, offline: str = QUEUE) -> Receipt[Status]:
    """Publish the status of this server, unless it is published already.

    ``building`` starts the current job. ``success`` and ``failed`` end it, and it becomes the last build.

    :param secrets: the policy for secrets, one of :data:`.secret_policy.POLICIES`.
    :param offline: as for :func:`.deliver.submit`.
    :return: a receipt whose result is the :class:`.Status`.
    :raises InvalidInput: if the report is not valid, names another job than the current one, or is the operator's.
    :raises DocumentDamaged: if the document in the repository cannot be parsed.
    :raises SecretFound: if a text contains a secret.
    :raises CoordinationError: as :func:`.deliver.submit`.
    """
    host.require_server("status")
    report = check_report(host, report, secrets)
    reports = [*waiting_reports(host), (report, host.clock())]

    def look(snapshot: Snapshot) -> tuple[Document | None, Document | None, Status]:
        document = snapshot.load_object(status_path(host.id))
        return document, *merge_reports(host, document, reports)

    try:
        document, own, status = host.repository.look(look)
    except (RemoteUnreachable, DeadlineReached):  # the remote was never reached
        document, own, status = None, *merge_reports(host, None, reports)
    if own and status.raw == own.value:
        return Receipt(status, None, 0)
    receipt = submit(host, new_item(host, summary_of(report, status), StatusReport(report)), offline)
    return receipt.returning(receipt.result.status or apply_reports(host, document, reports)[1])


class ShownStatus(NamedTuple):
    """A status for display, and its verification.

    :param status: the status; empty if there is none.
    :param queued: whether it is in the outbox of this host, and the remote does not have it yet.
    :param age: seconds since the last answer of the remote.
    """

    status: Status
    verification: Verification
    queued: bool
    age: float
    commit: str | None


def show_status(host: Host, server: str) -> ShownStatus:
    """Return the status of a server, for this server including reports in the outbox.

    :raises DocumentDamaged: if it cannot be parsed.
    :raises RemoteError: if the remote rejects the fetch, or was never reached.
    """

    def look(snapshot: Snapshot) -> ShownStatus:
        status, verification = read_status(host, snapshot, server)
        waiting = queued_status(host, snapshot) if server == host.id else NO_STATUS
        if waiting:
            status, verification = waiting, verify_status(host, waiting, server)
        return ShownStatus(status, verification, bool(waiting), snapshot.age, snapshot.commit)

    seen = host.repository.read(look)
    if seen.queued and not host.repository.away:
        deliver_waiting(host)
        seen = host.repository.look(look)
    return seen
