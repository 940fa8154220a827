"""Test that a task that runs twice changes something only once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import listed, send, succeed
from ansible_collections.acs.builders.tests.builders import Builders, git


def refs(builders: Builders) -> str:
    """Return all refs of the remote."""
    return git("show-ref", cwd=builders.remote, check=False)


def twice(builders: Builders, server: str, module: str = "build_message", /, **options: Any) -> dict[str, Any]:
    """Run a task twice and check that only the first run changes something; return the second result."""
    before = builders.commits()
    first = succeed(builders, server, module, **options)
    assert (first["changed"], first["delivery"], builders.commits()) == (True, "pushed", before + 1)
    assert first["commit"] == git("rev-parse", "main", cwd=builders.remote)
    remote = refs(builders)
    second = succeed(builders, server, module, **options)
    assert (second["changed"], second["delivery"], second["attempts"]) == (False, "none", 0)
    assert refs(builders) == remote
    for name in ("message", "messages", "ids", "status"):
        assert second.get(name) == first.get(name)
    return second


def test_sent_twice_with_a_key(builders: Builders) -> None:
    send(builders, "build2")
    task = {"state": "sent", "to": ["build2"], "subject": "Once", "body": "Only once.", "key": "once"}
    again = twice(builders, "build1", **task, facts=[{"name": "load", "value": 0.25}], request={"action": "look"})
    assert again["message"]["key"] == "once"
    assert [message["subject"] for message in builders.messages()] == ["Ready", "Once"]


def test_sent_twice_without_a_key(builders: Builders) -> None:
    assert send(builders, "build1") != send(builders, "build1")
    assert builders.commits() == 2


def test_sent_to_many_twice_with_a_key(legacy: Builders) -> None:
    task = {"state": "sent", "to": ["build2", "build3"], "subject": "Once", "body": "Only once.", "key": "once"}
    again = twice(legacy, "build1", **task)
    assert [message["to"] for message in again["messages"]] == ["build2", "build3"]


def test_replied_twice_with_a_key(builders: Builders) -> None:
    asked = send(builders, "build2", "How are you?")
    reply = {"state": "replied", "id": asked, "body": "Well.", "facts": [{"name": "mood", "value": "good"}]}
    assert twice(builders, "build1", **reply, key="answer-1")["message"]["in_reply_to"] == asked
    assert builders.messages()[0]["read_by"] == ["build1"]
    assert succeed(builders, "build1")["unread_count"] == 0


def test_read_twice(builders: Builders) -> None:
    ids = [send(builders, "build2", "one"), send(builders, "build2", "two")]
    twice(builders, "build1", state="read", ids=ids)
    assert [message["read"] for message in builders.messages()] == [True, True]


def test_read_what_was_listed_twice(builders: Builders) -> None:
    one = send(builders, "build2", "one")
    assert listed(builders, "build1") == ["one"]
    two = send(builders, "build2", "two")
    assert twice(builders, "build1", state="read")["ids"] == [one]
    assert listed(builders, "build1") == ["two"]
    assert twice(builders, "build1", state="read")["ids"] == [two]


def test_acknowledged_twice(builders: Builders) -> None:
    ids = [send(builders, "build2", require_ack=True)]
    twice(builders, "build1", state="acknowledged", ids=ids)
    (message,) = builders.messages()
    assert (message["ack_status"], message["acknowledged_by"]) == ("completed", ["build1"])


@pytest.mark.parametrize(
    "task",
    [
        {"status": "idle"},
        {"status": "building", "job": "job_1", "git_branch": "main", "log": "/root/log"},
        {"status": "building"},
        {"status": "success", "artifacts": ["a.deb"]},
        {"status": "failed", "job": "job_2"},
    ],
)
def test_status_twice(builders: Builders, task: dict[str, Any]) -> None:
    send(builders, "build2")
    twice(builders, "build1", "build_status", **task)


def test_a_build_twice_closes_once(builders: Builders) -> None:
    send(builders, "build2")
    twice(builders, "build1", "build_status", status="building", job="job_1", git_commit="d8e22ab")
    document = twice(builders, "build1", "build_status", status="success", artifacts=["a.deb"])["status"]
    assert document["current_job"] is None
    assert document["last_build"]["id"] == "job_1"
    assert document["last_build"]["commit"] == "d8e22ab"
    assert document["last_build"]["artifacts"] == ["a.deb"]
    assert succeed(builders, "build2", "build_status", server="build1")["status"] == document
