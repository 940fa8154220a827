"""Test the output of builderctl: any repository is harmless, and no text of others looks like a line of its own."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl import formats, rendering
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import Assessment
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.text import clean
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
PLAIN = formats.painter(False)

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
    message = Message(entry)
    return {**plain, **message.as_dict(), "other": message.other, **assessment._asdict(), **marks}


def check_harmless(text: str) -> None:
    """Check that a text has no control characters except line ends, and that it can be encoded."""
    assert [char for char in text if not char.isprintable() and char != "\n"] == []
    text.encode()


@given(st.dictionaries(texts, values, max_size=4))
def test_any_status_is_sanitized(document: dict[str, Any]) -> None:
    text = rendering.status("build1", clean(document), NOW)
    check_harmless(text)
    assert all(line.startswith("  ") for line in text.split("\n")[1:])


@given(entries, st.lists(texts, max_size=2))
def test_any_result_is_sanitized(entry: dict[str, Any], ids: list[str]) -> None:
    one = shown(entry)
    check_harmless(rendering.sent({"delivery": "none", "messages": [one]}))
    check_harmless(rendering.marked("read", {"changed": True, "ids": ids}))


def health(**changes: Any) -> dict[str, Any]:
    """Return the health of a server."""
    server = {
        "state": "ok",
        "age_seconds": 12,
        "status": "idle",
        "status_queued": False,
        "manager": "GitHub Copilot",
        "manager_last_active": "2026-11-22T06:11:46Z",
        "current_job": None,
        "expected": True,
        "problems": [],
        "attention": [],
        **changes,
    }
    return {
        "server_id": "build1",
        "service_running": True,
        "alarms": [],
        "attention": server["attention"],
        "servers": {"build1": server},
        "jobs": {"queued": 1},
        "outbox": {"waiting": 0, "waiting_since": None, "set_aside": 0},
        "messages": {
            "total": 3,
            "unread": {"build1": 2},
            "operator_questions": [],
            "overdue_requests": [],
            "overdue_mail": [],
            "undeliverable": [],
        },
        "problems": server["problems"],
        "healthy": not server["problems"],
    }


@given(values, values, values, values, st.lists(texts, max_size=2), st.dictionaries(texts, st.integers()), entries)
def test_any_health_is_sanitized(
    status: Any, manager: Any, active: Any, job: Any, problems: list[str], jobs: dict[str, int], entry: dict[str, Any]
) -> None:
    seen = health(status=status, manager=manager, manager_last_active=active, current_job=job, problems=problems)
    seen["jobs"] = jobs
    late = {**Message(entry).as_dict(), "age_seconds": 7}
    seen["messages"].update(operator_questions=[late], overdue_requests=[late])
    seen["attention"] = problems
    text = rendering.health(seen, NOW, PLAIN)
    check_harmless(text)
    assert text.split("\n").index("") == (2 if text.startswith("SERVER ") else 1)
    assert text.endswith("Not healthy." if problems else "Healthy.")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (7199, "1 h 59 min"),
        (7200, "2 h"),
        (86400, "1 d"),
        (97200, "1 d 3 h"),
        (864000, "10 d"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("msg_1", "msg_1"),
        ("", '""'),
        ("a b", '"a b"'),
        ('a"b', r'"a\"b"'),
        ("$(id)", r'"\$(id)"'),
        ("`id`", r'"\`id\`"'),
        (r"\$(id)", r'"\\\$(id)"'),
        ("a b\\", r'"a b\\"'),
        ("\x1b[2J", r'"\x1b[2J"'),
        (["$x"], '["$x"]'),
    ],
)
def test_a_quoted_word_is_one_word_of_a_shell(value: Any, quoted: str) -> None:
    assert formats.word(value) == quoted


def test_ages() -> None:
    assert formats.age("2026-11-22T06:11:46Z", NOW) == "1 h ago"
    assert formats.age("2026-11-22T07:21:46Z", NOW) == "10 min ahead"
    assert formats.age("yesterday", NOW) == formats.age(None, NOW) == ""


def test_colours() -> None:
    colour = formats.painter(True)
    assert colour("ERROR", "error") == "\x1b[31mERROR\x1b[0m"
    assert colour("INFO", "info") == "INFO"
    assert PLAIN("ERROR", "error") == "ERROR"
    seen = rendering.health(health(state="stale", problems=["x"]), NOW, colour).split("\n")
    assert seen[1].startswith("build1  \x1b[31mstale\x1b[0m  12 s")
    assert seen[-1] == "\x1b[31mNot healthy.\x1b[0m"


def test_the_health_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = health(manager="Codex    build9  ok", current_job={"id": "job_42"}, problems=["the disk is full"])
    seen["servers"]["build-with-a-long-name"] = {
        **health(state="missing", age_seconds=None, manager="x" * 99, manager_last_active=None)["servers"]["build1"]
    }
    monkeypatch.setenv("COLUMNS", "120")
    lines = rendering.health(seen, NOW, PLAIN).split("\n")
    assert lines == [
        "SERVER                  STATE    AGE   STATUS  MANAGER                                   ACTIVE   UNREAD  JOB",
        "build1                  ok       12 s  idle    Codex build9 ok                           1 h ago  2       "
        "job_42",
        "build-with-a-long-name  missing  -     idle    " + "x" * 39 + "…  -        -       -",
        "",
        "Jobs: 1 queued",
        "Messages: 3",
        "Problem: the disk is full",
        "Not healthy.",
    ]
    monkeypatch.setenv("COLUMNS", "80")
    assert rendering.health(seen, NOW, PLAIN).split("\n", maxsplit=1)[0] == (
        "build1: state ok, age 12 s, status idle, manager Codex build9 ok, active 1 h ago, unread 2, job job_42"
    )
    seen["servers"]["build1"]["manager"] = 'x, unread 0, job "'
    assert r'manager "x, unread 0, job \"", active' in rendering.health(seen, NOW, PLAIN)


def test_problems_of_a_server_outside_the_fleet() -> None:
    seen = health(expected=False, problems=["it is not in the fleet file"])
    assert "build1: it is not in the fleet file" in rendering.health(seen, NOW, PLAIN).split("\n")


def test_each_thing_is_named_once_with_its_remedy() -> None:
    seen = health(attention=["build1: 1 message is unread. Read: builderctl read"])
    request = {"id": "msg_1", "from": "build2", "to": "build3", "subject": "Hello", "age_seconds": 33757198}
    seen["messages"].update(overdue_requests=[request, {**request, "id": "msg_2"}], overdue_mail=[{"id": "msg_2"}])
    seen.update(service_running=False, alarms=[{"dismissed": True}])
    assert rendering.health(seen, NOW, PLAIN).split("\n")[5:] == [
        "Unanswered: msg_1  build2 -> build3, 390 d ago: Hello",
        "See how far one has come: builderctl trace ID",
        "Not checked, because the heartbeat service of build1 does not run: the age of heartbeats by the clock of "
        "build1, and whether heartbeats, statuses and messages were deleted, replaced or forged.",
        "Dismissed alarms: 1",
        "Attention: build1: 1 message is unread. Read: builderctl read",
        "Healthy.",
    ]


def test_dismissed_alarms() -> None:
    alarm = {"id": "1f2e", "text": "x was\x1b deleted.", "dismissed": True}
    undo = "Undo: builderctl health --restore 1f2e"
    assert rendering.dismissed([alarm], True) == f"Dismissed: x was\\x1b deleted.\n{undo}"
    assert rendering.dismissed([alarm], False).startswith("Nothing to change.\nDismissed: ")
    assert rendering.dismissed([{**alarm, "dismissed": False}], True) == "Counts again: x was\\x1b deleted."


def test_other_results() -> None:
    one = shown({"id": "msg_2", "to": "build2", "subject": "Hello", "thread": "msg_1"})
    output = rendering.sent({"delivery": "pushed", "messages": [one]})
    assert output == "Sent msg_2 to build2: Hello\nSee answers: builderctl read --thread msg_1"
    assert rendering.sent({"delivery": "none", "messages": [one]}).startswith("Sent before")
    assert rendering.marked("read", {"changed": False, "ids": ["a", "b"]}) == "Already read: a, b"
    assert rendering.marked("read", {"changed": False, "ids": []}).startswith("No messages to mark")
    assert rendering.status("build3", {}, NOW) == "build3 has published no status."


def test_queued_status_and_message() -> None:
    document = {"status": "building", "timestamp": "2026-11-22T07:11:40Z"}
    text = rendering.status("build1", document, NOW, queued=True)
    assert text.startswith("build1: queued in the outbox, not published yet, reported 6 s ago")
    assert "published 6 s ago" in rendering.status("build1", document, NOW)
    marked = {"ids": ["msg_1"], "changed": True, "delivery": "queued"}
    assert rendering.marked("read", marked) == "Marked read, queued in the outbox: msg_1"
    row = health(status="building", status_queued=True)
    assert "building (queued)" in rendering.health(row, NOW, PLAIN)
