"""Test the sentences about a server after a run."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.plugin_utils.server_result import FAILED, HANDLED, IGNORED, ServerResult
from ansible_collections.acs.builders.plugins.plugin_utils.task_outcome import Outcome

SENT = {"to": "build2", "subject": "Ready", "id": "msg_1_a"}
QUEUED = "told build2: Ready (msg_1_a, queued until the remote can be reached)"


def outcome(action: str, content: dict[str, Any], task: str = "Do it") -> Outcome:
    """Return the outcome of a task on build1."""
    return Outcome("build1", task, action, content, "", "", False)


def sentences(*results: tuple[str, dict[str, Any]], check: bool = False) -> list[str]:
    """Return the sentences about some results."""
    server = ServerResult()
    for action, content in results:
        server.add(outcome(action, content), check)
    assert not server.changed, "a message, status or lock counts as a change of the server"
    return server.sentences()


@pytest.mark.parametrize(
    ("content", "check", "expected"),
    [
        ({"changed": True, "delivery": "pushed", "messages": [SENT]}, False, ["told build2: Ready (msg_1_a)"]),
        ({"changed": True, "delivery": "queued", "messages": [SENT]}, False, [QUEUED]),
        (
            {"changed": False, "delivery": "none", "messages": [SENT]},
            False,
            ["had told build2 before: Ready (msg_1_a)"],
        ),
        ({"changed": True, "delivery": "none", "messages": [SENT]}, True, ["would have told build2: Ready"]),
        ({"changed": True, "delivery": "pushed", "ids": ["a", "b"]}, False, ["marked 2 messages"]),
        ({"changed": False, "delivery": "none", "ids": []}, False, []),
        ({"changed": False, "messages": [SENT], "unread_count": 1}, False, []),
        ({"changed": True, "messages": [SENT], "message": SENT}, False, []),
    ],
    ids=["sent", "queued", "sent before", "check mode", "marked", "nothing to mark", "listed", "acted"],
)
def test_messages(content: dict[str, Any], check: bool, expected: list[str]) -> None:
    assert sentences(("build_message", content), check=check) == expected


def test_each_message_of_a_loop_is_reported() -> None:
    items = [{"changed": True, "delivery": "pushed", "messages": [{**SENT, "id": name}]} for name in ("a", "b")]
    assert sentences(("build_message", {"results": items})) == ["told build2: Ready (a)", "told build2: Ready (b)"]


def test_what_was_answered_declined_and_left() -> None:
    decisions = {"m1": "answer", "m2": "decline", "m3": "leave", "m4": "mark", "m5": "answer"}
    plan = {"steps": [{"message": {"id": name}, "decision": decision} for name, decision in decisions.items()]}
    answers = [{**SENT, "id": f"r{name}", "in_reply_to": name} for name in ("m1", "m2")]
    sent = {"changed": True, "delivery": "pushed", "messages": answers}
    begun = {"changed": True, "begun": ["m1"], "refused": {}}
    assert sentences(*(("build_response", result) for result in (plan, begun, sent))) == [
        "answered build2: Ready (rm1)",
        "declined build2: Ready (rm2)",
        "marked 1 message read",
        "left 2 messages to its manager",
    ]
    checked = sentences(("build_response", plan), ("build_response", sent), check=True)
    assert checked[:3] == [
        "would have answered build2: Ready",
        "would have declined build2: Ready",
        "would mark 1 message read",
    ]


def test_a_status_is_reported_when_it_changes() -> None:
    job = {"status": "building", "current_job": {"id": "job_1"}, "last_build": {"id": "job_0"}}
    done = {"status": "success", "current_job": None, "last_build": {"id": "job_1"}}
    idle = {"status": "idle", "last_build": {"id": "job_1"}}
    results = [("build_status", {"changed": True, "status": status}) for status in (job, done, idle)]
    assert sentences(*results, ("build_status", {"changed": False, "status": idle})) == [
        "published the status building of job_1",
        "published the status success of job_1",
        "published the status idle",
    ]


def test_a_build_is_reported_once_and_only_by_the_run_that_started_or_ended_it() -> None:
    started = {"changed": True, "job": {"id": "job_1", "running": True}}
    ended = {"id": "job_1", "running": False, "status": "failed", "duration_seconds": 9}
    assert sentences(("build_job", started)) == ["started job_1"]
    watched = [("build_job", started), ("build_job", {"changed": False, "job": ended})]
    assert sentences(*watched) == ["ran job_1: failed after 9 s"]
    assert sentences(("build_job", {"changed": False, "job": ended})) == []
    assert sentences(("build_job", {"changed": False, "job": {}})) == []
    assert sentences(("build_job", {"changed": True, "job": {}}), check=True) == ["would start the build"]


def test_only_the_errors_that_ended_the_run_are_failures() -> None:
    server = ServerResult()
    for task, kind in (("first", FAILED), ("second", IGNORED), ("third", FAILED)):
        server.add_trouble(outcome("command", {"msg": f"no {task}"}, task), kind)
    server.settle(1)
    assert server.troubles == [
        (HANDLED, "first", "no first"),
        (IGNORED, "second", "no second"),
        (FAILED, "third", "no third"),
    ]
