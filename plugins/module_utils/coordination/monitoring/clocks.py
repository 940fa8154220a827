# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the clock of this server differs from those of the other servers."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from ..identity.host import Host
from ..identity.verification import is_trusted
from ..timestamps import is_ahead
from .heartbeat import ServerHeartbeat
from .heartbeat_age import Age


def clock_difference(host: Host, heartbeats: Mapping[str, ServerHeartbeat], ages: Mapping[str, Age]) -> float | None:
    """Return the seconds by which the clock of this server is ahead of the median of the others.

    Only other servers whose heartbeat was seen to arrive count, and those whose heartbeat is rejected because its
    timestamp is in the future. With a single other server, it is not known which of the two clocks is wrong.

    :param heartbeats: the newest heartbeat of each server.
    :param ages: the age of each trusted heartbeat.
    :return: the seconds, negative if it is behind; None if there is no such server.
    """
    differences = []
    for server, heartbeat in heartbeats.items():
        age, sent = ages.get(server), heartbeat.beat.sent_at
        if server == host.id:
            continue
        if heartbeat.trusted and age and age.clock_skew is not None:
            differences.append(age.clock_skew)
        elif sent and is_ahead(sent, host.clock()) and is_trusted(host, server, heartbeat.verification):
            differences.append((host.clock() - sent).total_seconds())
    return median(differences) if differences else None
