"""A callback of Ansible that writes what each task was on each host, a line each: host, action, and how it ended."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: tasks
type: aggregate
short_description: Write what each task was
description:
  - Writes host, action and how it ended to the file that the variable TASKS_FILE names.
author:
  - The acs.builders authors
"""


class CallbackModule(CallbackBase):
    """Writes the lines."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "tasks"

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task that ran."""
        self._write(result, "changed" if result.is_changed() else "ok")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task that was skipped."""
        self._write(result, "skipped")

    def _write(self, result: Any, ended: str) -> None:
        with open(os.environ["TASKS_FILE"], "a", encoding="utf-8") as stream:
            stream.write(f"{result._host.get_name()} {result._task.action} {ended}\n")
