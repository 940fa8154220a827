"""Test the time between two looks of the service."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.look_interval import (
    LOOKS_PER_SECOND,
    look_interval,
)


@pytest.mark.parametrize(
    ("servers", "frequent", "seconds"),
    [(0, True, 5), (2, True, 5), (2, False, 15), (25, True, 5), (50, True, 10), (75, False, 15), (100, False, 20)],
)
def test_the_fleet_stays_within_its_number_of_looks(servers: int, frequent: bool, seconds: float) -> None:
    assert look_interval(servers, frequent, 0, 60) == seconds
    assert servers / seconds <= LOOKS_PER_SECOND


@pytest.mark.parametrize(("failures", "seconds"), [(0, 5), (1, 10), (2, 20), (3, 40), (4, 60), (10**6, 60)])
def test_failures_make_looks_as_rare_as_heartbeats(failures: int, seconds: float) -> None:
    assert look_interval(2, True, failures, 60) == seconds


def test_frequent_heartbeats_do_not_make_looks_more_frequent() -> None:
    assert look_interval(2, True, 3, 1) == 5
