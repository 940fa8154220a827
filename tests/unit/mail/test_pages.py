"""Test the record of the pages that were shown, and their handles."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.pages import (
    MAX_PAGES,
    MODULE,
    add_page,
    find_page,
    last_page,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders
from ansible_collections.acs.builders.tests.writes import send_subject

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    """An empty state directory."""
    return StateDirectory(tmp_path)


def show(state: StateDirectory, reader: str, *ids: str) -> str:
    """Record a page and return its handle."""
    return add_page(state, reader, ids, ids[-1] if ids else "", NOW).handle


def test_handle_names_the_messages_of_its_page(state: StateDirectory) -> None:
    first, second = show(state, "a", "msg_1", "msg_2"), show(state, "b", "msg_3")
    assert len(first) == 5 and first[0] == "@"
    assert find_page(state, first).ids == ("msg_1", "msg_2")
    assert find_page(state, second).ids == ("msg_3",)


def test_last_page_is_that_of_its_reader(state: StateDirectory) -> None:
    with pytest.raises(InvalidInput, match="Nothing was listed on this server yet"):
        last_page(state, "a")
    first, second = show(state, "a", "msg_1"), show(state, "b", "msg_2")
    assert (last_page(state, "a").handle, last_page(state, "b").handle) == (first, second)
    with pytest.raises(InvalidInput, match=f"{first} .* {second} "):
        last_page(state, "c")


def test_last_pages_are_kept_and_no_handle_returns(state: StateDirectory) -> None:
    handles = [show(state, "a", f"msg_{number}") for number in range(MAX_PAGES + 1)]
    assert len(set(handles)) == len(handles)
    assert find_page(state, handles[1]).ids == ("msg_1",)
    for handle in (handles[0], "@", "@xyz", "@7f3a5"):
        with pytest.raises(InvalidInput, match="There is no page"):
            find_page(state, handle)


def test_module_and_empty_pages_do_not_push_out_others(state: StateDirectory) -> None:
    handle = show(state, "a", "msg_1")
    for number in range(MAX_PAGES):
        show(state, MODULE, f"msg_{number}")
        show(state, "b")
    assert find_page(state, handle).ids == ("msg_1",)
    assert last_page(state, MODULE).ids == (f"msg_{MAX_PAGES - 1}",)


def test_last_listing_of_an_older_version_is_read_once(builders: MemoryBuilders) -> None:
    asked = send_subject(builders, "one").result[0].id
    old = builders.state("build2") / "listed.json"
    old.write_text(json.dumps({"ids": [asked]}))
    with builders.host("build2") as host:
        receipt, changed = mark_read(host)
        assert (receipt.result, changed) == ([asked], True)
        add_page(host.state, "a", ["msg_2"], "msg_2", NOW)
        assert last_page(host.state, MODULE).ids == (asked,)
    assert not old.exists()


def test_last_listing_of_an_older_version_is_named_by_a_handle_that_stays(state: StateDirectory) -> None:
    state.make()
    (state.path / "listed.json").write_text('{"ids": ["msg_1"]}')
    with pytest.raises(InvalidInput, match="1 before the upgrade") as error:
        last_page(state, "a")
    (handle,) = re.findall(r"@\w+", error.value.what)
    assert find_page(state, handle).ids == ("msg_1",)
