"""Test the age of a heartbeat by the clock of this host."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_age import Age, observe
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_document import Heartbeat
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.clock import Clock


def beat(clock: Clock, sequence: int, behind: float = 0) -> Heartbeat:
    """Return a heartbeat of a server whose clock is some seconds behind."""
    timestamp = utc_text(clock() - timedelta(seconds=behind))
    return Heartbeat({"boot_id": "b", "sequence": sequence, "timestamp": timestamp})


def test_the_first_look_believes_the_timestamp(state: StateDirectory, clock: Clock) -> None:
    assert observe(state, {"build2": beat(clock, 1, behind=50)}, clock(), keep=True) == {"build2": Age(50, None)}


def test_where_a_change_was_watched_its_age_counts_from_then(state: StateDirectory, clock: Clock) -> None:
    """The error of the other clock does not matter, and is reported as skew."""
    observe(state, {"build2": beat(clock, 1, behind=1000)}, clock(), keep=True)
    clock.move(60)
    second = beat(clock, 2, behind=1000)
    assert observe(state, {"build2": second}, clock(), keep=True) == {"build2": Age(0, 1000)}
    clock.move(90)
    assert observe(state, {"build2": second}, clock(), keep=True) == {"build2": Age(90, 1000)}


def test_who_did_not_watch_believes_the_timestamp(state: StateDirectory, clock: Clock) -> None:
    """After a long time without a look, a heartbeat with a new sequence may also be old."""
    observe(state, {"build2": beat(clock, 1)}, clock(), keep=True)
    clock.move(121)
    assert observe(state, {"build2": beat(clock, 2, behind=100)}, clock(), keep=True) == {"build2": Age(100, None)}


def test_a_server_that_is_new_is_believed(state: StateDirectory, clock: Clock) -> None:
    observe(state, {}, clock(), keep=True)
    clock.move(10)
    assert observe(state, {"build2": beat(clock, 1, behind=500)}, clock(), keep=True) == {"build2": Age(500, None)}


def test_the_same_sequence_after_a_restart_is_a_new_beat(state: StateDirectory, clock: Clock) -> None:
    observe(state, {"build2": beat(clock, 1)}, clock(), keep=True)
    clock.move(60)
    again = Heartbeat({**beat(clock, 1).raw, "boot_id": "c"})
    assert observe(state, {"build2": again}, clock(), keep=True) == {"build2": Age(0, 0)}


@pytest.mark.parametrize("timestamp", [None, 7, "soon"])
def test_a_beat_without_a_time(state: StateDirectory, clock: Clock, timestamp: Any) -> None:
    assert observe(state, {"x": Heartbeat({"timestamp": timestamp})}, clock(), keep=True) == {"x": Age(None, None)}


def test_a_time_in_the_future_is_now(state: StateDirectory, clock: Clock) -> None:
    assert observe(state, {"x": beat(clock, 1, behind=-500)}, clock(), keep=True)["x"].seconds == 0


def test_check_mode_remembers_nothing(state: StateDirectory, clock: Clock) -> None:
    observe(state, {"build2": beat(clock, 1)}, clock(), keep=False)
    assert not state.path.exists()
