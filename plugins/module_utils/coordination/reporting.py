# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing this server's status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from .delivering import QUEUE, new_item, submit
from .errors import DeadlineReached, RemoteUnreachable
from .guarding import REFUSE
from .host import Host
from .messages import clean, parse_time
from .outbox import Outbox
from .snapshot import Receipt
from .status import Report, check_report, reported, status_path, summary_of


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


def _waiting(host: Host) -> Iterator[tuple[Report, datetime]]:
    for item in Outbox(host.state).read().items:
        if item.report:
            yield item.report, parse_time(item.accepted_at) or host.clock()
