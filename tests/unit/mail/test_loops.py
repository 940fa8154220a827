"""Test the detection of loops: alternating answers without a request, an error or facts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import ThreadLoops
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.loops import MAX_TURNS, WINDOW, turns
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
FACTS = ({"name": "git", "value": "2.39.5"},)


def thread(senders: str, **last: Any) -> list[Message]:
    """Return messages of the servers with these digits in their ids; ``last`` changes the last message."""
    entries = [{"from": f"build{digit}", "type": "info", "timestamp": utc_text(NOW)} for digit in senders]
    return [Message(entry) for entry in [*entries[:-1], *[{**entry, **last} for entry in entries[-1:]]]]


@pytest.mark.parametrize(
    ("senders", "count"),
    [("", 0), ("1", 0), ("2", 1), ("12", 2), ("121212", 6), ("1121212", 6), ("21212", 5), ("12122", 1), ("12321", 0)],
)
def test_turns_of_two_servers_are_counted(senders: str, count: int) -> None:
    assert turns(thread(senders), "build1", "build2", NOW) == count


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({"type": "warning"}, 4),
        ({"type": "request"}, 0),
        ({"type": "error"}, 0),
        ({"facts": list(FACTS)}, 0),
        ({"facts": []}, 4),
        ({"timestamp": utc_text(NOW - WINDOW)}, 0),
        ({"timestamp": utc_text(NOW - WINDOW + timedelta(seconds=1))}, 4),
        ({"timestamp": utc_text(NOW + WINDOW)}, 4),
        ({"timestamp": "yesterday"}, 0),
    ],
)
def test_a_message_with_content_or_an_old_one_ends_the_turns(change: dict[str, Any], count: int) -> None:
    assert turns(thread("1212", **change), "build1", "build2", NOW) == count


def converse(builders: Builders, now: Clock, messages: int) -> str:
    """Send messages from two servers to each other in turn, and return the id of the last one."""
    with builders.host("build1") as host:
        last = str(send(now.on(host), Draft("Ready", "1"), ["build2"]).result[0].id)
    for number in range(2, messages + 1):
        last = answer(builders, now, last, number)
    return last


def answer(builders: Builders, now: Clock, message_id: str, number: int, **options: Any) -> str:
    """Answer a message as the server whose turn it is, and return the id of the answer."""
    draft = Draft("", str(number), facts=options.pop("facts", ()), type=options.pop("type", "info"))
    with builders.host("build1" if number % 2 else "build2") as host:
        return str(reply(now.on(host), message_id, draft, **options).result[0].id)


def test_the_seventh_message_is_refused(trusted: Builders, now: Clock) -> None:
    last = converse(trusted, now, MAX_TURNS)
    with pytest.raises(ThreadLoops, match=f"mark-read {last}' .* --continue"):
        answer(trusted, now, last, 7)
    assert len(trusted.messages()) == MAX_TURNS


@pytest.mark.parametrize(
    "options", [{"facts": FACTS}, {"type": "request"}, {"type": "error"}, {"continue_thread": True}]
)
def test_a_seventh_message_with_content_is_sent(trusted: Builders, now: Clock, options: dict[str, Any]) -> None:
    answer(trusted, now, converse(trusted, now, MAX_TURNS), 7, **options)
    assert len(trusted.messages()) == MAX_TURNS + 1


def test_after_ten_minutes_a_seventh_message_is_sent(trusted: Builders, now: Clock) -> None:
    last = converse(trusted, now, MAX_TURNS)
    now.move(WINDOW.total_seconds())
    answer(trusted, now, last, 7)


def test_another_thread_does_not_count(trusted: Builders, now: Clock) -> None:
    converse(trusted, now, MAX_TURNS)
    converse(trusted, now, MAX_TURNS)
    assert len(trusted.messages()) == 2 * MAX_TURNS


def test_forged_messages_neither_make_nor_hide_a_loop(trusted: Builders, now: Clock) -> None:
    last = converse(trusted, now, MAX_TURNS - 1)
    forged = {**trusted.messages()[-1], "id": "forged", "from": "build2", "facts": list(FACTS)}
    trusted.commit(MESSAGES, json.dumps({"messages": [*trusted.messages(), forged]}).encode())
    sixth = answer(trusted, now, last, MAX_TURNS)
    with pytest.raises(ThreadLoops):
        answer(trusted, now, sixth, MAX_TURNS + 1)


def test_without_keys_all_messages_count(builders: Builders, now: Clock) -> None:
    last = converse(builders, now, MAX_TURNS)
    with pytest.raises(ThreadLoops):
        answer(builders, now, last, 7)
