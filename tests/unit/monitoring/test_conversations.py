"""Test the conversations of the newest messages."""

from __future__ import annotations

import html
import json
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.conversations import (
    MAX_BODY,
    MAX_FACTS,
    MAX_MESSAGES,
    MAX_WEIGHT,
    newest_conversations,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders


def conversations(builders: MemoryBuilders, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the conversations of messages as build1 sees them."""
    with builders.host("build1") as host:
        return newest_conversations(host, [Message(entry) for entry in entries])


def entry(number: int, **members: Any) -> dict[str, Any]:
    """Return a message of build2."""
    return {"id": f"msg_{number}", "from": "build2", "to": "build1", "subject": f"Subject {number}", **members}


def test_messages_are_grouped_by_thread_the_newest_first(builders: MemoryBuilders, now: Clock) -> None:
    builders.trust()
    with builders.host("build1") as host:
        asked = send(now.on(host), Draft("First", "Question?", "request"), ["build2"]).result[0].id
        send(now.on(host), Draft("Second", "Alone."), ["build2"])
    with builders.host("build2") as host:
        reply(now.on(host), asked, Draft("-", "Answer.", facts=({"name": "version", "value": 4},)))
    unsigned = entry(1, timestamp="not a time")
    found = conversations(builders, [*builders.messages(), unsigned])
    assert (found["shown"], found["total"]) == (4, 4)
    assert [thread["subject"] for thread in found["threads"]] == ["Subject 1", "First", "Second"]
    (alone,) = found["threads"][0]["messages"]
    assert (alone["verified"], alone["timestamp"]) == ("unsigned", "")
    question, answer = found["threads"][1]["messages"]
    assert (question["verified"], answer["verified"], answer["from"], answer["to"]) == (
        "true",
        "true",
        "build2",
        "build1",
    )
    assert answer["facts"] == [{"name": "version", "value": "4"}] and found["threads"][1]["earlier"] == 0


def test_a_time_in_the_future_is_no_time(builders: MemoryBuilders) -> None:
    (ahead,), (past,) = (
        conversations(builders, [entry(1, timestamp=time)])["threads"][0]["messages"]
        for time in ("9999-01-01T00:00:00Z", "2025-11-04T20:45:00Z")
    )
    assert (ahead["timestamp"], past["timestamp"]) == ("", "2025-11-04T20:45:00Z")


def test_only_the_newest_are_shown_and_the_rest_is_counted(builders: MemoryBuilders) -> None:
    entries = [entry(number, thread="msg_0") for number in range(MAX_MESSAGES + 5)]
    found = conversations(builders, entries)
    (thread,) = found["threads"]
    assert (found["shown"], found["total"], thread["earlier"]) == (MAX_MESSAGES, MAX_MESSAGES + 5, 5)
    assert thread["messages"][0]["id"] == "msg_5" and thread["messages"][-1]["id"] == f"msg_{MAX_MESSAGES + 4}"


def test_long_texts_are_cut(builders: MemoryBuilders) -> None:
    facts = [{"name": f"fact {number}", "value": "v" * 500} for number in range(MAX_FACTS + 3)]
    long = entry(1, body="b" * (MAX_BODY + 7), facts=facts, request={"action": "r" * 9_000}, read_by=["x" * 500] * 50)
    (thread,) = conversations(builders, [long])["threads"]
    (message,) = thread["messages"]
    assert (len(message["body"]), message["more"]) == (MAX_BODY, 7)
    assert (len(message["facts"]), message["more_facts"]) == (MAX_FACTS, 3)
    assert len(message["facts"][0]["value"]) == 101 and len(message["request"]) == MAX_BODY + 1
    assert len(message["read_by"]) == 101


def test_many_long_messages_are_not_more_than_a_page_can_hold(builders: MemoryBuilders) -> None:
    entries = [entry(number, body="'" * 10_000, request={"action": '"' * 9_000}) for number in range(MAX_MESSAGES)]
    found = conversations(builders, entries)
    size = len(html.escape(json.dumps(found["threads"])))
    assert 10 < found["shown"] < MAX_MESSAGES and size < 1.2 * MAX_WEIGHT
