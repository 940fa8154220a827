"""Test which changes are alerted, and by which server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.conditions import Condition
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.record import (
    NO_ALERTS,
    Outcome,
    Record,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.rules import (
    Sender,
    planned,
    sender_of,
    with_outcomes,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.ways import MAIL, SERVER, Way

CHAT, PAGER = Way("chat", webhook="https://chat.example.com/x"), Way("pager", ("/bin/true",), kinds=(SERVER,))
BUILD1 = Sender("build1", "2026-11-22T07:11:46Z", [CHAT, PAGER], {"chat", "pager"}, {"build1", "build2"})
BUILD2 = replace(BUILD1, id="build2", now="2026-11-22T08:00:00Z", living={"build2"})
STALE = Condition("server/build3", SERVER, "build3", "build3 is stale", (), ("silent",))
OVERDUE = Condition("mail/build2", MAIL, "build2", "1 message to build2 overdue", ("a line",), ("m1",))


def ended_all(record: Record, state: str = "told", by: str = "build1") -> Record:
    """Return the record after all attempts have ended with the same state."""
    attempts = [
        Outcome(key, alert.number, way, state)
        for key, alert in record.alerts.items()
        for way, now in alert.ways.items()
        if now == "sending"
    ]
    return with_outcomes(record, by, attempts)


def events(record: Record) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the last event of each alert, and its state by way."""
    return {key: (alert.event, dict(alert.ways)) for key, alert in record.alerts.items()}


def test_each_condition_is_sent_once_by_the_ways_that_take_it() -> None:
    first = planned(NO_ALERTS, [STALE, OVERDUE], BUILD1)
    assert events(first) == {
        "server/build3": ("open", {"chat": "sending", "pager": "sending"}),
        "mail/build2": ("open", {"chat": "sending"}),
    }
    assert planned(first, [STALE, OVERDUE], BUILD1) is first, "an alert that is being sent is sent again"
    done = ended_all(first)
    assert planned(done, [STALE, OVERDUE], BUILD1) is done
    assert done.alerts["server/build3"].since == BUILD1.now


def test_an_end_is_sent_once_and_then_forgotten() -> None:
    record = ended_all(planned(NO_ALERTS, [STALE], BUILD1))
    ended = planned(record, [], BUILD1)
    assert events(ended) == {"server/build3": ("resolved", {"chat": "sending", "pager": "sending"})}
    assert ended_all(ended).alerts == {}
    again = planned(ended_all(ended), [STALE], BUILD1)
    assert events(again)["server/build3"][0] == "open"


def test_a_condition_is_sent_again_only_if_something_new_is_added() -> None:
    record = ended_all(planned(NO_ALERTS, [OVERDUE], BUILD1))
    older = OVERDUE._replace(summary="1 message overdue, for longer", details=("another line",))
    assert planned(record, [older], BUILD1) is record
    two = OVERDUE._replace(summary="2 messages to build2 overdue", items=("m1", "m2"))
    changed = planned(record, [two], BUILD1)
    assert events(changed) == {"mail/build2": ("changed", {"chat": "sending"})}
    assert changed.alerts["mail/build2"].summary == two.summary
    fewer = ended_all(changed)
    assert planned(fewer, [OVERDUE], BUILD1) is fewer
    assert planned(fewer, [two], BUILD1) is fewer, "an item that disappeared and came back is sent again"


def test_a_way_that_did_not_send_the_begin_does_not_send_the_end() -> None:
    record = planned(NO_ALERTS, [STALE], BUILD1)
    number = record.number
    record = with_outcomes(
        record,
        "build1",
        [Outcome("server/build3", number, "chat", "told"), Outcome("server/build3", number, "pager", "failed")],
    )
    assert events(planned(record, [], BUILD1)) == {"server/build3": ("resolved", {"chat": "sending"})}
    assert planned(ended_all(planned(NO_ALERTS, [STALE], BUILD1), "failed"), [], BUILD1).alerts == {}


def test_a_way_that_failed_is_tried_again_when_it_is_usable() -> None:
    record = ended_all(planned(NO_ALERTS, [STALE], BUILD1), "failed")
    waiting = replace(BUILD1, usable={"pager"})
    again = planned(record, [STALE], waiting)
    assert events(again) == {"server/build3": ("open", {"chat": "failed", "pager": "sending"})}
    assert again.alerts["server/build3"].number == again.number > record.number
    new = planned(ended_all(again), [STALE, OVERDUE], waiting)
    assert events(new)["mail/build2"] == ("open", {"chat": "failed"}), "a failing way is called for each alert"
    assert events(planned(new, [STALE, OVERDUE], BUILD1))["mail/build2"] == ("open", {"chat": "sending"})


def test_a_way_that_is_gone_is_forgotten() -> None:
    record = ended_all(planned(NO_ALERTS, [STALE], BUILD1), "failed")
    one = replace(BUILD1, ways=[CHAT])
    assert events(planned(record, [STALE], one)) == {"server/build3": ("open", {"chat": "sending"})}
    assert events(planned(ended_all(planned(NO_ALERTS, [STALE], BUILD1)), [], one)) == {
        "server/build3": ("resolved", {"chat": "sending"})
    }


def test_an_alert_that_nobody_takes_is_not_recorded() -> None:
    assert planned(NO_ALERTS, [OVERDUE], replace(BUILD1, ways=[PAGER])) is NO_ALERTS
    apart = OVERDUE._replace(except_way="chat")
    assert planned(NO_ALERTS, [apart], BUILD1) is NO_ALERTS


def test_the_next_sender_sends_nothing_twice() -> None:
    record = ended_all(planned(NO_ALERTS, [STALE, OVERDUE], BUILD1))
    dead = Condition("server/build1", SERVER, "build1", "build1 is stale", (), ("silent",))
    after = planned(record, [STALE, OVERDUE, dead], BUILD2)
    assert events(after)["server/build1"] == ("open", {"chat": "sending", "pager": "sending"})
    assert {key: alert for key, alert in after.alerts.items() if key != "server/build1"} == record.alerts


def test_what_a_dead_server_may_have_sent_is_named_and_not_repeated() -> None:
    record = planned(NO_ALERTS, [OVERDUE], BUILD1)
    waiting = planned(record, [OVERDUE], replace(BUILD2, living={"build1", "build2"}))
    assert waiting is record, "a living server is still sending the alert"
    after = planned(record, [OVERDUE], BUILD2)
    assert events(after) == {
        "mail/build2": ("open", {"chat": "unknown"}),
        "untold/mail/build2": ("open", {"chat": "sending"}),
    }
    alert = after.alerts["untold/mail/build2"]
    assert alert.summary == "build1 may not have sent by chat: 1 message to build2 overdue"
    done = ended_all(after, by="build2")
    assert planned(done, [OVERDUE], BUILD2) is done
    ended = ended_all(planned(done, [], BUILD2), by="build2")
    assert list(ended.alerts) == ["untold/mail/build2"]
    assert ended_all(planned(ended, [], BUILD2), by="build2").alerts == {}


def test_an_outcome_counts_for_its_own_attempt() -> None:
    record = planned(NO_ALERTS, [STALE], BUILD1)
    key, number = "server/build3", record.number
    for other in (Outcome(key, number + 1, "chat", "told"), Outcome(key, number, "mail", "told")):
        assert with_outcomes(record, "build1", [other]) is record
    assert with_outcomes(record, "build2", [Outcome(key, number, "chat", "told")]) is record
    assert with_outcomes(record, "build1", [Outcome("server/build9", number, "chat", "told")]) is record


def test_what_cannot_be_seen_does_not_end() -> None:
    record = ended_all(planned(NO_ALERTS, [STALE, OVERDUE], BUILD1))
    after = planned(record, [], replace(BUILD1, unclear={MAIL}))
    assert {key: event for key, (event, _ways) in events(after).items()} == {
        "server/build3": "resolved",
        "mail/build2": "open",
    }


def test_what_is_not_certain_is_not_sent_and_does_not_end() -> None:
    uncertain = STALE._replace(is_certain=False)
    assert planned(NO_ALERTS, [uncertain], BUILD1) is NO_ALERTS
    record = ended_all(planned(NO_ALERTS, [STALE], BUILD1))
    assert planned(record, [uncertain], BUILD1) is record


@pytest.mark.parametrize(
    ("states", "own", "sender"),
    [
        ({}, "build3", "build1"),
        ({"build1": "aging"}, "build3", "build1"),
        ({"build1": "stale"}, "build3", "build2"),
        ({"build1": "missing", "build2": "stale"}, "build3", "build3"),
        ({"build1": "stale", "build2": "stale"}, "build1", "build1"),
    ],
)
def test_the_first_living_server_sends(states: dict[str, str], own: str, sender: str) -> None:
    order = ["build1", "build2", "build3"]
    servers: dict[str, dict[str, Any]] = {
        server: {"alerts": True, "state": states.get(server, "ok")} for server in order
    }
    assert sender_of(own, order, servers) == sender


def test_a_server_without_ways_sends_nothing() -> None:
    servers = {"build1": {"alerts": False, "state": "ok"}, "build2": {"alerts": True, "state": "ok"}}
    assert sender_of("build2", ["operator", "build1", "build2"], servers) == "build2"
