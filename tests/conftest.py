"""Fixtures that all tests share."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import Builders, make_builders
from ansible_collections.acs.builders.tests.clock import Clock, after_keys


@pytest.fixture(autouse=True)
def usual_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the output of commands as wide as without a terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def builders(tmp_path: Path) -> Builders:
    """Two servers, build1 and build2, and an empty remote."""
    return make_builders(tmp_path)


@pytest.fixture
def legacy(tmp_path: Path) -> Builders:
    """Three servers, and a remote with the files of the old scripts."""
    return make_builders(tmp_path, ("build1", "build2", "build3"), legacy=True)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is moved."""
    return Clock(datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc), timedelta())


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    """A state directory that does not exist yet."""
    return StateDirectory(tmp_path / "state")


@pytest.fixture
def now() -> Clock:
    """A clock that shows a time after the keys were created."""
    return after_keys()


@pytest.fixture
def trusted(builders: Builders) -> Builders:
    """Two servers that trust each other."""
    builders.trust()
    return builders
