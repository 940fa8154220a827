# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status reports of this server in the outbox."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime

from ..errors import CoordinationError
from ..identity.host import Host
from ..status.document import NO_STATUS, Status, apply_reports, status_path
from ..status.report import Report
from ..store.snapshot import Snapshot
from ..timestamps import parse_time
from .outbox import Outbox
from .writes import StatusReport


def waiting_reports(host: Host) -> Iterator[tuple[Report, datetime]]:
    """Yield the status reports in the outbox, each with its time in UTC."""
    for item in Outbox(host.state).read().items:
        for write in item.writes:
            if isinstance(write, StatusReport):
                yield write.report, parse_time(item.accepted_at) or host.clock()


def queued_status(host: Host, snapshot: Snapshot) -> Status:
    """Return the status of this server after the delivery of the outbox; empty if there is no report in it."""
    reports = list(waiting_reports(host))
    if reports:
        with contextlib.suppress(CoordinationError):
            changed, status = apply_reports(host, snapshot.load_object(status_path(host.id)), reports)
            return status if changed else NO_STATUS
    return NO_STATUS
