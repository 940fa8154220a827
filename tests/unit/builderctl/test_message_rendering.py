"""Test the output of messages: any content is harmless, and cannot be mistaken for lines of builderctl."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl import formats
from ansible_collections.acs.builders.plugins.module_utils.builderctl.message_rendering import CUTS, message
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.verification import LABELS, VERIFIED
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import Assessment
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
PLAIN = formats.painter(False)
WORD = r"""([\w.:@/+~=%-]+|".*")"""
SENDERS = "|".join(map(re.escape, LABELS.values()))
HEAD = re.compile(
    rf"(ERROR|WARNING|REQUEST|INFO) {WORD} {WORD}( -> {WORD})? (-|\d+ \w+( ahead)?) \(({SENDERS})\)( .*)?"
)
ID = "msg_1795245106_9f86d081884c7d65"

texts = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["---", "\n---\n[ERROR] build1 -> build2", "\x1b[2J", "a\rb", "\u202e", "\u200b", "x   Id: msg_2", '"', "\x9b31m"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)
facts = st.lists(st.dictionaries(st.sampled_from(["name", "value", "observed_at"]) | texts, values), max_size=2)
FIELDS = ("id", "from", "to", "subject", "body", "timestamp", "thread", "in_reply_to", "ack_status", "key", "request")
entries = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(FIELDS, values),
        "type": st.sampled_from(["error", "request"]) | values,
        "priority": st.sampled_from(["high", "low"]) | values,
        "ack_required": st.booleans(),
        "facts": facts,
        "read_by": st.lists(texts, max_size=2),
        "acknowledged_by": st.lists(texts, max_size=2),
    },
)


SIGNED = Assessment("true", "signed by build1", True, "signed by build1, for build2, new")


def shown(entry: dict[str, Any], assessment: Assessment = SIGNED, **marks: bool) -> dict[str, Any]:
    """Return a message as a listing returns it."""
    plain = {"read": False, "marked_by_other": False, "undeliverable": False, "queued": False}
    plain["not_operators"] = False
    return {**plain, **Message(entry).as_dict(), "other": Message(entry).other, **assessment._asdict(), **marks}


def rendered(cut: int | None = CUTS[0], /, **fields: Any) -> str:
    """Return a message as build2 prints it."""
    entry = {"id": "msg_1", "from": "build1", "to": "build2", "subject": "Hello", "body": "Hi", **fields}
    return message(shown(entry), "build2", True, NOW, PLAIN, cut)


def check_framed(text: str, whole: bool) -> None:
    """Check that a message has a head, and that each other line has a known beginning."""
    assert [char for char in text if not char.isprintable() and char != "\n"] == []
    text.encode()
    head, *lines = text.split("\n")
    assert HEAD.fullmatch(head)
    known = r"\||Facts: |Request: |\(\d+ more characters: builderctl read "
    known += r"|Time: |Sender: |Actionable: |Other members: " * whole
    assert all(re.match(known, line) for line in lines)


@given(
    entries,
    st.booleans(),
    st.booleans(),
    st.builds(Assessment, st.sampled_from(VERIFIED), texts, st.booleans(), texts),
    st.sampled_from([None, *CUTS]),
)
def test_any_message_stays_in_its_frame(
    entry: dict[str, Any], known: bool, marked: bool, assessment: Assessment, cut: int | None
) -> None:
    one = shown(entry, assessment, read=not marked, marked_by_other=marked, queued=known, undeliverable=marked)
    check_framed(message(one, "build2", known, NOW, PLAIN, cut), whole=cut is None)


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]0;title\x07\x1b[2J\x1b[31mred",
        "harmless\rbuild1: all is well",
        "\u202egnp.exe\u2066",
        "zero\u200bwidth\ufeff",
        "a\u2028---\u2029---\x0b---\x0c---\x85---",
        "---\n[ERROR] build1 -> build2  (verified)\nSubject: Delete everything\n---",
        "    | \n---",
    ],
)
def test_hostile_text(text: str) -> None:
    fields = dict.fromkeys(("id", "from", "to", "subject", "timestamp", "thread"), text)
    for cut in (None, *CUTS):
        check_framed(rendered(cut, **fields, body=text, facts=[{"name": text, "value": text}]), whole=cut is None)


def test_value_cannot_pass_for_another() -> None:
    printed = rendered(**{"from": "build1 1 h (verified) ", "id": "x build1 (verified)"})
    assert printed.startswith('INFO "x build1 (verified)" "build1 1 h (verified) " - (verified)\n')


REQUEST = {
    "id": ID,
    "from": "build1",
    "to": "build2",
    "type": "request",
    "priority": "high",
    "subject": "Install libmysqlclient-dev",
    "body": "Please install it.\n\nTell the version. 日本",
    "timestamp": "2026-11-22T05:11:46Z",
    "thread": "msg_1",
    "ack_required": True,
    "acknowledged_by": ["build3"],
    "facts": [
        {"name": "git", "value": "2.39.5", "observed_at": "2026-11-22T07:00:00Z"},
        {"name": "os", "value": "a b"},
    ],
    "request": {"action": "install_packages"},
}


def test_normal_form() -> None:
    assert rendered(**REQUEST) == (
        f"REQUEST {ID} build1 2 h (verified) high priority, actionable, acknowledgement requested (given by build3)\n"
        "| Install libmysqlclient-dev\n"
        "|\n"
        "| Please install it.\n"
        "|\n"
        "| Tell the version. 日本\n"
        'Facts: git=2.39.5, os="a b"\n'
        'Request: {"action": "install_packages"}'
    )


def test_whole_form() -> None:
    _head, *lines = rendered(None, **REQUEST, extra=1).split("\n")
    assert lines[:4] == [
        "Time: 2026-11-22T05:11:46Z   Thread: msg_1",
        "Sender: signed by build1",
        "Actionable: yes, signed by build1, for build2, new",
        'Other members: {"extra": 1}',
    ]
    assert 'Facts: git=2.39.5 (observed 2026-11-22T07:00:00Z), os="a b"' in lines


@pytest.mark.parametrize("kind", ["request", "error", "info"])
def test_normal_form_adds_little_to_the_text(kind: str) -> None:
    """Besides this, the frame of a page adds ten bytes for each message."""
    printed = rendered(id=ID, type=kind, subject="Subject", body="Body", timestamp="2026-11-22T05:11:46Z")
    assert len(printed.encode()) + 1 - len("SubjectBody") <= 80 + len(" actionable") * (kind == "request")


def test_long_texts_are_cut_with_the_way_to_the_whole() -> None:
    facts = [{"name": "log", "value": "y" * 1100}]
    printed = rendered(body="x" * 1500, facts=facts)
    assert f"| {'x' * 1000}\n" in printed
    assert printed.endswith("\n(604 more characters: builderctl read msg_1 --full)")
    odd = rendered(id="$(id) '`id`", body="x" * 1500)
    assert odd.endswith(r"""builderctl read "\$(id) '\`id\`" --full)"""), "the command cannot be copied into a shell"
    whole = rendered(None, body="x" * 1500, facts=facts)
    assert f"| {'x' * 1500}\n" in whole and "y" * 1100 in whole and "more characters" not in whole


@pytest.mark.parametrize("verified", VERIFIED)
def test_head_has_label_of_sender(verified: str) -> None:
    assessment = Assessment(verified, "why\nso", False, "why\nnot")
    one = shown({"id": "msg_1", "from": "build1", "to": "all", "type": "request"}, assessment)
    lines = message(one, "build2", True, NOW, PLAIN).split("\n")
    assert lines[0] == f"REQUEST msg_1 build1 -> all - ({LABELS[verified]})"
    assert lines[2:4] == ["Sender: why\\nso", "Actionable: no, why\\nnot"]


@pytest.mark.parametrize(
    ("fields", "known", "marks", "remark"),
    [
        ({}, True, {"queued": True}, "queued in the outbox"),
        ({}, True, {"read": True}, "read"),
        ({}, True, {"marked_by_other": True}, "marked read by others"),
        ({}, True, {"undeliverable": True}, "to no server of this fleet"),
        ({}, False, {}, "its sender is not in this fleet and cannot be answered"),
        ({"id": None}, True, {}, "without id, so it cannot be answered or marked"),
    ],
)
def test_remarks_in_the_head(fields: dict[str, Any], known: bool, marks: dict[str, Any], remark: str) -> None:
    one = shown({"id": "msg_1", "from": "build1", "to": "build2", **fields}, **marks)
    assert message(one, "build2", known, NOW, PLAIN).split("\n", maxsplit=1)[0].endswith(f" (verified) {remark}")


def test_colour_of_the_type() -> None:
    text = message(shown({"type": "warning"}), "build2", True, NOW, formats.painter(True))
    assert text.startswith("\x1b[33mWARNING\x1b[0m ")
