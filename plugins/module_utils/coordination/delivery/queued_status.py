# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status that this server has reported and the remote has not accepted yet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..errors import CoordinationError
from ..identity.host import Host
from ..status.document import Report, apply_reports, status_path
from ..store.snapshot import Snapshot
from ..text import clean
from ..timestamps import parse_time
from .outbox import Outbox
from .writes import StatusReport


def waiting_reports(host: Host) -> Iterator[tuple[Report, datetime]]:
    """The status reports in the outbox, each with the time at which it was accepted, in UTC."""
    for item in Outbox(host.state).read().items:
        for write in item.writes:
            if isinstance(write, StatusReport):
                yield write.report, parse_time(item.accepted_at) or host.clock()


def queued_status(host: Host, snapshot: Snapshot) -> dict[str, Any]:
    """This server's status as it will be when what waits in the outbox is published; empty when no report waits."""
    reports = list(waiting_reports(host))
    if reports:
        with contextlib.suppress(CoordinationError):
            changed, status = apply_reports(host, snapshot.load_object(status_path(host.id)), reports)
            shown: dict[str, Any] = clean(status)
            return shown if changed else {}
    return {}
