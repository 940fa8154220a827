# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times and durations as a manager writes them on a command line."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta, timezone

from ..coordination.timestamps import parse_time, utc_text

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
"""The seconds of each unit of a duration."""


def seconds(text: str) -> int:
    """Parse a duration: seconds, or a number with a unit such as ``90s``, ``10m``, ``2h`` or ``3d``.

    :return: seconds.
    :raises argparse.ArgumentTypeError: if it is not one.
    """
    match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text, re.ASCII)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90s, 10m, 2h or 3d")
    return int(match[1]) * UNITS[match[2]]


def positive_seconds(text: str) -> int:
    """Parse a duration as :func:`seconds`, except zero."""
    parsed = seconds(text)
    if not parsed:
        raise argparse.ArgumentTypeError(f"{text!r} is too short; give at least 1s")
    return parsed


def since(text: str, now: datetime) -> str | None:
    """Return the time that a text names, as text in UTC; None if it names none.

    :param text: a duration before ``now`` such as ``2h``, ``yesterday`` (its first second in UTC), a date such as
        ``2026-11-22`` (likewise), or a time.
    :param now: the time in UTC.
    """
    if re.fullmatch(r"[0-9]{1,9}[smhd]", text, re.ASCII):
        return utc_text(_before(now, seconds(text)))
    if text == "yesterday":
        return utc_text((now - timedelta(days=1)).replace(hour=0, minute=0, second=0))
    time = f"{text}T00:00:00Z" if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) else text
    return time if parse_time(time) else None


def _before(now: datetime, length: int) -> datetime:
    """Return the time that is some seconds ago; the first one of the calendar if it is earlier."""
    try:
        return now - timedelta(seconds=length)
    except OverflowError:
        return datetime.min.replace(tzinfo=timezone.utc)
