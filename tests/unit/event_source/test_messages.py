"""Test the event source: the messages it delivers, how often, and its errors for invalid options and records."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.extensions.eda.plugins.event_source.messages import Deliveries, main

MESSAGE: dict[str, Any] = {
    **{"id": "msg_1", "sender": "build2", "type": "request", "priority": "normal", "subject": "Install jq"},
    **{"timestamp": "2026-11-22T07:11:46Z", "thread": "msg_1", "in_reply_to": "", "verified": "true"},
    **{"actionable": True, "ack_required": False},
}


def record(*messages: dict[str, Any]) -> dict[str, Any]:
    """Return a record of the unread mail of build1, as the service writes it."""
    return {"server": "build1", "commit": None, "looked_at": "", "unread_count": len(messages), "messages": messages}


def delivered(deliveries: Deliveries, now: float, *messages: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the ids of the messages that are delivered, each with the number of the delivery."""
    return [(event["message"]["id"], event["delivery"]) for event in deliveries.due(record(*messages), now)]


def test_the_event_of_a_message() -> None:
    (event,) = Deliveries(600, 3).due(record(MESSAGE), 0)
    message = {name: value for name, value in MESSAGE.items() if name not in ("sender", "actionable")}
    assert event == {
        "server": "build1",
        "delivery": 1,
        "message": {**message, "from": "build2"},
        "meta": {"hosts": "build1"},
    }


def test_a_message_is_handed_out_again_until_it_is_acknowledged() -> None:
    deliveries = Deliveries(repeat_after=600, limit=3)
    other = {**MESSAGE, "sender": "build3"}
    assert delivered(deliveries, 0, MESSAGE) == [("msg_1", 1)]
    assert delivered(deliveries, 599, MESSAGE, other) == [("msg_1", 1)], "the message of build3 has the same id"
    assert delivered(deliveries, 600, MESSAGE, other) == [("msg_1", 2)]
    assert delivered(deliveries, 1200, MESSAGE) == [("msg_1", 3)]
    assert delivered(deliveries, 9999, MESSAGE) == []
    assert delivered(deliveries, 9999, {**MESSAGE, "actionable": False}) == []
    assert delivered(deliveries, 9999) == []


def test_messages_that_are_not_actionable_are_no_events() -> None:
    assert delivered(Deliveries(600, 3), 0, {**MESSAGE, "actionable": False}) == []


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"state-dir": "/x"}, "state-dir"),
        ({"interval": 0}, "interval"),
        ({"repeat_after": True}, "repeat_after"),
        ({"max_deliveries": "3"}, "max_deliveries"),
        ({"command": "cat x"}, "command"),
        ({"command": []}, "command"),
        ({"command": ["cat", 7]}, "command"),
    ],
)
def test_an_invalid_option_is_one_sentence(options: dict[str, Any], name: str) -> None:
    async def run() -> None:
        await main(asyncio.Queue(), {"eda_feedback_queue": None, **options})

    with pytest.raises(ValueError, match=name) as caught:
        asyncio.run(run())
    assert str(caught.value).count("\n") == 0


def test_a_record_that_cannot_be_read_is_reported_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "inbox.json"
    broken = ("[]", "{", '{"messages": [{}]}', '{"messages": 7}')

    async def scene() -> dict[str, Any]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        source = asyncio.create_task(main(queue, {"state_dir": str(tmp_path), "interval": 0.001}))
        for number, content in enumerate((None, *broken), start=1):
            if content is not None:
                path.with_suffix(".new").write_text(content)
                path.with_suffix(".new").replace(path)
            while len(caplog.records) < number:
                await asyncio.sleep(0.001)
                assert not source.done()
        path.write_text(json.dumps(record(MESSAGE)))
        event = await queue.get()
        source.cancel()
        return event

    with caplog.at_level(logging.WARNING):
        event = asyncio.run(scene())
    assert event["message"]["id"] == "msg_1"
    assert "No such file or directory" in caplog.records[0].getMessage()
    assert all("tried again" in one.getMessage() for one in caplog.records)
