"""The table of docs/fleets.md says what the code does."""

from __future__ import annotations

import re

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import heartbeat_interval
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service import JITTER
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import AGING, STALE
from ansible_collections.acs.builders.tests.ansible_runner import TOP

PAGE = (TOP / "docs" / "fleets.md").read_text(encoding="utf-8")
ROWS = [tuple(map(int, row)) for row in re.findall(r"^\| (\d+) " * 1 + r"\| (\d+) " * 5 + r"\|$", PAGE, re.MULTILINE)]


def test_the_table_is_there() -> None:
    assert [row[0] for row in ROWS] == [2, 6, 10, 20, 50]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} servers")
def test_a_row_is_what_the_code_does(row: tuple[int, ...]) -> None:
    servers, interval, beats, aging, stale, seen = row
    assert interval == heartbeat_interval(Config(), servers)
    assert beats * interval == 60 * servers
    assert (aging, stale) == (AGING * interval / 60, STALE * interval / 60)
    assert seen == round(interval * (1 + JITTER))
    assert beats <= Config().push_budget


def test_another_budget() -> None:
    assert "With 30 pushes a minute fifty servers beat every 100 s" in PAGE
    assert heartbeat_interval(Config(push_budget=30), 50) == 100
