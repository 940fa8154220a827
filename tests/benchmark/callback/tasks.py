"""A callback of Ansible that records each task on each host, a line each.

A line contains the host, the action, the result, the number of runs, the role, the id and the seconds since the start.
"""

from __future__ import annotations

import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: tasks
type: aggregate
short_description: Record each task
description:
  - Records each task on each host in the file that the variable TASKS_FILE names.
author:
  - The acs.builders authors
"""


class CallbackModule(CallbackBase):
    """The callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "tasks"

    _started = 0.0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Record the start of a task."""
        self._started = time.monotonic()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Record a task that ran."""
        self._write(result, "changed" if result.is_changed() else "ok")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Record a task that was skipped."""
        self._write(result, "skipped")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Record a task that failed, also if the failure is ignored."""
        self._write(result, "failed")

    def _write(self, result: Any, ended: str) -> None:
        items = result._result.get("results", [{}])
        ran = len([item for item in items if not item.get("skipped")]) if ended != "skipped" else 0
        task, seconds = result._task, time.monotonic() - self._started
        words = (result._host.get_name(), task.action, ended, ran, task._role or "-", task._uuid, f"{seconds:.3f}")
        with open(os.environ["TASKS_FILE"], "a", encoding="utf-8") as stream:
            stream.write(" ".join(map(str, words)) + "\n")
