# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time between two looks of the service at the remote."""

from __future__ import annotations

FREQUENT = 5
"""Seconds between two looks during a conversation."""
AT_REST = 15
"""Seconds between two looks otherwise."""
LOOKS_PER_SECOND = 5
"""The maximum number of looks per second of the whole fleet. A look is up to three requests, and GitHub recommends at
most 15 reads per second for a repository (docs.github.com, "Repository limits")."""
JITTER = 0.2
"""The fraction of the interval by which a look is randomly earlier or later, so that servers do not look at once."""


def look_interval(servers: int, frequent: bool, failures: int, heartbeat_interval: int) -> float:
    """Return the seconds between two looks.

    After each failed look it doubles, up to the interval of the heartbeats.

    :param servers: the number of servers in the fleet.
    :param frequent: whether mail is expected soon.
    :param failures: the number of looks that have failed since the last successful one.
    :param heartbeat_interval: seconds between two heartbeats.
    """
    seconds = max(FREQUENT if frequent else AT_REST, servers / LOOKS_PER_SECOND)
    return min(seconds * 2.0 ** min(failures, 10), max(seconds, heartbeat_interval))
