"""Test that every playbook validates the inventory of all servers before it changes one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"
ONLY_PATHS = ("teardown.yml",)
"""A host with an invalid server id can still be removed."""
CHECKED_BY_ROLE = ("trust.yml",)
ONLY_READS = ("dashboard.yml", "health.yml")


def first_play(playbook: Path) -> dict[str, Any]:
    """Return the first play of a playbook, or of the first one that it imports."""
    play: dict[str, Any] = yaml.safe_load(playbook.read_text(encoding="utf-8"))[0]
    imported = play.get("ansible.builtin.import_playbook")
    return first_play(PLAYBOOKS / imported) if imported else play


@pytest.mark.parametrize("playbook", sorted(PLAYBOOKS.glob("*.yml")), ids=lambda playbook: playbook.name)
def test_the_inventory_is_checked_first(playbook: Path) -> None:
    play = first_play(playbook)
    assert play["strategy"] == "linear"
    task = [*play.get("pre_tasks", []), *play.get("roles", []), *play.get("tasks", [])][0]
    if playbook.name in ONLY_READS:
        assert "acs.builders.build_heartbeat_fact" in task
    elif playbook.name in CHECKED_BY_ROLE:
        assert task["role"] == "acs.builders.build_trust"
    else:
        expected = "paths" if playbook.name in ONLY_PATHS else "check"
        assert task["ansible.builtin.include_role"]["tasks_from"] == expected
