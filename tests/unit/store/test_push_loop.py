"""Test the loop of a push."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import RemoteBusy, RemoteUnreachable
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.failures import (
    ConnectionLost,
    DiskFull,
    PushRejected,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.push_loop import SHORT_WAIT, PushLoop
from ansible_collections.acs.builders.tests.waiting import LIMIT

MOVED, LOST = PushRejected("fetch first"), ConnectionLost("cut off")
AWAY = RemoteUnreachable("The remote cannot be reached.", "Try again later.")


class Remote:
    """A remote that answers attempts with errors, then accepts one.

    :param errors: the answers.
    :param arrived: whether an attempt whose answer was lost has arrived.
    """

    def __init__(self, *errors: Exception, arrived: bool = False) -> None:
        self.calls: list[str] = []
        self._errors = list(errors)
        self._arrived = arrived

    def attempt(self) -> str:
        """Push."""
        self.calls.append("push")
        if self._errors:
            raise self._errors.pop(0)
        return "accepted"

    def refresh(self) -> str | None:
        """Fetch."""
        self.calls.append("fetch")
        return "arrived" if self._arrived else None


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts in seconds, each of the maximum length."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(random, "uniform", lambda least, most: least + most)
    return waits


def test_a_full_disk_is_no_reason_to_try_again(waits: list[float]) -> None:
    remote = Remote(DiskFull("No space left on device"))
    with pytest.raises(DiskFull):
        PushLoop(LIMIT).run(remote.attempt, remote.refresh)
    assert (remote.calls, waits) == (["push"], [])


@pytest.mark.parametrize("error", [MOVED, LOST], ids=["rejected", "cut"])
def test_each_retry_waits_for_a_random_time_with_a_growing_limit(waits: list[float], error: Exception) -> None:
    remote = Remote(*[error] * 20)
    assert PushLoop(LIMIT).run(remote.attempt, remote.refresh) == "accepted"
    assert waits[:3] == pytest.approx([0.06, 0.12, 0.18])
    assert max(waits) == waits[-1] == 1.0


def test_a_failed_attempt_is_repeated_on_the_newest_state() -> None:
    remote = Remote(MOVED, LOST)
    assert PushLoop(LIMIT).run(remote.attempt, remote.refresh) == "accepted"
    assert remote.calls == ["push", "fetch", "push", "fetch", "push"]


def test_a_stale_state_is_refreshed_first() -> None:
    remote = Remote()
    assert PushLoop(LIMIT).run(remote.attempt, remote.refresh, is_stale=True) == "accepted"
    assert remote.calls == ["fetch", "push"]


def test_an_attempt_that_arrived_without_an_answer_is_not_repeated() -> None:
    remote = Remote(LOST, arrived=True)
    assert PushLoop(LIMIT).run(remote.attempt, remote.refresh) == "arrived"
    assert remote.calls == ["push", "fetch"]


@pytest.mark.parametrize(
    ("make", "error", "pushes"),
    [
        (lambda: PushLoop(0), MOVED, 1),
        (lambda: PushLoop(LIMIT, tries=4), MOVED, 4),
        (lambda: PushLoop(LIMIT), AWAY, 3),
        (lambda: PushLoop(LIMIT, unreachable_tries=1), AWAY, 1),
        (lambda: PushLoop(LIMIT), ValueError("another error"), 1),
    ],
    ids=["deadline", "tries", "unreachable", "unreachable once", "final"],
)
def test_the_last_error_is_raised(make: Callable[[], PushLoop], error: Exception, pushes: int) -> None:
    """The time of a loop starts when it is created, so each test creates its own."""
    remote = Remote(*[error] * 20)
    with pytest.raises(type(error)) as caught:
        make().run(remote.attempt, remote.refresh)
    assert caught.value is error
    assert remote.calls.count("push") == pushes


@pytest.mark.parametrize("seconds", [SHORT_WAIT, SHORT_WAIT + 1])
def test_the_wait_that_a_busy_remote_asks_for(waits: list[float], seconds: float) -> None:
    busy = RemoteBusy("The remote is busy.", "No action is needed.")
    busy.wait = seconds
    remote = Remote(busy)
    if seconds > SHORT_WAIT:
        with pytest.raises(RemoteBusy):
            PushLoop(LIMIT).run(remote.attempt, remote.refresh)
        assert waits == []
    else:
        assert PushLoop(LIMIT).run(remote.attempt, remote.refresh) == "accepted"
        assert waits == [SHORT_WAIT]
