# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reads: the session of a client, or the session of the terminal, that runs this command."""

from __future__ import annotations

import os
from pathlib import Path

from ..coordination.machine import boot_id

VARIABLES = ("CLAUDE_CODE_SESSION_ID", "CODEX_THREAD_ID")
"""The variables in which clients pass the id of their session to commands."""


def current_reader() -> str:
    """Return a name of the session that this process belongs to.

    It is the id of a client's session, or else the session of the kernel (credentials(7)), in which a terminal runs its
    commands. The start time of its leader distinguishes it from an earlier one with the same number.
    """
    for name in VARIABLES:
        if os.environ.get(name):
            return f"{name}={os.environ[name][:200]}"
    session = os.getsid(0)
    try:
        started = Path(f"/proc/{session}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        started = "ended"
    return f"{boot_id()}/{session}/{started}"
