"""Fixtures: a fleet of three servers and an operator that trust each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.alerting import Fleet, chat
from ansible_collections.acs.builders.tests.builders import make_builders


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Return the fleet, in which all servers have published a heartbeat."""
    builders = make_builders(tmp_path, ("build1", "build2", "build3", "operator"))
    builders.trust()
    with chat() as server:
        fleet = Fleet(builders, server)
        for one in ("build1", "build2", "build3"):
            fleet.beat(one)
        yield fleet
