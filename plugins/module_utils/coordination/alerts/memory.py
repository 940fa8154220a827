# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this server remembers about alerts: the record as it last saw it, and the ways that have failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..state_dir import StateDirectory
from ..timestamps import parse_time, utc_text
from .deliveries import Delivery
from .record import FAILED, NO_ALERTS, SENT, Record, parse_record

ALERTS_FILE = "alerts.json"
FIRST_WAIT, MAX_WAIT = 60, 3600
"""Seconds from a failure of a way to the next attempt: the first time, and at most. The wait doubles."""


@dataclass(frozen=True)
class Failure:
    """The failures of a way since its last success.

    :param number: how many.
    :param last: the time of the last one, as text in UTC.
    :param reason: its reason.
    """

    number: int
    last: str
    reason: str

    @property
    def next_try(self) -> datetime | None:
        """The time of the next attempt."""
        last = parse_time(self.last)
        return last and last + timedelta(seconds=min(MAX_WAIT, FIRST_WAIT * 2 ** min(self.number - 1, 10)))


@dataclass(frozen=True)
class Memory:
    """What this server remembers. ``failures`` are by the names of the ways."""

    record: Record = NO_ALERTS
    failures: Mapping[str, Failure] = field(default_factory=dict)

    def usable(self, names: Iterable[str], now: datetime) -> set[str]:
        """Return the ways that may be tried now.

        :param now: the time in UTC.
        """
        waits = {name: failure.next_try for name, failure in self.failures.items()}
        return {name for name in names if (waits.get(name) or now) <= now}

    def problems(self) -> dict[str, str]:
        """Return the problem of each way that fails, under a constant name."""
        return {
            f"way {name}": f"Alerts cannot be sent by the way {name} ({failure.reason}). The next try is at "
            f"{utc_text(failure.next_try) if failure.next_try else 'the next heartbeat'}. Try it: builderctl alerts "
            "--test"
            for name, failure in self.failures.items()
        }


def read_memory(state: StateDirectory) -> Memory:
    """Return what this server remembers.

    :raises StateUnusable: if the file cannot be read.
    """
    return state.read(ALERTS_FILE, _parse) or Memory()


def write_memory(state: StateDirectory, memory: Memory) -> None:
    """Record what this server remembers.

    :raises StateUnusable: if the file cannot be written.
    """
    failing = {name: asdict(failure) for name, failure in memory.failures.items()}
    state.write_json(ALERTS_FILE, {"record": memory.record.as_json(), "failures": failing})


def with_failures(
    known: Mapping[str, Failure], deliveries: Iterable[Delivery], names: Iterable[str], now: str
) -> dict[str, Failure]:
    """Return the failures of the configured ways after some deliveries.

    :param deliveries: those with an outcome that was not taken into account before.
    :param names: the names of the configured ways.
    :param now: the time, as text in UTC.
    """
    found = dict(known)
    for name, last in {one.way: one for one in deliveries if one.state in (SENT, FAILED)}.items():
        if last.state == SENT:
            found.pop(name, None)
        else:
            found[name] = Failure(found[name].number + 1 if name in found else 1, now, last.reason)
    return {name: failure for name, failure in found.items() if name in set(names)}


def _parse(kept: Any) -> Memory:
    failing = {str(name): Failure(**failure) for name, failure in kept["failures"].items()}
    return Memory(parse_record(kept["record"]), failing)
