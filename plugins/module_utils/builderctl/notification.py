# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling systemd how the service is, through systemd's own library."""

from __future__ import annotations

import os

from ..coordination.errors import DependencyMissing

try:
    from systemd import daemon
except ImportError:
    daemon = None


def check_notification() -> None:
    """Check that systemd can be told what it wants to know.

    :raises DependencyMissing: when systemd waits for word and its library is not there.
    """
    if daemon is None and "NOTIFY_SOCKET" in os.environ:
        raise DependencyMissing(
            "The service cannot tell systemd that it runs: its Python library is missing.",
            "Install it: apt-get install python3-systemd",
        )


def notify(*states: str) -> None:
    """Tell systemd, where it listens, for example READY=1 (sd_notify(3))."""
    if daemon is not None:
        daemon.notify("\n".join(states))
