# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timestamps: the current time, formatting and parsing."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

MAX_AHEAD = timedelta(minutes=10)
"""The tolerated difference of clocks. A document with a later timestamp is rejected: it would count as the newest until
that time."""


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(timezone.utc)


def utc_text(moment: datetime) -> str:
    """Format a time as in messages: ``2026-11-22T07:11:46Z`` (RFC 3339)."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def duration(seconds: float) -> str:
    """Render a time span: ``45 s``, ``12 min``, ``2 h 5 min``, ``1 d 3 h``, ``390 d``.

    From ten days on, hours are left out.
    """
    total = int(seconds)
    if total < 60:
        return f"{total} s"
    days, hours, minutes = total // 86400, total % 86400 // 3600, total % 3600 // 60
    parts = {"d": days, "h": hours if days < 10 else 0, "min": 0 if days else minutes}
    return " ".join(f"{number} {unit}" for unit, number in parts.items() if number)


def parse_time(text: Any) -> datetime | None:
    """Parse a timestamp of RFC 3339, or ``2025-11-04 20:45`` of the shell scripts.

    :return: the time in UTC; None if the value is not a timestamp.
    """
    if not isinstance(text, str):
        return None
    whole = re.sub(r"(\.\d{1,6})\d*", r"\1", text.strip())
    whole = re.sub(r"\.\d{1,6}", lambda fraction: fraction.group().ljust(7, "0"), whole)
    whole = re.sub(r"(?<=\d)(?:[zZ]| ?UTC| ?GMT)$", "+00:00", whole)
    whole = re.sub(r"(:\d\d(?:\.\d+)?[+-]\d\d)(\d\d)$", r"\1:\2", whole)  # as Python before 3.11 requires it
    try:
        moment = datetime.fromisoformat(whole)
        return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def is_ahead(written: datetime | None, now: datetime) -> bool:
    """Return whether a timestamp is more than ``MAX_AHEAD`` in the future."""
    return written is not None and written - now > MAX_AHEAD
