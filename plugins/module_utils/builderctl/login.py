# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary for the manager at login.

It is made from the last record of the service, without access to the network.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..coordination.identity.config import Config
from ..coordination.identity.host import Host
from ..coordination.monitoring.own_state import SUMMARY_FILE
from ..coordination.state_dir import StateDirectory
from ..coordination.text import one_line
from ..coordination.timestamps import parse_time, utc_now, utc_text

SERVICE_REMEDY = "Check it: systemctl status build-heartbeat"
SILENT = 5
"""The number of intervals without a cycle after which the service is reported as silent."""


def write_summary(host: Host, health: dict[str, Any], own: list[str], service: list[str], interval: int) -> None:
    """Record the summary for the manager.

    :param health: the health of the fleet.
    :param own: what concerns this host: its problems, and what its manager has to do.
    :param service: those of the problems that only the service knows.
    :param interval: seconds until the next record.
    :raises StateUnusable: if the record cannot be written.
    """
    others = [problem for problem in health["problems"] if not problem.startswith(f"{host.id}: ")]
    host.state.write_json(
        SUMMARY_FILE,
        {
            "server": host.id,
            "at": utc_text(host.clock()),
            "interval": interval,
            "unread": health["messages"]["unread"].get(host.id, 0),
            "problems": [*own, *others],
            "service": service,
            "failure": "",
        },
    )


def read_summary(state: StateDirectory) -> dict[str, Any] | None:
    """Return the record, None if the service has never run.

    :raises StateUnusable: if it cannot be read.
    """
    return state.read(SUMMARY_FILE, _parse_summary)


def write_failure(host: Host, failure: str) -> None:
    """Add the reason why there is no heartbeat to the record.

    :raises StateUnusable: if the record cannot be written.
    """
    record = read_summary(host.state) or _parse_summary({"server": host.id})
    host.state.write_json(SUMMARY_FILE, {**record, "failure": failure})


def _parse_summary(record: Any) -> dict[str, Any]:
    if not isinstance(record["server"], str):
        raise TypeError("the server is not a text")
    return {
        "server": record["server"],
        "at": record.get("at"),
        "interval": float(record.get("interval", 0)),
        "unread": int(record.get("unread", 0)),
        "problems": [str(problem) for problem in record.get("problems", [])],
        "failure": str(record.get("failure", "")),
    }


def summary(config: Config, now: datetime | None = None) -> str:
    """Return the summary: unread messages, problems, the state of the service.

    :param now: the current time in UTC; None to read the clock.
    :return: one line for each; empty if there is nothing to report.
    :raises StateUnusable: if the record cannot be read.
    """
    record = read_summary(StateDirectory(config.state_dir))
    if record is None:
        return f"The heartbeat service of this server has never run. {SERVICE_REMEDY}"
    lines = []
    unread = record["unread"]
    if unread:
        lines.append(f"{unread} unread message{'s' * (unread != 1)}. Read: builderctl read")
    lines += record["problems"]
    seen = parse_time(record["at"])
    if record["failure"]:
        lines.append(record["failure"])
    else:
        lines += _silence(seen, SILENT * record["interval"], now or utc_now())
    return "\n".join(f"{record['server']}: {one_line(line)}" for line in lines)


def _silence(seen: datetime | None, limit: float, now: datetime) -> list[str]:
    """Report a service without a record for more than ``limit`` seconds."""
    if seen is None:
        return [f"The heartbeat service has not completed a cycle. {SERVICE_REMEDY}"]
    seconds = (now - seen).total_seconds()
    if seconds < -limit:
        return [f"The last cycle of the heartbeat service, {utc_text(seen)}, is in the future. Check: timedatectl"]
    return (
        [f"The heartbeat service has been silent since {utc_text(seen)}. {SERVICE_REMEDY}"] if seconds > limit else []
    )
