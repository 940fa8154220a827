"""Test that the fields of a message are read leniently, whatever was written."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_document import parse_object
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import (
    PRIORITIES,
    TYPES,
    Message,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
TEXTS = ("id", "from", "to", "subject", "body", "timestamp", "ack_status", "in_reply_to", "thread", "key", "needs")
FIELDS = (*TEXTS, "type", "priority", "read_by", "ack_required", "acknowledged_by", "facts", "request", "read")
any_text = st.text(st.characters(codec=None, exclude_categories=()))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)


def test_an_entry_that_holds_nothing() -> None:
    assert Message({}).as_dict() == {
        **dict.fromkeys(TEXTS, ""),
        "type": "info",
        "priority": "normal",
        "ack_status": "not_requested",
        "read_by": [],
        "ack_required": False,
        "acknowledged_by": [],
        "facts": [],
        "request": None,
    }


def test_an_entry_of_wrong_types() -> None:
    message = Message(
        {
            **{"id": 7, "from": None, "to": ["build1"], "type": ["info"], "priority": 1, "subject": {"a": 1}},
            **{"read_by": "build1", "ack_required": "yes", "acknowledged_by": ["build1", 3, None], "facts": {"a": 1}},
            **{"request": ["x"], "timestamp": 1762254639},
        }
    ).as_dict()
    assert (message["id"], message["from"], message["timestamp"], message["thread"]) == ("7", "", "1762254639", "7")
    assert (message["type"], message["priority"], message["ack_required"]) == ("info", "normal", True)
    assert (message["to"], message["read_by"], message["acknowledged_by"]) == ("build1", ["build1"], ["build1"])
    assert (message["facts"], message["request"]) == ([], None)


def test_half_characters_become_question_marks() -> None:
    message = Message(
        {
            **{"id": "\ud800", "subject": "a\udc00b", "read_by": ["\ud800"]},
            **{"facts": [{"name": "\ud800", "\udfff": ["\ud800"]}, "no fact"], "request": {"\ud800": {"a": "\ud800"}}},
        }
    ).as_dict()
    assert (message["id"], message["subject"], message["read_by"]) == ("?", "a?b", ["?"])
    assert message["facts"] == [{"name": "?", "?": ["?"]}]
    assert message["request"] == {"?": {"a": "?"}}


def test_a_value_nested_as_deeply_as_the_reader_allows() -> None:
    """Any value that the parser accepts can be shown."""
    deep = b'{"a":' * 95 + b"1" + b"}" * 95
    entry = parse_object(b'{"request": %s, "facts": [{"value": %s}]}' % (deep, deep), "x.json").value
    assert Message(entry).request == entry["request"]


@given(st.dictionaries(st.sampled_from(FIELDS), anything))
def test_any_entry_can_be_shown(entry: dict[str, Any]) -> None:
    """Every field exists and has its type, and the message can be printed and sorted."""
    read = Message(entry)
    message = read.as_dict()
    assert all(isinstance(message[name], str) for name in TEXTS)
    assert message["type"] in TYPES
    assert message["priority"] in PRIORITIES
    assert all(isinstance(item, str) for name in ("read_by", "acknowledged_by") for item in message[name])
    json.dumps(message, ensure_ascii=False).encode("utf-8")
    json.dumps(read.other, ensure_ascii=False).encode("utf-8")
    assert read.urgency <= (3, 2)
    read.is_for("build1")
    read.is_marked_read("build1")


def test_the_most_urgent_come_first() -> None:
    written = [("info", "high"), ("request", "low"), ("nonsense", None), ("warning", "low"), ("error", "low")]
    written += [("request", "high"), ("error", "high")]
    messages = [Message({"type": kind, "priority": priority}) for kind, priority in written]
    assert [(m.type, m.priority) for m in sorted(messages, key=lambda message: message.urgency)] == [
        *(("error", "high"), ("error", "low"), ("warning", "low"), ("request", "high"), ("request", "low")),
        *(("info", "high"), ("info", "normal")),
    ]


def test_the_thread_of_a_message() -> None:
    assert Message({"id": "a", "in_reply_to": "b", "thread": "c"}).thread == "c"
    assert Message({"id": "a", "in_reply_to": "b"}).thread == "b"
    assert Message({"id": "a", "in_reply_to": None, "thread": ""}).thread == "a"


def test_who_a_message_is_for() -> None:
    assert Message({"from": "build1", "to": "build2"}).is_for("build2")
    assert not Message({"from": "build1", "to": "build2"}).is_for("build1")
    assert not Message({"from": "build1", "to": "build2"}).is_for("build3")
    assert Message({"from": "build1", "to": "all"}).is_for("build3")
    assert not Message({"from": "build1", "to": "all"}).is_for("build1")
    assert Message({"from": "build1", "to": "build1"}).is_for("build1"), "the old scripts sent such messages"


@pytest.mark.parametrize(
    ("entry", "read"),
    [
        ({"to": "build1", "read": True}, True),
        ({"to": "build1", "read": True, "read_by": []}, True),
        ({"to": "build1", "read": False, "read_by": ["build1"]}, True),
        ({"to": "build1", "read": True, "read_by": ["build2"]}, False),
        ({"to": "build1", "read": False}, False),
        ({"to": "build1", "read": "true"}, False),
        ({"to": "build1", "read": 1}, False),
        ({"to": "build2", "read": True}, False),
        ({"to": "all", "read": True}, False),
        ({"to": "all", "read": True, "read_by": ["build2"]}, False),
        ({"to": "all", "read": False, "read_by": ["build2", "build1"]}, True),
        ({}, False),
    ],
)
def test_what_the_repository_says_was_read(entry: dict[str, Any], read: bool) -> None:
    """``read`` of the old scripts is valid for a named recipient, but not for ``all``."""
    assert Message(entry).is_marked_read("build1") is read
