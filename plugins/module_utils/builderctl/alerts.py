# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``builderctl alerts``: what is open, who sent it, and whether the ways work."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ..coordination.alerts.memory import read_memory
from ..coordination.alerts.record import OPEN, RESOLVED, SENT, Alert, Record
from ..coordination.alerts.shared_record import shared_record
from ..coordination.alerts.ways import KINDS, load_ways
from ..coordination.errors import DeadlineReached, InvalidInput, RemoteUnreachable
from ..coordination.identity.config import Config
from ..coordination.identity.fleet import identify, load_fleet
from ..coordination.identity.host import Host
from ..coordination.state_dir import StateDirectory
from ..coordination.text import one_line
from ..coordination.timestamps import utc_now, utc_text
from .alert_delivery import deliver
from .alert_text import title
from .alert_way import call
from .command import AddCommand, Outcome
from .formats import word, words


def add(command: AddCommand) -> None:
    """Add the command and its arguments."""
    parser = command(
        "alerts",
        "show the alerts that are open, when they were sent and by which server",
        ["builderctl alerts", "builderctl alerts --json", "builderctl alerts --test"],
        "The services send alerts if build_alerts in the inventory has ways: a command, a webhook or mail. One server\n"
        "sends those of the fleet.",
        {1: "a way has failed (only with --test)"},
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--test", action="store_true", help="send a test alert by each way of this server")
    action.add_argument(
        "--deliver", action="store_true", help="send the alerts that wait; the unit build-alerts.service runs this"
    )


def run(host: Host, config: Config, _args: Namespace) -> Outcome:
    """List the alerts of the fleet; those that this server knows if the remote cannot be reached.

    :raises CoordinationError: if the ways or a file of this host cannot be used, or the remote rejects the fetch.
    """
    names = [way.name for way in load_ways(config.alerts)]
    known = read_memory(host.state)
    record = _newest(host, known.record)
    failing = {name: failure.reason for name, failure in known.failures.items() if name in names}
    data = {
        "alerts": [{"key": key, **_listed(alert)} for key, alert in record.alerts.items()],
        "ways": [{"name": name, "problem": failing.get(name)} for name in names],
    }
    return Outcome(data, lambda _paint: "\n".join(_lines(data)))


def _newest(host: Host, known: Record) -> Record:
    try:
        with shared_record(host) as shared:
            seen = shared.read()
    except (RemoteUnreachable, DeadlineReached) as error:
        host.repository.notes.append(error.what)
        return known
    return seen if seen.number >= known.number else known


def _listed(alert: Alert) -> dict[str, Any]:
    listed = {**asdict(alert), "text": title(asdict(alert)), "details": list(alert.details)}
    return {name: value for name, value in listed.items() if name not in ("summary", "items", "number")}


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    for alert in data["alerts"]:
        ways = [name if state == SENT else f"{name} ({state})" for name, state in alert["ways"].items()]
        yield one_line(alert["text"])
        yield f"  since {word(alert['since'])}, sent by {word(alert['by'])} at {word(alert['at'])}: {words(ways)}"
        yield from (f"| {one_line(line)}" for line in alert["details"])
    if not any(alert["event"] != RESOLVED for alert in data["alerts"]):
        yield "No alert is open."
    yield from (f"Problem: {way['name']}: {one_line(way['problem'])}" for way in data["ways"] if way["problem"])


def run_ways(config: Config, args: Namespace) -> Outcome:
    """Send a test alert by each way, or the alerts that wait.

    :raises CoordinationError: if the ways or a file of this host cannot be used.
    """
    state = StateDirectory(config.state_dir)
    if args.deliver:
        deliver(state, config.alerts)
        return Outcome({}, lambda _paint: "")
    ways = load_ways(config.alerts)
    if not ways:
        raise InvalidInput(
            "No way to send alerts is configured.",
            "Set build_alerts in the inventory, then run on the controller: ansible-playbook setup.yml",
        )
    own_id = identify(load_fleet(state), state)
    alert = _test_alert(own_id)
    results = [{"name": way.name, "problem": call(way, alert) or None} for way in ways]
    texts = [f"{one['name']}: {'sent' if one['problem'] is None else one_line(str(one['problem']))}" for one in results]
    return Outcome({"ways": results}, lambda _paint: "\n".join(texts), int(any(one["problem"] for one in results)))


def _test_alert(own_id: str) -> dict[str, Any]:
    now = utc_text(utc_now())
    summary = f"A test of {own_id}: alerts are sent by this way"
    return asdict(Alert(KINDS[-1], own_id, summary, (), (), OPEN, now, now, own_id, 0))
