"""Test that text of others is shown harmlessly."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.module_utils.coordination.text import one_line, quoted
from hypothesis import given
from hypothesis import strategies as st


def test_printable_text_is_unchanged() -> None:
    assert one_line("Grüße, 世界 — 100 %") == "Grüße, 世界 — 100 %"


def test_other_characters_are_escaped() -> None:
    assert one_line("a\x1b[31mb\r\nc\t\x00\u202e\u200b\ud800\x85\u2028") == (
        "a\\x1b[31mb\\r\\nc\\t\\x00\\u202e\\u200b\\ud800\\x85\\u2028"
    )


def test_each_line_has_the_prefix() -> None:
    assert quoted("one\n---\r\n\n\tfour\rfive", "| ") == "| one\n| ---\n|\n|     four\\rfive"


@given(st.text(st.characters(codec=None)))
def test_nothing_that_acts_on_a_terminal_remains(text: str) -> None:
    assert one_line(text).isprintable()
    lines = quoted(text, "| ").split("\n")
    assert all(line.isprintable() and line.startswith("|") for line in lines)
