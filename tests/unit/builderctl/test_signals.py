"""Test the signals of the service, which may come at any time."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.signals import Signals, Stopped
from ansible_collections.acs.builders.tests.waiting import LIMIT

SENT = 5000


@pytest.fixture
def signals() -> Iterator[Signals]:
    """The signal handlers of the service; those of the test run are restored at the end."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield Signals()
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


def test_hangup_ends_the_wait_until_it_is_cleared(signals: Signals) -> None:
    """A signal just before the wait is noticed only when the wait ends, so several are sent."""
    assert not signals.wait(0)
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.01):
            os.kill(os.getpid(), signal.SIGHUP)

    sender = threading.Thread(target=send)
    sender.start()
    has_ended = signals.wait(LIMIT)
    ended.set()
    sender.join()
    assert has_ended and signals.wait(0)
    signals.clear()
    assert not signals.wait(0)


def test_signals_at_any_moment_do_not_block(signals: Signals) -> None:
    """A lock that the interrupted code holds would block the handler permanently."""

    def send() -> None:
        for _number in range(SENT):
            os.kill(os.getpid(), signal.SIGHUP)

    sender = threading.Thread(target=send)
    sender.start()
    while sender.is_alive():
        signals.wait(0.001)
        signals.clear()
    sender.join()


def test_a_second_signal_to_stop_does_not_block(signals: Signals) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with pytest.raises(Stopped):
            os.kill(os.getpid(), number)
            signals.wait(LIMIT)
    assert signals.is_stopped


def test_a_stop_whose_exception_is_lost_ends_the_next_wait(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python ignores an exception that is raised in a finalizer."""

    class Finalized:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            signals.wait(LIMIT)

    monkeypatch.setattr(sys, "unraisablehook", lambda _exception: None)
    Finalized()
    assert signals.is_stopped and signals.wait(0)
