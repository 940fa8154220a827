"""Test the line that shows the progress of a run."""

from __future__ import annotations

import io

import pytest
from ansible_collections.acs.builders.plugins.plugin_utils.progress_line import ERASE, INTERVAL, ProgressLine


class Screen(io.StringIO):
    """The output of a run, with a clock that the test controls."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal, self.now = is_terminal, 100.0

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self.is_terminal

    def line(self) -> ProgressLine:
        """Return the progress line on this output."""
        return ProgressLine(self, lambda text: print(text, file=self), 40, lambda: self.now)


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


def test_on_a_terminal_one_line_is_rewritten() -> None:
    screen = Screen(is_terminal=True)
    line = screen.line()
    line.begin("Set up")
    screen.now += 75
    line.show("Set up: " + "x" * 100)
    line.clear()
    first, second, rest = screen.getvalue().removeprefix(ERASE).split(ERASE)
    assert first == "0 s  Set up\r"
    assert second.startswith("1 min  Set up: xxx") and len(second.rstrip("\r")) < 40
    assert rest == "" and "\n" not in screen.getvalue()


def test_elsewhere_lines_are_sparse_and_have_no_escapes() -> None:
    screen = Screen(is_terminal=False)
    line = screen.line()
    line.begin("Set up")
    line.show("first")
    screen.now += INTERVAL
    line.show("second")
    line.show("third")
    line.begin("Verify")
    line.clear()
    assert screen.getvalue().splitlines() == ["Set up", "  after 30 s: second", "Verify"]


def test_a_terminal_that_cannot_erase_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen(is_terminal=True)
    screen.line().begin("Set up")
    assert screen.getvalue() == "Set up\n"
