"""Test the record of the unread mail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import (
    INBOX_FILE,
    UNREAD_FILE,
    Inbox,
    UnreadMessage,
    read_inbox,
    write_inbox,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory

MESSAGE = UnreadMessage(
    "msg_1", "build2", "request", "normal", "Install jq", "2026-11-22T07:11:46Z", "msg_1", "", "true", True, False
)
INBOX = Inbox("build1", "a" * 40, "2026-11-22T07:11:50Z", 1, (MESSAGE,))


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_inbox(StateDirectory(tmp_path), INBOX)
    assert read_inbox(StateDirectory(tmp_path)) == INBOX


def test_without_a_record_there_is_none(tmp_path: Path) -> None:
    assert read_inbox(StateDirectory(tmp_path)) is None


def test_the_flag_exists_while_there_is_unread_mail(tmp_path: Path) -> None:
    write_inbox(StateDirectory(tmp_path), INBOX)
    assert (tmp_path / UNREAD_FILE).exists()
    write_inbox(StateDirectory(tmp_path), Inbox("build1", None, INBOX.looked_at, 0, ()))
    assert not (tmp_path / UNREAD_FILE).exists()


def test_the_flag_exists_before_the_record_of_unread_mail(tmp_path: Path) -> None:
    """systemd checks the flag as soon as the record changes."""

    class Watched(StateDirectory):
        def write_json(self, name: str, value: Any) -> None:
            seen.append((name, (tmp_path / UNREAD_FILE).exists()))

    seen: list[tuple[str, bool]] = []
    write_inbox(Watched(tmp_path), INBOX)
    assert seen == [(INBOX_FILE, True)]


@pytest.mark.parametrize("change", [{"messages": [{"id": 1}]}, {"unread_count": "many"}, {"messages": None}])
def test_a_damaged_record_is_one_error(tmp_path: Path, change: dict[str, Any]) -> None:
    state = StateDirectory(tmp_path)
    write_inbox(state, INBOX)
    record = json.loads((tmp_path / INBOX_FILE).read_text())
    (tmp_path / INBOX_FILE).write_text(json.dumps({**record, **change}))
    with pytest.raises(StateUnusable):
        read_inbox(StateDirectory(tmp_path))
