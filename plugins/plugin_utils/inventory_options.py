# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults of module options from variables of the inventory."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action.normal import ActionModule as NormalModule

VARIABLES = {
    "repo": "builders_repo",
    "branch": "builders_branch",
    "pat_file": "builders_pat_file",
    "state_dir": "builders_state_dir",
}
"""The variable that sets each option if the task and module_defaults do not."""


class ActionModule(NormalModule):  # type: ignore[misc]
    """Runs a module as Ansible does, with defaults from the inventory."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module of the task, and return its result."""
        known = task_vars or {}
        given = {option: self._templar.template(known[name]) for option, name in VARIABLES.items() if name in known}
        self._task.args = {**given, **self._task.args}
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result
