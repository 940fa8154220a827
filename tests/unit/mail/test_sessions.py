"""Test the sessions of the clients of a manager."""

from __future__ import annotations

import os
from datetime import datetime, timezone

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.sessions import (
    SESSIONS,
    Session,
    is_attached,
    read_session,
    write_session,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
SESSION = Session("../a\0\ud800", "codex", "2026-11-22T07:00:00Z", ("msg_1",), ("2026-11-22T07:05:00Z",))


def test_a_session_is_read_as_it_was_written(state: StateDirectory) -> None:
    assert read_session(state, "b", "claude", NOW) == Session("b", "claude", "2026-11-22T07:11:46Z")
    write_session(state, SESSION, NOW)
    assert read_session(state, SESSION.session, "claude", NOW) == SESSION
    assert read_session(state, "b", "claude", NOW).told == ()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"session": "b", "told": 1}'])
def test_a_damaged_record_is_replaced(state: StateDirectory, content: str) -> None:
    write_session(state, Session("b", "claude", ""), NOW)
    (record,) = (state.path / SESSIONS).iterdir()
    record.write_text(content)
    assert read_session(state, "b", "codex", NOW) == Session("b", "codex", "2026-11-22T07:11:46Z")


def test_records_of_ended_sessions_are_removed_after_a_day(state: StateDirectory) -> None:
    for name, hours in (("old", 25), ("kept", 23)):
        write_session(state, Session(name, "claude", ""), NOW)
        for path in (state.path / SESSIONS).iterdir():
            if name in path.read_text():
                os.utime(path, (NOW.timestamp() - hours * 3600,) * 2)
    write_session(state, SESSION, NOW)
    names = [read_session(state, name, "", NOW).client for name in ("old", "kept", SESSION.session)]
    assert names == ["", "claude", "codex"]


def test_a_session_is_attached_for_ten_minutes_after_a_hook(state: StateDirectory) -> None:
    assert not is_attached(state, NOW)
    seen = state.make(SESSIONS) / "seen"
    seen.touch()
    for seconds, attached in ((0, True), (599, True), (600, False), (-3600, False)):
        os.utime(seen, (NOW.timestamp() - seconds,) * 2)
        assert is_attached(state, NOW) == attached


def test_a_folder_that_cannot_be_read_is_one_error(state: StateDirectory) -> None:
    state.make()
    (state.path / SESSIONS).write_text("")
    with pytest.raises(StateUnusable):
        is_attached(state, NOW)
