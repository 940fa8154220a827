# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deliveries of this server: the alerts that it is about to send, and what became of each attempt.

The service writes them after they were recorded for the fleet. ``builderctl alerts --deliver``, another process, makes
the attempts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from ..state_dir import StateDirectory
from ..timestamps import parse_time, utc_text
from .record import SENDING, STATES, UNKNOWN, Alert, Outcome, Record

DELIVERIES_FILE = "alert_deliveries.json"
WAITING_FILE = "alerts_waiting.json"
"""Replaced when a delivery waits; build-alerts.path starts the deliveries then."""
LOCK = "alert_deliveries.lock"
DELIVERING_LOCK = "alerts_delivering.lock"
"""Held by the process that makes the attempts."""
WAITING, STARTED = "waiting", "started"
"""The states of a delivery without an outcome. It is started before the way is called."""
VALID_FOR = 240
"""Seconds after which an attempt is no longer begun. A server without heartbeats for 300 s is replaced by another."""


@dataclass(frozen=True)
class Delivery:
    """An attempt to send an alert by one way.

    :param key: the key of the alert.
    :param way: the name of the way.
    :param alert: the alert as it is in the record, as a JSON object.
    :param at: when it was handed over, as text in UTC.
    :param state: ``WAITING``, ``STARTED``, or one of ``SENT``, ``FAILED`` and ``UNKNOWN``.
    :param reason: why it has failed; empty if it has not.
    """

    key: str
    way: str
    alert: Mapping[str, Any]
    at: str
    state: str = WAITING
    reason: str = ""

    @property
    def name(self) -> tuple[str, int, str]:
        """What identifies the attempt: the key, the number of the record, the way."""
        return self.key, int(self.alert["number"]), self.way

    @property
    def outcome(self) -> Outcome | None:
        """What became of it, None if that is not known yet."""
        return Outcome(*self.name, self.state) if self.state in STATES else None

    def is_valid(self, now: datetime) -> bool:
        """Return whether it may still begin."""
        at = parse_time(self.at)
        return at is not None and abs((now - at).total_seconds()) < VALID_FOR


def read_deliveries(state: StateDirectory) -> list[Delivery]:
    """Return the deliveries in their order.

    :raises StateUnusable: if the file cannot be read.
    """
    return state.read(DELIVERIES_FILE, lambda kept: [_parse(one) for one in kept["deliveries"]]) or []


def _parse(kept: Any) -> Delivery:
    delivery = Delivery(**kept)
    texts = (delivery.key, delivery.way, delivery.at, delivery.state, delivery.reason)
    if not all(isinstance(text, str) for text in texts) or not isinstance(delivery.alert["number"], int):
        raise TypeError("a delivery has a member of another type")
    return delivery


def hand_over(state: StateDirectory, own_id: str, record: Record, done: Collection[Outcome], now: datetime) -> None:
    """Remove deliveries whose outcome is recorded, and add those of the attempts that this server has recorded.

    :param record: the record as it was accepted by the remote.
    :param done: the outcomes that it has.
    :raises StateUnusable: if the file cannot be read or written.
    """
    with state.lock(LOCK):
        before = read_deliveries(state)
        kept = [one for one in before if one.outcome not in done]
        names = {one.name for one in kept}
        new = [one for one in _attempts(own_id, record, utc_text(now)) if one.name not in names]
        if new or kept != before:
            _write(state, [*kept, *new])


def _attempts(own_id: str, record: Record, now: str) -> Iterator[Delivery]:
    for key, alert in record.alerts.items():
        if alert.by == own_id:
            names = [name for name, state in alert.ways.items() if state == SENDING]
            yield from (Delivery(key, name, _as_json(alert), now) for name in names)


def _as_json(alert: Alert) -> dict[str, Any]:
    return {**asdict(alert), "details": list(alert.details), "items": []}


def begin(state: StateDirectory) -> list[Delivery]:
    """Return the deliveries that wait. Of those that an earlier process has started, the outcome is not known.

    :raises StateUnusable: if the file cannot be read or written.
    """
    with state.lock(LOCK):
        before = read_deliveries(state)
        found = [replace(one, state=UNKNOWN) if one.state == STARTED else one for one in before]
        if found != before:
            _write(state, found)
    return [one for one in found if one.state == WAITING]


def record_state(state: StateDirectory, delivery: Delivery, new: str, reason: str = "") -> None:
    """Record the state of a delivery.

    :raises StateUnusable: if the file cannot be read or written.
    """
    with state.lock(LOCK):
        kept = read_deliveries(state)
        _write(state, [replace(one, state=new, reason=reason) if one.name == delivery.name else one for one in kept])


@contextmanager
def delivering(state: StateDirectory) -> Iterator[None]:
    """Declare that this process makes the attempts.

    :raises Locked: if another process does.
    """
    with state.lock(DELIVERING_LOCK, 0):
        yield


def nudge(state: StateDirectory, now: datetime) -> None:
    """Start the deliveries again if one waits or has no outcome.

    A start may be missed while they run. A process that ended before it has recorded the outcome of an attempt leaves
    it started; the next process records that its outcome is not known.

    :raises StateUnusable: if a file cannot be read or written.
    """
    if any(one.state == STARTED or (one.state == WAITING and one.is_valid(now)) for one in read_deliveries(state)):
        state.write_json(WAITING_FILE, {"at": utc_text(now)})


def not_begun(deliveries: Iterable[Delivery], now: datetime) -> dict[str, str]:
    """Return the problem of deliveries that nothing begins, under a constant name; empty if there are none."""
    if all(one.state != WAITING or one.is_valid(now) for one in deliveries):
        return {}
    text = "Alerts wait, and nothing sends them. Check it: systemctl status build-alerts.path build-alerts.service"
    return {"deliveries": text}


def _write(state: StateDirectory, deliveries: Iterable[Delivery]) -> None:
    state.write_json(DELIVERIES_FILE, {"deliveries": [asdict(one) for one in deliveries]})
