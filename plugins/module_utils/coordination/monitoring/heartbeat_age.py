# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How old the heartbeats are, by this host's own clock where it has watched them change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from ..state_dir import StateDirectory
from ..timestamps import parse_time, utc_text

WATCH_FILE = "watch.json"
WATCHED = 120
"""Seconds since the last look up to which a change is known to be new."""


class Age(NamedTuple):
    """Seconds since a server's last beat, and by how many its clock is behind this one (None: not known).

    ``put_back`` is true when the repository has an older beat than this reader has seen: that one does not count.
    """

    seconds: float | None
    clock_skew: float | None
    put_back: bool = False


def observe(
    state: StateDirectory,
    beats: dict[str, dict[str, Any]],
    now: datetime,
    keep: bool,
    silent: Iterable[str] = (),
) -> dict[str, Age]:
    """Note which heartbeats are new and tell how old each is.

    :param beats: the newest heartbeat of each server that is believed.
    :param keep: whether to remember what was seen; false in check mode.
    :param silent: the servers without a heartbeat that is believed: the last one that was counts.
    """
    record = state.read(WATCH_FILE, _parse_record) or {"looked": None, "servers": {}}
    looked = parse_time(record["looked"])
    watching = looked is not None and 0 <= (now - looked).total_seconds() <= WATCHED
    servers = {server: record["servers"][server] for server in silent if server in record["servers"]}
    ages = {server: _age(None, parse_time(seen["mark"][2]), now) for server, seen in servers.items()}
    for server, beat in beats.items():
        mark = [beat.get("boot_id"), beat.get("sequence"), beat.get("timestamp")]
        before = record["servers"].get(server)
        put_back = before is not None and _is_older(mark, before["mark"])
        if before is not None and (put_back or before["mark"] == mark):
            servers[server] = before
        else:
            first_seen = utc_text(now) if watching and before is not None else None
            servers[server] = {"mark": mark, "first_seen": first_seen}
        sent = parse_time(servers[server]["mark"][2])
        ages[server] = _age(parse_time(servers[server]["first_seen"]), sent, now)._replace(put_back=put_back)
    if keep:
        state.write_json(WATCH_FILE, {"looked": utc_text(now), "servers": servers})
    return ages


def _parse_record(record: Any) -> dict[str, Any]:
    """When this host looked last, and for each server which beat it saw, and when first."""
    servers = {}
    for server, seen in record["servers"].items():
        boot_id, sequence, timestamp = seen["mark"]
        servers[str(server)] = {"mark": [boot_id, sequence, timestamp], "first_seen": seen["first_seen"]}
    return {"looked": record["looked"], "servers": servers}


def _is_older(mark: list[Any], other: list[Any]) -> bool:
    """Whether a beat is older than another, by its number and by its time."""
    numbers = (mark[1], other[1])
    times = parse_time(mark[2]), parse_time(other[2])
    if not all(isinstance(number, int) for number in numbers) or times[0] is None or times[1] is None:
        return False
    return bool(numbers[0] < numbers[1]) and times[0] < times[1]


def _age(first_seen: datetime | None, sent: datetime | None, now: datetime) -> Age:
    if first_seen is not None and first_seen <= now:  # else this host's clock was ahead, and is right now
        skew = (first_seen - sent).total_seconds() if sent else None
        return Age(max(0.0, (now - first_seen).total_seconds()), skew)
    return Age(max(0.0, (now - sent).total_seconds()) if sent else None, None)
