"""Test that each kind of write is stored in the outbox in its form."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import OUTBOX_FILE, Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.writes import (
    Acknowledgements,
    Answers,
    Messages,
    ReadMarks,
    StatusReport,
    Write,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft, compose
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report

ENTRY = compose(Draft("Hello", "Hi"), "msg_1", "build1", "build2", datetime(2026, 11, 22, tzinfo=timezone.utc))
REPORT: dict[str, Any] = {
    "status": "building",
    "job": "j",
    "branch": None,
    "commit": None,
    "log": None,
    "artifacts": [],
    "outcome": {},
}
MARKS = {"read": ["msg_0"], "acknowledged": ["msg_9"]}


def in_file(**members: Any) -> dict[str, Any]:
    """Return an item as in the file."""
    item = {"id": "out_1", "accepted_at": "2026-11-22T07:11:46Z", "summary": "a write", "messages": [], "once": False}
    return {**item, "read": [], "acknowledged": [], "report": None, "reason": "", **members}


@pytest.mark.parametrize(
    ("item", "writes"),
    [
        (in_file(messages=[ENTRY.raw]), (Messages((ENTRY,)),)),
        (in_file(messages=[ENTRY.raw], read=["msg_0"]), (Messages((ENTRY,)), ReadMarks(("msg_0",)))),
        (
            in_file(messages=[ENTRY.raw], once=True, **MARKS),
            (Answers((ENTRY,)), ReadMarks(("msg_0",)), Acknowledgements(("msg_9",))),
        ),
        (in_file(once=True, **MARKS), (ReadMarks(("msg_0",)), Acknowledgements(("msg_9",)))),
        (in_file(report=REPORT), (StatusReport(Report("building", "j", artifacts=[])),)),
    ],
    ids=["message", "reply", "answers", "marks", "report"],
)
def test_each_kind_of_write_is_read_and_written(
    state: StateDirectory, item: dict[str, Any], writes: tuple[Write, ...]
) -> None:
    state.write_json(OUTBOX_FILE, {"items": [item], "aside": [{**item, "id": "out_2", "reason": "no"}], "last": 7})
    with Outbox(state).changing() as contents:
        assert (contents.items[0].writes, contents.rejected[0].writes) == (writes, writes)
        contents.last = 8
    written = json.loads((state.path / OUTBOX_FILE).read_text())
    item["once"] = bool(item["messages"] and item["once"])
    assert written == {"items": [item], "aside": [{**item, "id": "out_2", "reason": "no"}], "last": 8}
    assert list(written["items"][0]) == list(item)
