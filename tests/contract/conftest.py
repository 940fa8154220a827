"""What every suite runs on: a stand-in in memory, and the real thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.contract.scenes import Scene, make_scene


@pytest.fixture(
    params=[pytest.param("memory", marks=pytest.mark.memory), pytest.param("git", marks=pytest.mark.processes)]
)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """Two servers and an empty remote."""
    with make_scene(request.param, tmp_path) as made:
        yield made
