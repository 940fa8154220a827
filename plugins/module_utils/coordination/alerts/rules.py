# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of alerts: what the server that sends them for the fleet records before it sends them.

Each alert is sent when it begins, when something new is added to it, and when it ends. The record says which attempts
are made before they are made. So a server that takes over knows what may have been sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .conditions import Condition, unconfirmed_conditions
from .record import CHANGED, FAILED, MAX_ITEMS, OPEN, RESOLVED, SENDING, SENT, UNKNOWN, Alert, Outcome, Record
from .ways import Way


@dataclass(frozen=True)
class Sender:
    """The server that sends the alerts of the fleet.

    :param id: its id.
    :param now: the time, as text in UTC.
    :param ways: its ways.
    :param usable: the names of the ways that may be tried now; the others have failed and are put off.
    :param living: the ids of the servers that beat.
    :param unclear: the kinds of alerts of which nothing is known at the moment; they do not end.
    """

    id: str
    now: str
    ways: Sequence[Way]
    usable: Collection[str]
    living: Collection[str]
    unclear: Collection[str] = ()


def sender_of(own_id: str, order: Iterable[str], servers: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the server that sends the alerts of the fleet: the first living one that has ways.

    :param own_id: the id of this server, which has ways and lives.
    :param order: the ids of the fleet in its order.
    :param servers: the servers of the health.
    """
    for server in order:
        found = servers.get(server)
        if server == own_id or (found and found["alerts"] and found["state"] in ("ok", "aging")):
            return server
    return own_id


def with_outcomes(record: Record, own_id: str, outcomes: Iterable[Outcome]) -> Record:
    """Return the record with the outcomes of the attempts of this server."""
    alerts = dict(record.alerts)
    for key, number, way, state in outcomes:
        alert = alerts.get(key)
        if alert and (alert.by, alert.number) == (own_id, number) and way in alert.ways:
            alerts[key] = replace(alert, ways={**alert.ways, way: state})
    return _changed(record, {key: alert for key, alert in alerts.items() if not _is_over(alert)})


def planned(record: Record, found: Iterable[Condition], sender: Sender) -> Record:
    """Return the record with the attempts that the sender makes next, the same if there are none.

    :param found: all conditions, except those about the record itself.
    """
    alerts = {key: _left_by_dead(alert, sender) for key, alert in record.alerts.items()}
    conditions = {one.key: one for one in (*found, *unconfirmed_conditions(Record(record.number, alerts)))}
    number = record.number + 1
    for key, condition in conditions.items():
        alert = _begun(alerts.get(key), condition, number, sender)
        if alert:
            alerts[key] = alert
    for key in alerts.keys() - conditions.keys():
        if alerts[key].kind not in sender.unclear:
            alerts[key] = _ended(alerts[key], number, sender)
    return _changed(record, {key: alert for key, alert in alerts.items() if not _is_over(alert)})


def _left_by_dead(alert: Alert, sender: Sender) -> Alert:
    """Return an alert; if the server that sends it is dead, the outcome of its attempts is not known."""
    if not alert.is_being_sent or alert.by in sender.living:
        return alert
    return replace(alert, ways={name: UNKNOWN if state == SENDING else state for name, state in alert.ways.items()})


def _begun(alert: Alert | None, condition: Condition, number: int, sender: Sender) -> Alert | None:
    """Return the alert of a condition; None if it is sent to nobody."""
    is_new = alert is None or alert.event == RESOLVED
    if (alert and alert.is_being_sent) or (is_new and not condition.is_certain):
        return alert
    if alert and not is_new and set(condition.items) <= set(alert.items):
        return _tried_again(alert, number, sender)
    wanted = [
        way.name
        for way in sender.ways
        if way.takes(condition.kind, condition.server) and way.name != condition.except_way
    ]
    if not wanted:
        return None
    earlier = () if alert is None or is_new else alert.items
    return Alert(
        kind=condition.kind,
        server=condition.server,
        summary=condition.summary,
        details=condition.details,
        items=tuple(dict.fromkeys((*condition.items, *earlier)))[:MAX_ITEMS],
        event=OPEN if is_new else CHANGED,
        since=sender.now if alert is None or is_new else alert.since,
        at=sender.now,
        by=sender.id,
        number=number,
        ways=_attempts(wanted, sender),
    )


def _ended(alert: Alert, number: int, sender: Sender) -> Alert:
    """Return the alert of a condition that is over. A way that did not send its begin does not send its end."""
    if alert.is_being_sent:
        return alert
    if alert.event == RESOLVED:
        return _tried_again(alert, number, sender)
    configured = {way.name for way in sender.ways}
    wanted = [name for name, state in alert.ways.items() if state in (SENT, UNKNOWN) and name in configured]
    ways = _attempts(wanted, sender)
    return replace(alert, event=RESOLVED, at=sender.now, by=sender.id, number=number, ways=ways)


def _tried_again(alert: Alert, number: int, sender: Sender) -> Alert:
    """Return an alert with further attempts by the ways that have failed and may be tried now."""
    configured = {way.name for way in sender.ways}
    kept = {name: state for name, state in alert.ways.items() if state != FAILED or name in configured}
    again = [name for name, state in kept.items() if state == FAILED and name in sender.usable]
    if not again:
        return replace(alert, ways=kept)
    return replace(alert, at=sender.now, by=sender.id, number=number, ways={**kept, **dict.fromkeys(again, SENDING)})


def _attempts(names: Iterable[str], sender: Sender) -> dict[str, str]:
    return {name: SENDING if name in sender.usable else FAILED for name in names}


def _is_over(alert: Alert) -> bool:
    """Return whether the end of an alert was sent by every way concerned."""
    return alert.event == RESOLVED and not {SENDING, FAILED} & set(alert.ways.values())


def _changed(record: Record, alerts: Mapping[str, Alert]) -> Record:
    return record if alerts == record.alerts else Record(record.number + 1, alerts)
