"""Test that a play prints the health as builderctl does, in plain ASCII."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.filter.health_lines import FilterModule
from ansible_collections.acs.builders.plugins.module_utils.builderctl.formats import painter
from ansible_collections.acs.builders.plugins.module_utils.builderctl.layout import fit
from ansible_collections.acs.builders.plugins.module_utils.builderctl.rendering import health as rendered
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_now
from ansible_collections.acs.builders.tests.unit.builderctl.test_rendering import health

health_lines = FilterModule().filters()["health_lines"]


def test_it_is_the_text_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    problem = "the disk is full, and this is explained at length. Free some space: rm -r /root/Build/old"
    seen = health(state="stale", age_seconds=7505, manager_last_active=None, problems=[problem])
    assert health_lines(seen) == fit(rendered(seen, utc_now(), painter(False))).split("\n")
    assert "    rm -r /root/Build/old" in health_lines(seen)
    assert any(line.startswith("build1  stale  2 h 5 min  idle") for line in health_lines(seen))


def test_only_printable_ascii_is_shown() -> None:
    lines = health_lines(health(manager="日本\x1b[2J", problems=["\u202e"]))
    assert all(line.isascii() and line.isprintable() for line in lines)
