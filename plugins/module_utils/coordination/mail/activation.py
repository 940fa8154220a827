# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activation: whether to start the command of the manager for unread mail, and what became of it.

systemd starts the command, one at a time. This file decides, and remembers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ..state_dir import StateDirectory
from ..timestamps import parse_time, utc_text
from .inbox import read_inbox
from .sessions import is_attached

ACTIVATION_FILE = "activation.json"
MAX_STARTS = 2
"""The maximum number of starts for the same message."""
HOUR = timedelta(hours=1)
SKIPPED = "exec-condition"
"""The result of the unit if its condition, the decision, was negative."""
SUCCESS = "success"


@dataclass(frozen=True)
class Activation:
    """The record of the starts.

    ``started`` are the times of the last hour, as text in UTC. ``starts`` is the number of starts for each message that
    is still unread. ``failed_at`` and ``failure`` are the time and the result of the last start, if it failed.
    """

    started: tuple[str, ...] = ()
    starts: dict[str, int] = field(default_factory=dict)
    failed_at: str = ""
    failure: str = ""


def start(state: StateDirectory, now: datetime, max_per_hour: int) -> tuple[list[str], str]:
    """Decide whether to start the command, and record the start.

    :param now: the time in UTC.
    :param max_per_hour: the maximum number of starts within an hour.
    :return: the ids of the messages for which it is started, and the reason why it is not started; one is empty.
    :raises StateUnusable: if a record cannot be read or written.
    """
    with state.lock("activation.lock"):
        inbox, known = read_inbox(state), _read(state)
        actionable = [message.id for message in inbox.messages if message.actionable] if inbox else []
        waiting = [message_id for message_id in actionable if known.starts.get(message_id, 0) < MAX_STARTS]
        recent = tuple(when for when in known.started if _is_within(parse_time(when), now, HOUR))
        if not actionable:
            return [], "no actionable message waits"
        if not waiting:
            return [], f"it was started {MAX_STARTS} times for each actionable message that waits"
        if is_attached(state, now):
            return [], "a session of the manager is attached"
        if len(recent) >= max_per_hour:
            return [], f"it was started {len(recent)} times within an hour"
        starts = {message_id: known.starts.get(message_id, 0) for message_id in actionable}
        starts.update((message_id, starts[message_id] + 1) for message_id in waiting)
        _write(state, replace(known, started=(*recent, utc_text(now)), starts=starts))
    return waiting, ""


def end(state: StateDirectory, now: datetime, result: str) -> None:
    """Record the result of a start.

    :param now: the time in UTC.
    :param result: the result of the unit, as in ``SERVICE_RESULT`` (systemd.exec(5)).
    :raises StateUnusable: if the record cannot be read or written.
    """
    if result != SKIPPED:
        failed = ("", "") if result == SUCCESS else (utc_text(now), result)
        with state.lock("activation.lock"):
            _write(state, replace(_read(state), failed_at=failed[0], failure=failed[1]))


def activation_problems(state: StateDirectory) -> list[str]:
    """Return the problem of the last start, if it failed.

    :raises StateUnusable: if the record cannot be read.
    """
    known = _read(state)
    if not known.failure:
        return []
    return [
        f"The command of the manager failed at {known.failed_at} ({known.failure}). See 'journalctl --unit "
        f"build-manager'. After the correction, remove {state.path / ACTIVATION_FILE}"
    ]


def _read(state: StateDirectory) -> Activation:
    return state.read(ACTIVATION_FILE, _parse) or Activation()


def _write(state: StateDirectory, known: Activation) -> None:
    state.write_json(ACTIVATION_FILE, asdict(known))


def _parse(record: Any) -> Activation:
    starts = {str(message_id): int(number) for message_id, number in record["starts"].items()}
    return Activation(tuple(map(str, record["started"])), starts, str(record["failed_at"]), str(record["failure"]))


def _is_within(when: datetime | None, now: datetime, limit: timedelta) -> bool:
    """Return whether a time is near. A time far in the future, from a wrong clock, is not."""
    return when is not None and abs(now - when) < limit
