"""Test that the tables of docs/fleets.md agree with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import heartbeat_interval
from ansible_collections.acs.builders.plugins.module_utils.builderctl.look_interval import (
    JITTER,
    LOOKS_PER_SECOND,
    look_interval,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.server_health import AGING, STALE

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "fleets.md").read_text(encoding="utf-8")
NUMBER = r"\| ([\d.]+) "
BEATS, LOOKS = (
    [tuple(map(float, row)) for row in re.findall(rf"^{NUMBER * columns}\|$", PAGE, re.MULTILINE)] for columns in (5, 6)
)


def test_the_tables_are_there() -> None:
    assert [row[0] for row in BEATS] == [2, 6, 10, 20, 50]
    assert [row[0] for row in LOOKS] == [2, 25, 50, 75, 100]


@pytest.mark.parametrize("row", BEATS, ids=lambda row: f"{row[0]:.0f} servers")
def test_heartbeats_are_as_the_table_says(row: tuple[float, ...]) -> None:
    servers, interval, beats, aging, stale = row
    assert interval == heartbeat_interval(Config(), int(servers))
    assert beats * interval == 60 * servers
    assert (aging, stale) == (AGING * interval / 60, STALE * interval / 60)
    assert beats <= Config().push_budget


@pytest.mark.parametrize("row", LOOKS, ids=lambda row: f"{row[0]:.0f} servers")
def test_looks_are_as_the_table_says(row: tuple[float, ...]) -> None:
    servers, frequent, at_rest, per_second, seen_soon, seen_late = row
    assert (frequent, at_rest) == tuple(look_interval(int(servers), expected, 0, 60) for expected in (True, False))
    assert per_second == servers / frequent <= LOOKS_PER_SECOND
    assert (seen_soon, seen_late) == (frequent * (1 + JITTER), at_rest * (1 + JITTER))


def test_another_budget() -> None:
    assert "With 30 pushes a minute fifty servers beat every 100 s" in PAGE
    assert heartbeat_interval(Config(push_budget=30), 50) == 100
