"""Test that the tables of README.md list all plugins, roles and playbooks of the collection."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
FOLDERS = (
    *("plugins/modules/*.py", "plugins/filter/*.py", "plugins/callback/*.py", "playbooks/*.yml", "roles/*"),
    "extensions/eda/plugins/event_source/*.py",
)
"""The files of the names that users write."""


def test_each_row_is_a_plugin_a_role_or_a_playbook() -> None:
    rows = re.findall(r"^\| `acs\.builders\.(\w+)` \| \w", (TOP / "README.md").read_text(), re.MULTILINE)
    named = [path.stem for pattern in FOLDERS for path in TOP.glob(pattern) if path.stem != "__init__"]
    assert sorted(rows) == sorted(named)
