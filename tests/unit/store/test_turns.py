"""Whose turn it is to write, and for how long a host waits for the others."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.store import turns
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.turns import PACE, PATIENCE, Turns, ahead

NAME = "turn"
PUSH, TIMEOUT = 0.4, 60
NEVER, ALWAYS = 1.0, 0.0


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, in seconds, none of which is made."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: pauses.append(seconds) if seconds else None)
    monkeypatch.setattr(random, "uniform", lambda _low, _high: 1.0)
    monkeypatch.setattr(random, "random", lambda: NEVER)
    return pauses


def written(tmp_path: Path, writers: list[str] | None) -> Turns:
    """The turns of a host, as a later process finds them, after a write behind those commits."""
    state = StateDirectory(tmp_path)
    first = Turns(state, NAME, TIMEOUT)
    first.wait()
    first.ended(PUSH, writers, "a")
    return Turns(state, NAME, TIMEOUT)


@pytest.mark.parametrize(
    ("writers", "number"),
    [
        ([], 0),
        (["b", "c"], 0),
        (["a", "b", "c"], 2),
        (["b", "a", "c", "b", "a"], 1),
        (["b", "c", "a", "c", "b", "a"], 0),
        (["b", "b", "a", "d", "c", "b"], 2),
    ],
)
def test_those_go_first_who_have_not_written_since(writers: list[str], number: int) -> None:
    assert ahead(writers, "a") == number


def test_who_is_alone_does_not_pause(tmp_path: Path, slept: list[float]) -> None:
    assert not written(tmp_path, None).wait()
    assert not slept


def test_who_is_alone_pauses_now_and_then_for_one_who_always_loses(
    tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "random", lambda: ALWAYS)
    assert not written(tmp_path, None).wait()
    assert slept == [pytest.approx(2 * PUSH, abs=0.2)]


def test_who_has_rivals_pauses_for_each_of_them_and_knows_that_the_branch_has_moved(
    tmp_path: Path, slept: list[float]
) -> None:
    assert written(tmp_path, ["c", "b", "a"]).wait()
    assert slept == [pytest.approx(2 * PUSH * PACE, abs=0.2)]


def test_who_has_rivals_writes_twice_in_a_row_now_and_then(
    tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "random", lambda: ALWAYS)
    again = written(tmp_path, ["c", "b", "a"])
    assert not again.wait()
    assert not slept
    monkeypatch.setattr(random, "random", lambda: NEVER)
    again.ended(PUSH, None, "a")
    assert Turns(StateDirectory(tmp_path), NAME, TIMEOUT).wait()
    assert slept


def test_rivals_that_have_ended_are_forgotten(tmp_path: Path, slept: list[float]) -> None:
    alone = written(tmp_path, ["c", "b", "a"])
    alone.wait()
    alone.ended(PUSH, ["a", "a"], "a")
    slept.clear()
    assert not Turns(StateDirectory(tmp_path), NAME, TIMEOUT).wait()
    assert not slept


def test_others_are_waited_for_a_few_times(tmp_path: Path, slept: list[float]) -> None:
    later = written(tmp_path, ["c", "b", "a"])
    later.wait()
    slept.clear()
    waited = [later.let_others(["a", "c", "b", *"d" * look], "a") for look in range(PATIENCE + 1)]
    assert waited == [True] * PATIENCE + [False]
    assert slept == [pytest.approx(number * PUSH * PACE) for number in (2, 3, 3)]


def test_a_pause_of_which_nobody_made_use_is_the_last_one(tmp_path: Path, slept: list[float]) -> None:
    later = written(tmp_path, ["c", "b", "a"])
    later.wait()
    assert later.let_others(["a", "c", "b"], "a")
    assert not later.let_others(["a", "c", "b"], "a")


def test_those_who_have_all_written_are_not_waited_for(tmp_path: Path, slept: list[float]) -> None:
    later = written(tmp_path, ["c", "b", "a"])
    later.wait()
    assert not later.let_others(["c", "b", "a", "c"], "a")


def test_a_pause_takes_a_part_of_the_time_at_most(tmp_path: Path, slept: list[float]) -> None:
    later = Turns(StateDirectory(tmp_path), NAME, 2)
    later.wait()
    later.ended(PUSH, ["b", "c", "d", "e", "a"], "a")
    later.let_others(["a", "b"], "a")
    later.let_others(["a", "b", "c"], "a")
    later.let_others(["a", "b", "c", "d"], "a")
    assert sum(slept) == pytest.approx(0.5)
    assert len(slept) == 2


DAMAGED = (
    *("", "{", "[1]", "[" * 100_000, '{"when": 1, "push": 1, "rivals": null, "moved": true}'),
    '{"when": 1e999, "push": 1, "rivals": 1, "moved": true}',
    '{"when": 1, "push": NaN, "rivals": 1, "moved": true}',
)


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_record_is_none(tmp_path: Path, slept: list[float], content: str) -> None:
    (tmp_path / NAME).write_text(content)
    assert not Turns(StateDirectory(tmp_path), NAME, TIMEOUT).wait()
    assert not slept


@pytest.mark.parametrize("shift", [-3 * turns.MOST, 3 * turns.MOST])
def test_a_clock_that_jumps_makes_nobody_wait(
    tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch, shift: float
) -> None:
    later = written(tmp_path, ["c", "b", "a"])
    now = time.time() + shift
    monkeypatch.setattr(time, "time", lambda: now)
    assert not later.wait()
    assert not slept


def test_without_a_disk_nobody_waits(tmp_path: Path, slept: list[float]) -> None:
    (tmp_path / "file").touch()
    state = StateDirectory(tmp_path / "file")
    one = Turns(state, NAME, TIMEOUT)
    one.wait()
    one.ended(PUSH, ["b", "a"], "a")
    assert not Turns(state, NAME, TIMEOUT).wait()
    assert not slept
