# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The age of heartbeats, by the clock of this host where possible."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from ..state_dir import StateDirectory
from ..timestamps import parse_time, utc_text
from .heartbeat_document import Heartbeat

WATCH_FILE = "watch.json"
MAX_GAP = 120
"""Seconds. If the last observation is longer ago, the time of a change is unknown."""


class Age(NamedTuple):
    """The age of the last heartbeat of a server.

    :param seconds: the age in seconds; None if the heartbeat has no valid timestamp.
    :param clock_skew: the seconds by which the clock of the server is behind that of this host; None if unknown.
    :param is_replay: whether the repository has an older heartbeat than was observed before; the age is that of the
        latter.
    """

    seconds: float | None
    clock_skew: float | None
    is_replay: bool = False


def observe(
    state: StateDirectory,
    beats: dict[str, Heartbeat],
    now: datetime,
    keep: bool,
    silent: Iterable[str] = (),
) -> dict[str, Age]:
    """Return the age of each heartbeat.

    :param beats: the trusted heartbeats by server id.
    :param now: the current time in UTC.
    :param keep: whether to record which heartbeats are new.
    :param silent: the servers without a trusted heartbeat, whose age is that of the last one in the record.
    """
    record = state.read(WATCH_FILE, _parse_record) or {"looked": None, "servers": {}}
    observed_at = parse_time(record["looked"])
    is_continuous = observed_at is not None and 0 <= (now - observed_at).total_seconds() <= MAX_GAP
    servers = {server: record["servers"][server] for server in silent if server in record["servers"]}
    ages = {server: _age(None, parse_time(seen["mark"][2]), now) for server, seen in servers.items()}
    for server, beat in beats.items():
        mark = beat.mark
        before = record["servers"].get(server)
        is_replay = before is not None and _is_older(mark, before["mark"])
        if before is not None and (is_replay or before["mark"] == mark):
            servers[server] = before
        else:
            first_seen = utc_text(now) if is_continuous and before is not None else None
            servers[server] = {"mark": mark, "first_seen": first_seen}
        sent = parse_time(servers[server]["mark"][2])
        ages[server] = _age(parse_time(servers[server]["first_seen"]), sent, now)._replace(is_replay=is_replay)
    if keep:
        state.write_json(WATCH_FILE, {"looked": utc_text(now), "servers": servers})
    return ages


def _parse_record(record: Any) -> dict[str, Any]:
    """Parse the record of the last observation.

    It has its time, and for each server its heartbeat and when that was first seen.
    """
    servers = {}
    for server, seen in record["servers"].items():
        boot_id, sequence, timestamp = seen["mark"]
        servers[str(server)] = {"mark": [boot_id, sequence, timestamp], "first_seen": seen["first_seen"]}
    return {"looked": record["looked"], "servers": servers}


def _is_older(mark: list[Any], other: list[Any]) -> bool:
    """Return whether a heartbeat is older than another.

    Both its sequence number and its timestamp must be lower.
    """
    numbers = (mark[1], other[1])
    times = parse_time(mark[2]), parse_time(other[2])
    if not all(isinstance(number, int) for number in numbers) or times[0] is None or times[1] is None:
        return False
    return bool(numbers[0] < numbers[1]) and times[0] < times[1]


def _age(first_seen: datetime | None, sent: datetime | None, now: datetime) -> Age:
    if first_seen is not None and first_seen <= now:  # otherwise the clock of this host was set back
        skew = (first_seen - sent).total_seconds() if sent else None
        return Age(max(0.0, (now - first_seen).total_seconds()), skew)
    return Age(max(0.0, (now - sent).total_seconds()) if sent else None, None)
