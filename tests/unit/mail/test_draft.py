"""Test the limits and the checks of drafts, and the messages composed from them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import (
    MAX_DATA,
    Draft,
    check_draft,
    compose,
    new_id,
    reply_subject,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import (
    MAX_INTEGER,
)
from hypothesis import example, given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
any_text = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("Ready", "Re: Ready"),
        ("Re: Ready", "Re: Ready"),
        ("two\nlines\x00", "Re: two lines"),
        ("x" * 96, f"Re: {'x' * 96}"),
        ("x" * 97, f"Re: {'x' * 95}…"),
        ("x" * 5_000, f"Re: {'x' * 95}…"),
        ("half \ud800", "Re: half ?"),
    ],
)
def test_the_subject_of_a_reply(subject: str, answer: str) -> None:
    assert reply_subject(subject) == answer


@given(any_text)
@example("")
@example("Re:")
def test_any_subject_can_be_answered_again_and_again(subject: str) -> None:
    once = reply_subject(subject)
    assert reply_subject(once) == once
    assert len(once) <= 100
    once.encode("utf-8")


def test_ids_are_unique_and_contain_the_time() -> None:
    ids = {new_id(NOW) for _number in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(rf"msg_{int(NOW.timestamp())}_[0-9a-f]{{16}}", message_id) for message_id in ids)


GOOD = Draft("Ready", "All is well.")


def fact(value: Any, **more: Any) -> dict[str, Any]:
    """Return the field of a draft with one fact."""
    return {"facts": ({"name": "load", "value": value, **more},)}


def deep(levels: int) -> Any:
    """Return a value with this number of levels."""
    value: Any = 1
    for _level in range(levels):
        value = [value]
    return value


def data(size: int) -> dict[str, Any]:
    """Return facts and a request that together have this number of characters of JSON."""
    facts, request = [{"name": "\U0001f600", "value": ""}], {"action": "x", "more": ""}
    left = size - len(json.dumps([facts, request], ensure_ascii=False))
    facts[0]["value"], request["more"] = "f" * (left // 2), "r" * (left - left // 2)
    return {"facts": tuple(facts), "request": request}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"subject": "x" * 100},
        {"subject": "\U0001f600" * 100},
        {"body": "x"},
        {"body": "\U0001f600" * 10_000},
        {"body": 'two\nlines\t"{{ x }}" \u2028 \x1b[31m'},
        {"type": "error", "priority": "high"},
        {"type": "request", "priority": "low", "request": {"action": "install_packages", "packages": ["a"]}},
        {"key": "k"},
        {"key": "nightly/2026-11-22:build1@x+y=z_a.b-c"},
        {"key": "k" * 200},
        fact(0.25),
        fact(float("nan")),
        fact(True),
        fact(MAX_INTEGER),
        fact(-MAX_INTEGER),
        fact("x", observed_at="2025-11-04 20:45"),
        fact("x", observed_at=None),
        {"request": {"action": "x", "n": [{"a": MAX_INTEGER}]}},
        {"request": {"action": "x", "n": deep(19)}},
        data(MAX_DATA),
    ],
)
def test_accepted(fields: dict[str, Any]) -> None:
    check_draft(replace(GOOD, **fields))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"type": "warn"}, "no type 'warn'"),
        ({"type": "Info"}, "no type 'Info'"),
        ({"priority": "urgent"}, "no priority 'urgent'"),
        ({"subject": ""}, "subject is empty"),
        ({"subject": " \u00a0 "}, "subject is empty"),
        ({"subject": "a\nb"}, "more than one line"),
        ({"subject": "a\r"}, "more than one line"),
        ({"subject": "a\x1b[31m"}, "control characters"),
        ({"subject": "a\x85b"}, "control characters"),
        ({"subject": "a\u2028b"}, "more than one line"),
        ({"subject": "x" * 101}, "has 101 characters"),
        ({"body": ""}, "body is empty"),
        ({"body": "x" * 10_001}, "has 10001 characters"),
        ({"key": ""}, "key cannot be used"),
        ({"key": "k" * 201}, "key cannot be used"),
        ({"key": "a b"}, "key cannot be used"),
        ({"key": "-a"}, "key cannot be used"),
        ({"key": "a\n"}, "key cannot be used"),
        ({"key": "ä"}, "key cannot be used"),
        ({"facts": ({"value": 1},)}, "lacks its name"),
        ({"facts": ({"name": "", "value": 1},)}, "lacks its name"),
        ({"facts": ({"name": 3, "value": 1},)}, "lacks its name"),
        ({"facts": ({"name": "load"},)}, "or its value"),
        (fact(None), "or its value"),
        (fact([1]), "'load' is not one value"),
        (fact({"a": 1}), "'load' is not one value"),
        (fact(1, observed_at="yesterday"), "not a valid time"),
        (fact(MAX_INTEGER + 1), "too large"),
        (fact(-MAX_INTEGER - 1), "too large"),
        (data(MAX_DATA + 1), "have 20001 characters of JSON"),
        ({"request": {}}, "names no action"),
        ({"request": {"action": ""}}, "names no action"),
        ({"request": {"action": 1}}, "names no action"),
        ({"request": {"action": "x", "n": deep(20)}}, "more than 20 levels"),
        ({"request": {"action": "x", "n": deep(5_000)}}, "more than 20 levels"),
        ({"request": {"action": "x", "n": 0.5}}, "is a fraction"),
        ({"request": {"action": "x", "n": [{"a": float("inf")}]}}, "is a fraction"),
        ({"request": {"action": "x", "n": {"a": [MAX_INTEGER + 1]}}}, "too large"),
    ],
)
def test_refused(fields: dict[str, Any], what: str) -> None:
    """The error says what is wrong, and what is valid."""
    with pytest.raises(InvalidInput) as caught:
        check_draft(replace(GOOD, **fields))
    assert what in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(("bad", "what"), [("\ud800", "half a character"), ("\udfff", "half a"), ("\0", "NUL")])
@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("subject", lambda text: text),
        ("body", lambda text: f"line\n{text}"),
        ("facts", lambda text: ({"name": text, "value": 1},)),
        ("facts", lambda text: ({"name": "a", "value": 1}, {"name": "a", "value": text})),
        ("request", lambda text: {"action": "x", "packages": [{"name": text}]}),
        ("request", lambda text: {"action": "x", text: 1}),
    ],
)
def test_text_that_other_programs_cannot_read(field: str, make: Any, bad: str, what: str) -> None:
    """It is rejected in any field of a message. A complete character beyond the basic plane is valid."""
    with pytest.raises(InvalidInput, match=what) as caught:
        check_draft(replace(GOOD, **{field: make(bad)}))
    assert caught.value.what.startswith(field)


def test_what_is_written() -> None:
    draft = replace(GOOD, key="k", require_ack=True, **fact(0.25, observed_at="2025-11-04 20:45", unit="x"))
    assert compose(draft, "msg_1", "build1", "all", NOW).raw == {
        "id": "msg_1",
        "from": "build1",
        "to": "all",
        "type": "info",
        "priority": "normal",
        "subject": "Ready",
        "body": "All is well.",
        "timestamp": "2026-11-22T07:11:46Z",
        "read": False,
        "read_by": [],
        "ack_required": True,
        "ack_status": "pending",
        "acknowledged_by": [],
        "facts": [{"name": "load", "value": "0.25", "observed_at": "2025-11-04T20:45:00Z"}],
        "key": "k",
    }


def test_what_is_written_of_the_least() -> None:
    """Fields that are not given are missing, and a fact without a time is observed now."""
    entry = compose(GOOD, "msg_1", "build1", "build2", NOW).raw
    assert not {"facts", "request", "key", "thread", "in_reply_to"} & set(entry)
    assert (entry["ack_required"], entry["ack_status"]) == (False, "not_requested")
    entry = compose(replace(GOOD, **fact(3)), "msg_1", "build1", "build2", NOW).raw
    assert entry["facts"] == [{"name": "load", "value": 3, "observed_at": "2026-11-22T07:11:46Z"}]
