"""Test the ledger of the messages that the manager of a server was shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.shown_ledger import (
    MAX_KEPT,
    SHOWN_FILE,
    record_shown,
    shown_ids,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import Builders


def test_what_was_shown_is_remembered(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    assert shown_ids(state) == set()
    record_shown(state, [])
    assert not (tmp_path / SHOWN_FILE).exists()
    record_shown(state, ["msg_2"])
    record_shown(StateDirectory(tmp_path), ["msg_1", "msg_2"])
    assert shown_ids(state) == {"msg_1", "msg_2"}


def test_the_oldest_ids_are_forgotten(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    record_shown(state, ["old"])
    record_shown(state, [f"msg_{number:04}" for number in range(MAX_KEPT - 1)])
    assert "old" in shown_ids(state)
    record_shown(state, ["new"])
    assert len(shown_ids(state)) == MAX_KEPT
    assert "old" not in shown_ids(state)
    assert {"new", "msg_0000"} <= shown_ids(state)


def test_a_damaged_ledger_is_an_error(tmp_path: Path) -> None:
    (tmp_path / SHOWN_FILE).write_text('{"ids": 1}')
    with pytest.raises(StateUnusable, match=SHOWN_FILE):
        shown_ids(StateDirectory(tmp_path))


def test_a_listing_records_the_unread_messages_to_this_server(builders: Builders) -> None:
    with builders.host("build1") as host:
        read, unread = (send(host, Draft(subject, "Hear."), ["build2"]).result[0].id for subject in "ab")
    with builders.host("build2", check_mode=True) as host:
        list_messages(host, Filter())
        assert shown_ids(host.state) == set()
    with builders.host("build2") as host:
        mark_read(host, [read])
        list_messages(host, Filter(unread=False))
        assert shown_ids(host.state) == {unread}
    with builders.host("build1") as host:
        list_messages(host, Filter(ids=[unread]))
        assert shown_ids(host.state) == set(), "a message of this server was recorded"
