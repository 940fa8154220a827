"""Test which servers wait for each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.mailbox import read_mailbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.waits import open_waits
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, make_memory_builders

REQUEST = Draft("Which version?", "Tell it.", "request")


def waits(builders: MemoryBuilders, clock: Clock) -> list[tuple[str, str, str, bool]]:
    """Return who waits for whom and for what, and whether it was read, as build1 sees it."""
    with builders.host("build1") as host:
        here = clock.on(host)
        found = here.repository.read(lambda snapshot: open_waits(here, snapshot, read_mailbox(snapshot).messages))
    assert found == sorted(found, key=lambda wait: wait["since"])
    return [(wait["from"], wait["to"], wait["for"], wait["read"]) for wait in found]


def ask(builders: MemoryBuilders, clock: Clock, draft: Draft = REQUEST, to: str = "build2") -> str:
    """Send a message of build1, and return its id."""
    with builders.host("build1") as host:
        sent: str = send(clock.on(host), draft, [to]).result[0].id
    return sent


def test_a_request_waits_until_it_is_answered(builders: MemoryBuilders, clock: Clock) -> None:
    asked = ask(builders, clock)
    ask(builders, clock, Draft("For your information", "No answer is needed."))
    assert waits(builders, clock) == [("build1", "build2", "answer", False)]
    with builders.host("build2") as host:
        mark_read(clock.on(host), [asked])
    assert waits(builders, clock) == [("build1", "build2", "answer", True)]
    with builders.host("build2") as host:
        reply(clock.on(host), asked, Draft("-", "It is 4.21."))
    assert waits(builders, clock) == []


@pytest.mark.parametrize(("is_read", "expected"), [(True, []), (False, [("build1", "build2", "answer", False)])])
def test_a_request_that_was_read_long_ago_waits_no_more(
    builders: MemoryBuilders, clock: Clock, is_read: bool, expected: list[Any]
) -> None:
    asked = ask(builders, clock)
    if is_read:
        with builders.host("build2") as host:
            mark_read(clock.on(host), [asked])
    clock.move(days=8)
    assert waits(builders, clock) == expected


def test_an_acknowledgement_is_waited_for(builders: MemoryBuilders, clock: Clock) -> None:
    asked = ask(builders, clock, Draft("Restart at 22:00", "Save your work.", require_ack=True))
    assert waits(builders, clock) == [("build1", "build2", "acknowledgement", False)]
    with builders.host("build2") as host:
        acknowledge(clock.on(host), [asked])
    assert waits(builders, clock) == []


def test_each_recipient_of_all_is_waited_for(legacy: MemoryBuilders, clock: Clock) -> None:
    legacy.commit(MESSAGES, b'{"messages": []}')
    ask(legacy, clock, to="all")
    assert waits(legacy, clock) == [("build1", "build2", "answer", False), ("build1", "build3", "answer", False)]


def test_a_forged_request_and_a_forged_answer_do_not_count(builders: MemoryBuilders, now: Clock) -> None:
    builders.trust()
    asked = ask(builders, now)
    (entry,) = builders.messages()
    forged = {**entry, "id": "msg_forged", "from": "build2", "to": "build1"}
    answer = {
        "id": "msg_answer",
        "from": "build2",
        "to": "build1",
        "subject": "Re: Which version?",
        "in_reply_to": asked,
    }
    builders.commit(MESSAGES, json.dumps({"messages": [entry, forged, answer]}).encode())
    assert waits(builders, now) == [("build1", "build2", "answer", False)]


def test_a_message_without_a_time_has_waited_longest(tmp_path: Any, clock: Clock) -> None:
    builders = make_memory_builders(tmp_path)
    ask(builders, clock)
    odd = {"id": "odd", "from": "build2", "to": "build1", "type": "request", "subject": "x", "timestamp": "yesterday"}
    builders.commit(MESSAGES, json.dumps({"messages": [*builders.messages(), odd]}).encode())
    assert [wait[0] for wait in waits(builders, clock)] == ["build2", "build1"]
