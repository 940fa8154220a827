"""Test that the brief form of any message is one line of at most 160 bytes."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.brief import brief_line
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.verification import LABELS, VERIFIED
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import TYPES
from ansible_collections.acs.builders.plugins.module_utils.coordination.text import as_line
from hypothesis import given
from hypothesis import strategies as st

ID = "msg_1795245106_9f86d081884c7d65"

lines = st.text(max_size=250).map(as_line) | st.sampled_from(["日" * 200, '"' * 200, "\\" * 200, "x" * 200])


@given(
    lines,
    st.none() | st.floats(-1e11, 1e11),
    st.sampled_from(TYPES),
    lines,
    lines,
    st.sampled_from(VERIFIED),
    st.booleans(),
)
def test_brief_line_is_one_short_line(
    message_id: str, seconds: float | None, kind: str, sender: str, subject: str, verified: str, other: bool
) -> None:
    line = brief_line(message_id, seconds, kind, sender, subject, verified, other)
    assert len(line.encode()) < 160
    assert line.isprintable()
    assert f"  {kind}  " in line and f"  {LABELS[verified]}" in line


@pytest.mark.parametrize(
    ("verified", "shown"), [("true", "verified"), ("marked", "verified, marks by others"), ("unsigned", "unsigned")]
)
def test_brief_line_has_every_column(verified: str, shown: str) -> None:
    line = brief_line(ID, 7300, "request", "build1", "Install jq", verified)
    assert line == f"{ID}  2 h 1 min  request  build1  {shown}  Install jq"


def test_brief_line_marks_an_answer_that_is_not_the_operators() -> None:
    line = brief_line(ID, 7300, "info", "build1", "Re: Java 21?", "true", not_operators=True)
    assert line == f"{ID}  2 h 1 min  info  build1  verified, not the operator's  Re: Java 21?"


def test_brief_line_cuts_long_subject_and_foreign_id() -> None:
    line = brief_line(ID, None, "error", "build1", "x" * 200, "false")
    assert line.startswith(f"{ID}  -  error  build1  NOT FROM ITS SENDER  xxx")
    assert line.endswith("x…") and len(line.encode()) == 159
    line = brief_line("y" * 200, -90, "info", "build1", "Hello", "true")
    assert line == f"{'y' * 36}…  1 min ahead  info  build1  verified  Hello"
