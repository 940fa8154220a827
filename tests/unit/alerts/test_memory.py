"""Test what a server remembers about its alerts: the record, and the ways that have failed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.deliveries import Delivery
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.memory import (
    Failure,
    Memory,
    read_memory,
    with_failures,
    write_memory,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.record import Alert, Record
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory

TIME = "2026-11-22T07:11:46Z"
NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)


def ended(way: str, state: str, reason: str = "") -> Delivery:
    """Return a delivery with an outcome."""
    return Delivery("key", way, {"number": 1}, TIME, state, reason)


def test_what_is_written_is_read(state: StateDirectory) -> None:
    assert read_memory(state) == Memory()
    alert = Alert("mail", "b", "1 message", ("from b: hi",), ("m1",), "open", TIME, TIME, "a", 3, {"chat": "told"})
    memory = Memory(Record(3, {"mail/b": alert}), {"chat": Failure(1, TIME, "no answer")})
    write_memory(state, memory)
    assert read_memory(StateDirectory(state.path)) == memory


def test_a_damaged_file_is_an_error(state: StateDirectory) -> None:
    state.write_json("alerts.json", {"record": {"number": -1, "alerts": {}}, "failures": {}})
    with pytest.raises(StateUnusable, match="unexpected content"):
        read_memory(state)


@pytest.mark.parametrize(("number", "seconds"), [(1, 60), (2, 120), (6, 1920), (7, 3600), (1000, 3600)])
def test_the_wait_doubles_up_to_an_hour(number: int, seconds: int) -> None:
    memory = Memory(failures={"chat": Failure(number, TIME, "no answer")})
    assert memory.usable(["chat", "ops"], NOW + timedelta(seconds=seconds - 1)) == {"ops"}
    assert memory.usable(["chat", "ops"], NOW + timedelta(seconds=seconds)) == {"chat", "ops"}


def test_failures_count_until_a_success() -> None:
    names = ["chat", "ops"]
    first = with_failures({}, [ended("chat", "failed", "one"), ended("chat", "failed", "two")], names, TIME)
    assert first == {"chat": Failure(1, TIME, "two")}
    second = with_failures(first, [ended("chat", "failed", "three"), ended("ops", "told")], names, TIME)
    assert second == {"chat": Failure(2, TIME, "three")}
    assert with_failures(second, [ended("chat", "unknown")], names, TIME) == second
    assert with_failures(second, [ended("chat", "told")], names, TIME) == {}
    assert with_failures(second, [], ["ops"], TIME) == {}, "a removed way is still reported as a problem"


def test_a_way_that_fails_is_a_problem() -> None:
    assert Memory().problems() == {}
    (problem,) = Memory(failures={"chat": Failure(1, TIME, "no answer")}).problems().values()
    assert problem == (
        "Alerts cannot be sent by the way chat (no answer). The next try is at 2026-11-22T07:12:46Z. "
        "Try it: builderctl alerts --test"
    )
