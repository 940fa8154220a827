"""Test the line that shows the progress of long operations: only on a terminal, and cleared at the end."""

from __future__ import annotations

import io
import re
import sys

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl import progress
from ansible_collections.acs.builders.tests.waiting import until


class Stream(io.StringIO):
    """Standard error that may be a terminal."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def test_a_terminal_shows_what_goes_on_and_nothing_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(True)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "DELAY", 0.01)
    with progress.shown("Waiting for the remote"):
        until(lambda: stream.getvalue().count("\r\x1b[KWaiting for the remote: ") > 1, "no line")
    assert re.fullmatch(r"(\r\x1b\[KWaiting for the remote: \d+ (s|min))+\r\x1b\[K", stream.getvalue())


def test_an_error_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(True)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "DELAY", 0.01)
    with pytest.raises(KeyboardInterrupt), progress.shown("Waiting"):
        until(stream.getvalue, "no line")
        raise KeyboardInterrupt
    assert stream.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(("is_terminal", "term"), [(False, "xterm"), (True, "dumb")])
def test_elsewhere_nothing_is_shown(is_terminal: bool, term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(is_terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(progress.threading, "Thread", lambda **_more: pytest.fail("a thread was started"))
    with progress.shown("Waiting"):
        pass
    assert stream.getvalue() == ""
