"""Test that any document can be read as a heartbeat."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_document import Heartbeat

REAL = "it reports that it is not healthy"


def test_a_heartbeat_with_all_members() -> None:
    beat = Heartbeat(
        {
            **{"timestamp": "2026-11-22 07:12", "interval_seconds": 90, "boot_id": "b", "sequence": 7},
            **{"healthy": False, "problems": ["the disk\nis full"], "manager_last_active": "2026-11-22T06:58:03Z\t"},
            "attention": ["1 message\nis unread"],
        }
    )
    assert beat.sent_at == datetime(2026, 11, 22, 7, 12, tzinfo=timezone.utc)
    assert (beat.interval, beat.sequence, beat.mark) == (90, 7, ["b", 7, "2026-11-22 07:12"])
    assert (beat.problems, beat.manager_last_active) == (["the disk\\nis full"], "2026-11-22T06:58:03Z\\t")
    assert beat.attention == ["1 message\\nis unread"]


@pytest.mark.parametrize("value", [None, [], {}, -1, "soon", 10**400])
def test_a_heartbeat_with_values_of_wrong_types(value: Any) -> None:
    names = ("timestamp", "interval_seconds", "boot_id", "healthy")
    assert Heartbeat({"attention": None}).attention == Heartbeat({}).attention == []
    beat = Heartbeat(dict.fromkeys(names, value))
    assert (beat.sent_at, beat.interval, beat.sequence, beat.problems) == (None, 60, 0, [])
    assert beat.mark == [value, None, value]


@pytest.mark.parametrize(
    ("problems", "read"),
    [(None, [REAL]), ([], [REAL]), ("text", ["text"]), (5, ["5"]), ([None, 7, {"a": "b"}], ["7", '{"a": "b"}'])],
)
def test_problems_of_wrong_types(problems: Any, read: list[str]) -> None:
    assert Heartbeat({"healthy": False, "problems": problems}).problems == read
    assert Heartbeat({"attention": problems}).attention == ([] if read == [REAL] else read)


@pytest.mark.parametrize("active", [None, 7, ["2026-11-22T06:58:03Z"]])
def test_an_activity_that_is_no_text_is_not_known(active: Any) -> None:
    assert Heartbeat({"manager_last_active": active}).manager_last_active is None
