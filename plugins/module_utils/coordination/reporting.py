# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing this server's status."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from .delivering import QUEUE, deliver_waiting, new_item, submit
from .errors import CoordinationError, DeadlineReached, RemoteUnreachable
from .guarding import REFUSE
from .host import Host
from .outbox import Outbox
from .snapshot import Receipt, Snapshot
from .status import Report, check_report, judge_status, read_status, reported, status_path, summary_of
from .text import clean
from .timestamps import parse_time
from .verdicts import Verdict


def write_status(host: Host, report: Report, secrets: str = REFUSE, offline: str = QUEUE) -> Receipt:
    """Publish this server's status; nothing is written when it says so already.

    ``building`` starts the current job; ``success`` and ``failed`` close it into the last build.

    :param secrets: what is done with a text that looks like a secret, as :mod:`.guarding` says.
    :param offline: as for :func:`.delivering.submit`.
    :return: a receipt whose result is the whole document.
    :raises InvalidInput: when the report cannot be used, or names another job than the one that is being built.
    :raises DocumentDamaged: when the document in the repository cannot be read.
    :raises SecretFound: when a text holds a secret.
    :raises CoordinationError: what :func:`.delivering.submit` raises.
    """
    report = check_report(host, report, secrets)
    reports = [*_waiting(host), (report, host.clock())]
    try:
        document, status = host.repository.look(
            lambda snapshot: reported(host, snapshot.load_object(status_path(host.id)), reports)
        )
    except (RemoteUnreachable, DeadlineReached):  # nothing is known of the remote
        document, status = reported(host, None, reports)
    if document is None:
        return Receipt(clean(status), None, 0)
    receipt = submit(host, new_item(host, summary_of(report, status), report=report), offline)
    return replace(receipt, result=clean(receipt.result.status or status))


class Seen(NamedTuple):
    """A status as it is shown, empty when there is none, who wrote it, and how old what was read is, in seconds.

    :param queued: whether it waits in the outbox of this host, and the remote does not have it yet.
    """

    status: dict[str, Any]
    verdict: Verdict
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
            status, verdict = waiting, judge_status(host, waiting, server)
        return Seen(status, verdict, bool(waiting), snapshot.age, snapshot.commit)

    seen = host.repository.read(look)
    if seen.queued and not host.repository.away:
        deliver_waiting(host)
        seen = host.repository.look(look)
    return seen


def queued_status(host: Host, snapshot: Snapshot) -> dict[str, Any]:
    """This server's status as it will be when what waits in the outbox is published; empty when no report waits."""
    reports = list(_waiting(host))
    if reports:
        with contextlib.suppress(CoordinationError):
            document, status = reported(host, snapshot.load_object(status_path(host.id)), reports)
            shown: dict[str, Any] = clean(status)
            return shown if document else {}
    return {}


def _waiting(host: Host) -> Iterator[tuple[Report, datetime]]:
    for item in Outbox(host.state).read().items:
        if item.report:
            yield item.report, parse_time(item.accepted_at) or host.clock()
