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

_FIELDS = ("year", "month", "day", "hour", "minute", "second")
_BLANKS = " \t\r\n"
_TIME = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?"
    r"(?:[Zz]| ?UTC| ?GMT|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3]):?(?P<minutes>[0-5][0-9]))?)?"
)


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

    The forms are those of *Times* in ``docs/wire-format.md``, and the same with every version of Python.

    :return: the time in UTC; None if the value is not a timestamp.
    """
    match = _TIME.fullmatch(text.strip(_BLANKS)) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[name] or 0) for name in _FIELDS)
    microsecond = int((match["fraction"] or "")[:6].ljust(6, "0"))
    offset = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    zone = timezone(-offset if match["sign"] == "-" else offset)
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, zone).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def is_ahead(written: datetime | None, now: datetime) -> bool:
    """Return whether a timestamp is more than ``MAX_AHEAD`` in the future."""
    return written is not None and written - now > MAX_AHEAD
