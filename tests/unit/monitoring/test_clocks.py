"""Test how far the clock of a server differs from those of the others."""

from __future__ import annotations

from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock, after_keys
from ansible_collections.acs.builders.tests.contract.memory_builders import make_memory_builders


def look(builders: Builders, clock: Clock) -> dict[str, Any]:
    """Return the health of build1, as its service reads it."""
    with builders.host("build1") as host:
        return read_health(clock.on(host), keep=True)


def two_beats(builders: Builders, clock: Clock, **ahead: float) -> dict[str, Any]:
    """Publish two heartbeats of each server, a minute apart, with clocks ahead. build1 sees the second arrive."""
    for _beat in range(2):
        for server in builders.ids:
            with builders.host(server) as host:
                beat(moved(clock, ahead.get(server, 0)).on(host))
        found = look(builders, clock)
        clock.move(60)
    return found


def moved(clock: Clock, seconds: float) -> Clock:
    """Return a clock that differs from another one."""
    other = Clock(clock.start, clock.passed)
    other.move(seconds)
    return other


def test_clocks_that_agree(builders: Builders, clock: Clock) -> None:
    assert two_beats(builders, clock, build2=-60)["clock_difference_seconds"] == 60
    assert look(builders, clock)["healthy"]


def test_nothing_is_known_without_an_observed_heartbeat(builders: Builders, clock: Clock) -> None:
    with builders.host("build2") as host:
        beat(moved(clock, -7200).on(host))
    assert look(builders, clock)["clock_difference_seconds"] is None


def test_with_two_servers_each_reports_the_difference(builders: Builders, clock: Clock) -> None:
    found = two_beats(builders, clock, build2=-7200)
    assert found["clock_difference_seconds"] == 7200
    assert any(one.startswith("build1: Its clock is 2 h ahead of those") for one in found["problems"])


def test_with_more_servers_the_one_that_differs_reports_it(tmp_path: Any, clock: Clock) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "build3", "build4"))
    assert two_beats(builders, clock, build2=-7200)["clock_difference_seconds"] == 0


def test_a_clock_that_is_behind_rejects_all_heartbeats_and_reports_it(builders: Builders) -> None:
    builders.trust()
    found = two_beats(builders, after_keys(), build2=7200)
    assert found["clock_difference_seconds"] in (-7200, -7199), "timestamps are whole seconds"
    assert any("hind those of the other servers" in one for one in found["problems"])
