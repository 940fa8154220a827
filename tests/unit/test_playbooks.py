"""Every playbook checks what the inventory says before it does anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
ONLY_PLACES = ("teardown.yml",)
"""What has a name that no server can have can still be taken down."""
CHECKED_BY_ROLE = ("trust.yml",)
ONLY_READS = ("health.yml",)


def first_task(playbook: Path) -> dict[str, Any]:
    """The first task of a playbook, or of the first one that it imports."""
    play = yaml.safe_load(playbook.read_text(encoding="utf-8"))[0]
    if "ansible.builtin.import_playbook" in play:
        return first_task(PLAYBOOKS / play["ansible.builtin.import_playbook"])
    task: dict[str, Any] = [*play.get("pre_tasks", []), *play.get("roles", []), *play.get("tasks", [])][0]
    return task


@pytest.mark.parametrize("playbook", sorted(PLAYBOOKS.glob("*.yml")), ids=lambda playbook: playbook.name)
def test_the_inventory_is_checked_first(playbook: Path) -> None:
    task = first_task(playbook)
    if playbook.name in ONLY_READS:
        assert "acs.builders.build_heartbeat_fact" in task
    elif playbook.name in CHECKED_BY_ROLE:
        assert task["role"] == "acs.builders.build_trust"
    else:
        expected = "places" if playbook.name in ONLY_PLACES else "check"
        assert task["ansible.builtin.include_role"]["tasks_from"] == expected
