"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.builders import Builders, make_builders


@pytest.fixture
def builders(tmp_path: Path) -> Builders:
    """Two servers, build1 and build2, and an empty remote."""
    return make_builders(tmp_path)


@pytest.fixture
def legacy(tmp_path: Path) -> Builders:
    """Three servers, and a remote with what the old scripts left."""
    return make_builders(tmp_path, ("build1", "build2", "build3"), legacy=True)
