# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times: now, as text in UTC, and as others wrote them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

MAX_AHEAD = timedelta(minutes=10)
"""How far the clock of another server may be ahead of this one. What is dated further ahead would stay new for too
long."""


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(timezone.utc)


def utc_text(moment: datetime) -> str:
    """A time as messages carry it: ``2026-11-22T07:11:46Z``."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def parse_time(text: Any) -> datetime | None:
    """Read a timestamp: as written here, with fractions of a second or an offset, or the old ``2025-11-04 20:45``.

    :return: None when it is none of these.
    """
    if not isinstance(text, str):
        return None
    whole = re.sub(r"(\.\d{1,6})\d*", r"\1", text.strip())
    whole = re.sub(r"\.\d{1,6}", lambda fraction: fraction.group().ljust(7, "0"), whole)
    whole = re.sub(r"(?<=\d)(?:[zZ]| ?UTC| ?GMT)$", "+00:00", whole)
    whole = re.sub(r"(:\d\d(?:\.\d+)?[+-]\d\d)(\d\d)$", r"\1:\2", whole)  # which Python reads from 3.11 on
    try:
        moment = datetime.fromisoformat(whole)
        return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def is_ahead(written: datetime | None, now: datetime) -> bool:
    """Whether something is dated further ahead than another server's clock may be."""
    return written is not None and written - now > MAX_AHEAD
