"""Test that check mode changes nothing and returns the predicted changes, and that a diff shows them."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.acs.builders.tests.ansible_runner import ad_hoc, kept_state, send, succeed
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git


def refs(builders: Builders) -> str:
    """Return all refs of the remote."""
    return git("show-ref", cwd=builders.remote, check=False)


def checked(builders: Builders, module: str = "build_message", /, **options: Any) -> dict[str, Any]:
    """Run a task on build1 in check mode, check that nothing changes, and return its result."""
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
    traced = checked(builders, state="traced", ids=[asked])
    assert (traced["changed"], traced["traces"][0]["id"]) == (False, asked)
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
