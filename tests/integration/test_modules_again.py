"""The same task twice changes once; check mode changes nothing and tells what would; a diff shows what changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import ad_hoc, kept_state, listed, send, succeed
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git


def refs(builders: Builders) -> str:
    """All that is on the remote."""
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


def checked(builders: Builders, module: str = "build_message", /, **options: Any) -> dict[str, Any]:
    """Run a task on build1 in check mode, see that nothing changes, and return its result."""
    before = refs(builders), kept_state(builders, "build1"), git("status", "--short", cwd=builders.clone("build1"))
    result = succeed(builders, "build1", module, check=True, **options)
    after = refs(builders), kept_state(builders, "build1"), git("status", "--short", cwd=builders.clone("build1"))
    assert after == before
    assert result.get("delivery", "none") == "none"
    return result


def test_check_mode_of_messages(builders: Builders) -> None:
    asked, other = send(builders, "build2", require_ack=True), send(builders, "build2")
    tasks: list[dict[str, Any]] = [
        {"state": "sent", "subject": "Hello", "body": "Hello.", "key": "hello"},
        {"state": "acknowledged", "ids": [asked]},
        {"state": "replied", "id": asked, "body": "Yes.", "key": "yes"},
        {"state": "read", "ids": [other]},
    ]
    for task in tasks:
        would = checked(builders, **task)
        assert would["changed"] is True, task
        did = succeed(builders, "build1", **task)
        assert did.keys() == would.keys()
        for name in ("to", "subject", "body", "in_reply_to"):
            assert would.get("message", {}).get(name) == did.get("message", {}).get(name)
        assert checked(builders, **task)["changed"] is False, task
    assert [message["subject"] for message in builders.messages()] == ["Ready", "Ready", "Hello", "Re: Ready"]


def test_check_mode_of_what_only_looks(builders: Builders) -> None:
    asked = send(builders, "build1")
    succeed(builders, "build2", state="replied", id=asked, body="Yes.")
    for task in ({}, {"state": "awaited", "id": asked}, {"state": "awaited"}):
        result = checked(builders, **task)
        assert result["changed"] is False
        assert [message["body"] for message in result["messages"]] == ["Yes."]
    for module in ("build_status", "build_heartbeat_fact"):
        assert checked(builders, module)["changed"] is False
    assert checked(builders, "build_heartbeat_fact", beat=True)["changed"] is True


def test_check_mode_on_an_empty_remote(builders: Builders) -> None:
    assert checked(builders, state="sent", subject="Hello", body="Hello.")["changed"] is True
    assert checked(builders, "build_status", status="idle")["changed"] is True
    assert refs(builders) == ""


def test_check_mode_of_a_status(builders: Builders) -> None:
    send(builders, "build2")
    would = checked(builders, "build_status", status="building", job="job_1")
    assert would["changed"] is True
    assert would["status"]["current_job"]["id"] == "job_1"
    succeed(builders, "build1", "build_status", status="building", job="job_1")
    assert checked(builders, "build_status", status="building", job="job_1")["changed"] is False
    assert checked(builders, "build_status", status="failed")["changed"] is True


def test_bad_input_fails_in_check_mode_too(builders: Builders) -> None:
    send(builders, "build1", key="one")
    done = ad_hoc(
        builders.folder,
        "build1",
        "build_message",
        "--check",
        options={"state": "sent", "subject": "Ready", "body": "Other.", "key": "one"},
    )
    assert done.code != 0
    assert done.result["reason"] == "key_conflict"


def test_diff_of_a_message(legacy: Builders) -> None:
    before = legacy.show(MESSAGES).decode()
    task = {"state": "sent", "to": "build2", "subject": "Hello", "body": "Hello."}
    for check in (True, False):
        result = succeed(legacy, "build1", diff=True, check=check, **task)
        (diff,) = result["diff"]
        assert diff["before_header"] == diff["after_header"] == MESSAGES
        assert diff["before"] == before
        old, new = (json.loads(diff[name])["messages"] for name in ("before", "after"))
        assert new[:-1] == old
        assert (new[-1]["id"], new[-1]["body"]) == (result["message"]["id"], "Hello.")
    assert diff["after"] == legacy.show(MESSAGES).decode()


def test_diff_of_a_status_and_of_nothing(builders: Builders) -> None:
    send(builders, "build2")
    (diff,) = succeed(builders, "build1", "build_status", status="idle", diff=True)["diff"]
    assert (diff["before"], diff["after_header"]) == ("", "build1/status.json")
    assert json.loads(diff["after"])["status"] == "idle"
    assert succeed(builders, "build1", "build_status", status="idle", diff=True)["diff"] == []
    assert "diff" not in succeed(builders, "build1", "build_status", status="building")


def test_diff_as_ansible_shows_it(builders: Builders) -> None:
    send(builders, "build2", "the one before")
    shown = ad_hoc(
        builders.folder,
        "build1",
        "build_message",
        "--diff",
        "--check",
        options={"state": "sent", "subject": "the new one", "body": "x"},
    ).stdout
    added = [line[1:].strip() for line in shown.splitlines() if line.startswith("+") and line[:3] != "+++"]
    removed = [line for line in shown.splitlines() if line.startswith("-") and line[:3] != "---"]
    assert '"subject": "the new one",' in added
    assert not any("the one before" in line for line in added)
    assert removed == []
