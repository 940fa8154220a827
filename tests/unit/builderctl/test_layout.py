"""Test that lines are wrapped to the terminal without loss, and that no text of others begins a line."""

from __future__ import annotations

import io
import sys

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl import layout
from ansible_collections.acs.builders.plugins.module_utils.builderctl.layout import DOCUMENT, RECORDS, fit
from hypothesis import given
from hypothesis import strategies as st

lines = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])) | st.lists(
    st.sampled_from(["word", "|", "a" * 90, " "])
).map(" ".join)


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a terminal of unknown width."""
    monkeypatch.delenv("COLUMNS", raising=False)


@given(lines, st.sampled_from(["", "| ", "  ", "Problem: "]))
def test_nothing_but_spaces_is_lost(line: str, prefix: str) -> None:
    made = fit(prefix + line).split("\n")
    assert "".join("".join(made).split(" ")).replace("|", "") == "".join((prefix + line).split(" ")).replace("|", "")
    assert all(len(one) <= 80 or " " not in one.strip("| ") for one in made)
    if (prefix + line).startswith("| "):
        assert all(one.startswith("|") for one in made)
    else:
        assert all(one.startswith("    ") for one in made[1:])


def test_the_width_of_the_terminal_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "  last_build: " + ", ".join(f"member{n} value{n}" for n in range(40))
    assert max(map(len, fit(text).split("\n"))) <= 80
    monkeypatch.setenv("COLUMNS", "200")
    assert 150 < max(map(len, fit(text).split("\n"))) <= 200
    monkeypatch.setenv("COLUMNS", "1")
    assert max(map(len, fit(text).split("\n"))) <= layout.MIN_WIDTH


def test_a_command_at_the_end_stays_on_one_line() -> None:
    text = "Problem: the heartbeat service of this server does not run. Start it: systemctl start build-heartbeat"
    assert fit(text).rsplit("\n", maxsplit=1)[-1] == "    systemctl start build-heartbeat"
    assert all(line.startswith("|") for line in fit(f"| {text}").split("\n"))


def test_colours_take_no_room() -> None:
    line = "\x1b[31m" + "word " * 15 + "\x1b[0m"
    assert fit(line) == line


class Terminal(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_records_and_words_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "| " + "x" * 200
    record = "word " * 30
    assert (fit(long), fit(record, RECORDS)) == (long, record)
    assert len(fit(record, RECORDS, Terminal()).split("\n")) == 2
    monkeypatch.setattr(sys, "stdout", Terminal())
    framed = fit(long).split("\n")
    assert len(framed) == 3 and all(line.startswith("| ") and len(line) <= 80 for line in framed)
    assert len(fit(record, RECORDS).split("\n")) == 2


def test_the_code_of_a_document_is_not_wrapped() -> None:
    prose, code = ["word " * 30] * 2
    lines = fit(f"{prose}\n- item\n\n  ```sh\n{code}\n  ```\n{prose}", DOCUMENT).split("\n")
    assert [line for line in lines if len(line) > 80] == [code]
    assert lines[2:7] == ["- item", "", "  ```sh", code, "  ```"] and len(lines) == 9
