"""Test times and durations on the command line."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.times import positive_seconds, seconds, since

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "length"), [("0", 0), ("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("3d", 259200)]
)
def test_a_duration(text: str, length: int) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "m", "-1", "1.5h", "1w", "2 h", "1e3", "9999999999", "\u0661"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a time"):
        seconds(text)
    with pytest.raises(argparse.ArgumentTypeError):
        positive_seconds(text)


def test_a_positive_duration() -> None:
    assert positive_seconds("2m") == 120
    with pytest.raises(argparse.ArgumentTypeError, match="too short"):
        positive_seconds("0m")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2h", "2026-11-22T05:11:46Z"),
        ("90m", "2026-11-22T05:41:46Z"),
        ("3d", "2026-11-19T07:11:46Z"),
        ("999999999d", "0001-01-01T00:00:00Z"),
        ("yesterday", "2026-11-21T00:00:00Z"),
        ("2026-11-22", "2026-11-22T00:00:00Z"),
        ("2026-11-22T07:11:46Z", "2026-11-22T07:11:46Z"),
        ("2026-11-22T07:11:46.5Z", "2026-11-22T07:11:46.5Z"),
        ("2026-02-30", None),
        ("7f3a", None),
        ("90", None),
        ("today", None),
        ("msg_1795245106_7f3a086d81884c7d", None),
    ],
)
def test_since(text: str, time: str | None) -> None:
    assert since(text, NOW) == time
