# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A heartbeat, whose fields are read leniently."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..text import as_line, clean
from ..timestamps import parse_time

DEFAULT_INTERVAL = 60
"""Seconds between two heartbeats."""
MAX_INTERVAL = 86_400
"""The maximum interval in seconds. A longer one in a heartbeat is ignored."""


@dataclass(frozen=True)
class Heartbeat:
    """A heartbeat. Each field has its type, whatever the document has, and its texts are sanitized.

    :param raw: the document as it is in the file, which must not be changed; empty if there is none. The signature
        covers it.
    """

    raw: dict[str, Any]

    @property
    def sent_at(self) -> datetime | None:
        """The time in UTC, None without a valid one."""
        return parse_time(self.raw.get("timestamp"))

    @property
    def sequence(self) -> int:
        """The sequence number, 0 without a valid one."""
        sequence = self.raw.get("sequence")
        return sequence if isinstance(sequence, int) else 0

    @property
    def mark(self) -> list[Any]:
        """The boot id, the sequence number and the time, which identify the heartbeat, as the document has them."""
        mark: list[Any] = clean([self.raw.get(name) for name in ("boot_id", "sequence", "timestamp")])
        return mark

    @property
    def interval(self) -> float:
        """The seconds until the next heartbeat, the default without a valid number."""
        interval = self.raw.get("interval_seconds")
        return interval if isinstance(interval, (int, float)) and 0 < interval <= MAX_INTERVAL else DEFAULT_INTERVAL

    @property
    def problems(self) -> list[str]:
        """The problems of the machine that the server reports."""
        listed = self._texts("problems")
        return listed or (["it reports that it is not healthy"] if self.raw.get("healthy") is False else [])

    @property
    def attention(self) -> list[str]:
        """What the manager of the server has to do, as the server reports it."""
        return self._texts("attention")

    @property
    def sends_alerts(self) -> bool:
        """Whether the server can send alerts for the fleet."""
        return self.raw.get("alerts") is True

    @property
    def manager_last_active(self) -> str | None:
        """When the manager was last active, as text; None if it is not known."""
        active = self.raw.get("manager_last_active")
        return as_line(active) if isinstance(active, str) else None

    def _texts(self, name: str) -> list[str]:
        """Return the texts of a list; a value that is no list counts as its only item."""
        value = clean(self.raw.get(name))
        listed = [one for one in (value if isinstance(value, list) else [value]) if one is not None]
        return [one if isinstance(one, str) else json.dumps(one) for one in listed]
