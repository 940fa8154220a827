"""Test the deliveries of alerts: what the sending process gets, and what it records."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.deliveries import (
    STARTED,
    VALID_FOR,
    WAITING,
    WAITING_FILE,
    Delivery,
    begin,
    delivering,
    hand_over,
    not_begun,
    nudge,
    read_deliveries,
    record_state,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.record import Alert, Record
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import Locked
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
TIME = "2026-11-22T07:11:46Z"


def record(number: int = 1, by: str = "build1", **ways: str) -> Record:
    """Return a record with one alert."""
    alert = Alert("server", "build3", "build3 is stale", ("a",), ("silent",), "open", TIME, TIME, by, number, ways)
    return Record(number, {"server/build3": alert})


def states(state: StateDirectory) -> list[tuple[str, str]]:
    """Return the way and the state of each delivery."""
    return [(one.way, one.state) for one in read_deliveries(state)]


def test_attempts_of_this_server_are_handed_over_once(state: StateDirectory) -> None:
    both = record(a="sending", b="told")
    for _time in range(2):
        hand_over(state, "build1", both, [], NOW)
        assert states(state) == [("a", WAITING)]
    hand_over(state, "build1", record(2, by="build2", c="sending"), [], NOW)
    assert states(state) == [("a", WAITING)]
    (one,) = begin(state)
    assert (one.alert["summary"], one.alert["details"], one.outcome) == ("build3 is stale", ["a"], None)


def test_an_outcome_goes_when_it_is_recorded(state: StateDirectory) -> None:
    hand_over(state, "build1", record(a="sending"), [], NOW)
    (one,) = begin(state)
    record_state(state, one, STARTED)
    record_state(state, one, "failed", "no answer")
    (done,) = read_deliveries(state)
    assert (done.outcome, done.reason) == (("server/build3", 1, "a", "failed"), "no answer")
    assert done.outcome
    hand_over(state, "build1", record(2, a="sending"), [done.outcome], NOW)
    assert [one.name for one in read_deliveries(state)] == [("server/build3", 2, "a")]


def test_what_an_earlier_process_has_started_is_not_known(state: StateDirectory) -> None:
    hand_over(state, "build1", record(a="sending", b="sending"), [], NOW)
    record_state(state, begin(state)[0], STARTED)
    assert [one.way for one in begin(state)] == ["b"]
    assert states(state) == [("a", "unknown"), ("b", WAITING)]


def test_the_deliveries_are_started_while_one_waits(state: StateDirectory) -> None:
    nudge(state, NOW)
    assert state.version(WAITING_FILE) is None
    hand_over(state, "build1", record(a="sending"), [], NOW)
    nudge(state, NOW)
    before = state.version(WAITING_FILE)
    nudge(state, NOW)
    assert before is not None and before != state.version(WAITING_FILE)
    late = NOW + timedelta(seconds=VALID_FOR)
    before = state.version(WAITING_FILE)
    nudge(state, late)
    assert state.version(WAITING_FILE) == before
    assert not_begun(read_deliveries(state), NOW) == {}
    assert "build-alerts.path" in not_begun(read_deliveries(state), late)["deliveries"]


def test_the_deliveries_are_started_while_the_outcome_of_one_is_missing(state: StateDirectory) -> None:
    """The process that made the attempt may have been killed while no other delivery waits."""
    hand_over(state, "build1", record(a="sending"), [], NOW)
    record_state(state, begin(state)[0], STARTED)
    late = NOW + timedelta(days=1)
    nudge(state, late)
    before = state.version(WAITING_FILE)
    assert before is not None
    assert begin(state) == [] and states(state) == [("a", "unknown")]
    nudge(state, late)
    assert state.version(WAITING_FILE) == before


@pytest.mark.parametrize(
    ("at", "valid"), [(TIME, True), ("2026-11-22T07:00:00Z", False), ("2027-01-01T00:00:00Z", False), ("x", False)]
)
def test_an_old_attempt_is_not_begun(at: str, valid: bool) -> None:
    assert Delivery("key", "a", {}, at).is_valid(NOW) is valid


def test_one_process_delivers(state: StateDirectory) -> None:
    with delivering(state), pytest.raises(Locked), delivering(state):
        pass
