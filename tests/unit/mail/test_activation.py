"""Test whether the command of the manager is started for unread mail."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail import sessions
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.activation import (
    ACTIVATION_FILE,
    HOUR,
    MAX_STARTS,
    activation_problems,
    end,
    start,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import (
    Inbox,
    UnreadMessage,
    write_inbox,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.clock import Clock

MESSAGE = UnreadMessage(
    "msg_1", "build2", "request", "normal", "Install jq", "2026-11-22T07:11:46Z", "msg_1", "", "true", True, False
)
ATTACHED = "a session of the manager is attached"


def receive(state: StateDirectory, *ids: str, actionable: bool = True) -> None:
    """Record unread messages as the service does."""
    messages = tuple(replace(MESSAGE, id=message_id, actionable=actionable) for message_id in ids)
    write_inbox(state, Inbox("build1", None, "2026-11-22T07:11:50Z", len(messages), messages))


def attach(state: StateDirectory, clock: Clock) -> None:
    """Record that a session of a client is attached, as its hooks do."""
    state.make(sessions.SESSIONS)
    (state.path / sessions.SEEN_FILE).touch()
    os.utime(state.path / sessions.SEEN_FILE, times=(clock().timestamp(),) * 2)


def test_actionable_mail_starts_the_command(state: StateDirectory, clock: Clock) -> None:
    receive(state, "msg_1", "msg_2")
    assert start(state, clock(), 4) == (["msg_1", "msg_2"], "")


def test_without_actionable_mail_nothing_starts(state: StateDirectory, clock: Clock) -> None:
    assert start(state, clock(), 4) == ([], "no actionable message waits")
    receive(state, "msg_1", actionable=False)
    assert start(state, clock(), 4) == ([], "no actionable message waits")
    assert not (state.path / ACTIVATION_FILE).exists()


def test_a_message_starts_the_command_twice_at_most(state: StateDirectory, clock: Clock) -> None:
    receive(state, "msg_1")
    results = [start(state, clock(), 100) for _time in range(4)]
    assert [ids for ids, _reason in results] == [["msg_1"]] * MAX_STARTS + [[], []]
    assert results[-1][1] == "it was started 2 times for each actionable message that waits"
    receive(state, "msg_1", "msg_2")
    assert start(state, clock(), 100)[0] == ["msg_2"]


def test_the_starts_of_an_hour_are_limited(state: StateDirectory, clock: Clock) -> None:
    for number in range(3):
        receive(state, f"msg_{number}")
        assert start(state, clock(), 3)[0]
        clock.move(60)
    receive(state, "msg_9")
    assert start(state, clock(), 3) == ([], "it was started 3 times within an hour")
    clock.move(HOUR.total_seconds() - 180)
    assert start(state, clock(), 3)[0] == ["msg_9"], "the first start is an hour old"


def test_starts_of_a_wrong_clock_do_not_count(state: StateDirectory, clock: Clock) -> None:
    receive(state, "msg_1", "msg_2")
    clock.move(days=365)
    assert start(state, clock(), 1)[0]
    clock.move(days=-365)
    assert start(state, clock(), 1)[0]


def test_an_attached_session_prevents_a_start(state: StateDirectory, clock: Clock) -> None:
    receive(state, "msg_1")
    attach(state, clock)
    assert start(state, clock(), 4) == ([], ATTACHED)
    clock.move(sessions.ATTACHED.total_seconds() - 1)
    assert start(state, clock(), 4) == ([], ATTACHED)
    clock.move(1)
    assert start(state, clock(), 4)[0] == ["msg_1"]


def test_a_failed_start_is_a_problem_until_one_succeeds(state: StateDirectory, clock: Clock) -> None:
    assert activation_problems(state) == []
    receive(state, "msg_1")
    start(state, clock(), 4)
    end(state, clock(), "timeout")
    (problem,) = activation_problems(state)
    assert "failed at 2026-11-22T07:11:46Z (timeout)" in problem and str(state.path / ACTIVATION_FILE) in problem
    end(state, clock(), "exec-condition")
    assert activation_problems(state) == [problem], "a decision not to start counts as a result"
    end(state, clock(), "success")
    assert activation_problems(state) == []
    assert start(state, clock(), 4)[0] and not start(state, clock(), 4)[0], "the starts are not counted any more"


def test_the_number_of_starts_of_read_messages_is_forgotten(state: StateDirectory, clock: Clock) -> None:
    for message_id in ("msg_1", "msg_2"):
        receive(state, message_id)
        start(state, clock(), 4)
    assert list(json.loads((state.path / ACTIVATION_FILE).read_text())["starts"]) == ["msg_2"]


@pytest.mark.parametrize("text", ["{", "[]", '{"started": 1, "starts": {}, "failed_at": "", "failure": ""}'])
def test_a_damaged_record_is_one_error(state: StateDirectory, clock: Clock, text: str) -> None:
    receive(state, "msg_1")
    (state.path / ACTIVATION_FILE).write_text(text)
    for damaged in (lambda: start(state, clock(), 4), lambda: activation_problems(state)):
        with pytest.raises(StateUnusable, match=ACTIVATION_FILE):
            damaged()
