# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notification of systemd about the state of the service."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(*states: str) -> None:
    """Notify systemd, if it started this process (sd_notify(3)).

    Failures are ignored, as the manual advises.

    :param states: assignments, for example ``READY=1``.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto("\n".join(states).encode(), address)
