"""Test that times are written in one format, and read in those of other programs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import parse_time, utc_text
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
any_text = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T07:11:46Z", NOW),
        ("2026-11-22T07:11:46z", NOW),
        ("2026-11-22T07:11:46+00:00", NOW),
        ("2026-11-22T08:11:46+01:00", NOW),
        ("2026-11-22T08:11:46+0100", NOW),
        ("2026-11-22T07:11:46.5+0000", NOW.replace(microsecond=500_000)),
        ("2026-11-22 07:11:46 UTC", NOW),
        ("2026-11-22T07:11:46", NOW),
        (" 2026-11-22 07:11 ", NOW.replace(second=0)),
        ("2026-11-22T07:11:46.5Z", NOW.replace(microsecond=500_000)),
        ("2026-11-22T07:11:46.966060Z", NOW.replace(microsecond=966_060)),
        ("2026-11-22T07:11:46.123456789Z", NOW.replace(microsecond=123_456)),
        (f"2026-11-22T07:11:46.{'9' * 5000}Z", NOW.replace(microsecond=999_999)),
        ("2026-11-22t07:11:46GMT", NOW),
        ("2026-11-22T07:11:46-00:00", NOW),
        ("2026-11-22T02:41-0430", NOW.replace(second=0)),
        ("\t2026-11-22\r\n", NOW.replace(hour=0, minute=0, second=0)),
    ],
)
def test_times_that_can_be_read(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    "value",
    [
        *(None, 0, 1762254639, True, [], {}, "", "yesterday", "2026-13-01T00:00:00Z", "2026-11-22T25:00:00Z"),
        *("UTC", "msg_1762254639_7339", "\ud800"),
    ],
)
def test_invalid_timestamps(value: Any) -> None:
    assert parse_time(value) is None


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-22T07:11:46ZZ", "20261122T071146Z", "2026-W47-7", "2026-326", "2026-11-22T07:11:46,5Z"),
        *("2026-11-22T071146Z", "2026-11-22T07Z", "2026-11-22T07", "2026-11-22T07:11:46.Z", "2026-11-22T07:11.5Z"),
        *("2026-11-22T07:11:46+01", "2026-11-22T07:11:46+01:00:00", "2026-11-22T07:11:46 +01:00", "2026-11-22Z"),
        *("2026-11-22T07:11:46+24:00", "2026-11-22T07:11:46+01:60", "2026-11-22T07:11:46\N{MINUS SIGN}01:00"),
        *("2026-11-22T24:00:00Z", "2026-11-22T07:11:60Z", "2026-11-31T07:11:46Z", "0000-11-22T07:11:46Z"),
        *("2026-11-22_07:11:46Z", "2026-11-22  07:11:46Z", "2026-11-22T07:11:46\nZ", "\u30002026-11-22T07:11:46Z"),
        *("+2026-11-22T07:11:46Z", "12026-11-22T07:11:46Z", "26-11-22T07:11:46Z", "2026-1-22T07:11:46Z"),
        *("\u0662\u0660\u0662\u0666-11-22T07:11:46Z", "2026-11-22T07:11:46EST", "2026-11-22T07:11:46 UTC+1"),
    ],
)
def test_other_forms_are_invalid_with_every_version_of_python(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_time_beyond_the_calendar_is_invalid(text: str) -> None:
    assert parse_time(text) is None


@given(any_text | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", fullmatch=True))
def test_no_text_breaks_the_reading_of_times(text: str) -> None:
    moment = parse_time(text)
    assert moment is None or moment.utcoffset() == timedelta(0)


@given(st.datetimes())
def test_a_written_time_can_be_read(moment: datetime) -> None:
    moment = moment.replace(tzinfo=timezone.utc)
    assert parse_time(utc_text(moment)) == moment.replace(microsecond=0)


def test_times_are_written_in_utc() -> None:
    assert utc_text(NOW.astimezone(timezone(timedelta(hours=5)))) == "2026-11-22T07:11:46Z"
