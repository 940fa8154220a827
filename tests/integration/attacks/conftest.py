"""Fixtures of all attacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.attacker import Scene, attack_table, make_scene

table = pytest.fixture(scope="module")(attack_table)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Return three healthy servers that trust each other, two requests from build1 to build2, and an attacker."""
    return make_scene(tmp_path)
