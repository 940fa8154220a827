# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The brief form of messages, one line each."""

from __future__ import annotations

from ..coordination.identity.verification import LABELS
from ..coordination.text import one_line
from .rendering import duration, word

MAX_BYTES = 160
"""The maximum length of a line."""


def brief_line(message_id: str, age_seconds: float, kind: str, sender: str, subject: str, verified: str) -> str:
    """Render a message on one line of at most ``MAX_BYTES`` bytes.

    :param verified: one of ``VERIFIED``.
    """
    label = LABELS[verified]
    start = f"{word(message_id)}  {duration(age_seconds)}  {kind}  {word(sender)}  ({label})  "
    line = f"{start}{one_line(subject)}".encode()
    return (line if len(line) <= MAX_BYTES else line[: MAX_BYTES - 3] + "…".encode()).decode(errors="ignore")
