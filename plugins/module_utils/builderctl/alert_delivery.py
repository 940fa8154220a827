# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that sends alerts: it calls each way with the deliveries that the service has handed over."""

from __future__ import annotations

from collections.abc import Sequence

from ..coordination.alerts.deliveries import STARTED, Delivery, begin, delivering, record_state
from ..coordination.alerts.record import FAILED, SENT
from ..coordination.alerts.ways import Way, load_ways
from ..coordination.state_dir import StateDirectory
from ..coordination.timestamps import utc_now
from .alert_way import call


def deliver(state: StateDirectory, path: str) -> None:
    """Make the attempts that wait, those of one way after the other, those of different ways at the same time.

    :param path: the file of the ways.
    :raises Locked: if another process makes them.
    :raises InvalidInput: if the ways are not valid.
    :raises StateUnusable: if a file of the state directory cannot be read or written.
    """
    from concurrent.futures import ThreadPoolExecutor  # no other command needs it

    with delivering(state):
        ways = {way.name: way for way in load_ways(path)}
        while waiting := begin(state):
            by_way: dict[str, list[Delivery]] = {}
            for one in waiting:
                by_way.setdefault(one.way, []).append(one)
            with ThreadPoolExecutor(len(by_way)) as pool:
                for ended in [pool.submit(_by, state, ways.get(name), mine) for name, mine in by_way.items()]:
                    ended.result()


def _by(state: StateDirectory, way: Way | None, deliveries: Sequence[Delivery]) -> None:
    """Make the attempts of one way. After a failure, the others are put off without a call."""
    failure = "it is no longer configured" if way is None else ""
    for one in deliveries:
        if way is not None and not failure and one.is_valid(utc_now()):
            record_state(state, one, STARTED)
            failure = call(way, one.alert)
            record_state(state, one, FAILED if failure else SENT, failure)
        else:
            record_state(state, one, FAILED, failure or "it was not sent in time")
