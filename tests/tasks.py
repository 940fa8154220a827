"""The tasks of a play, recorded by the callback of the benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

CALLBACK = Path(__file__).resolve().parent / "benchmark" / "callback"
ON_CONTROLLER = {
    *("assert", "debug", "fail", "import_role", "include_role", "include_tasks", "meta", "set_fact"),
    "validate_argument_spec",
}
"""Actions that run no module on a host."""


class Task(NamedTuple):
    """A task on a host.

    :param action: the name of the action in the play.
    :param ended: ``ok``, ``changed``, ``skipped`` or ``failed``.
    :param items: how often it ran: once, or for each item of a loop that was not skipped.
    :param role: the role that contains it, or ``-``.
    :param id: the same on all hosts.
    :param seconds: from its start on the first host to its end on this one.
    """

    host: str
    action: str
    ended: str
    items: int
    role: str
    id: str
    seconds: float

    @property
    def modules(self) -> int:
        """The number of calls of a module on the host."""
        return 0 if self.action.rpartition(".")[2] in ON_CONTROLLER else self.items


def recording(file: Path) -> dict[str, str | Path]:
    """Return variables with which Ansible records the tasks in a file."""
    return {"ANSIBLE_CALLBACK_PLUGINS": CALLBACK, "ANSIBLE_CALLBACKS_ENABLED": "tasks", "TASKS_FILE": file}


def recorded(file: Path) -> list[Task]:
    """Return the recorded tasks."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        host, action, ended, items, role, task, seconds = line.split()
        found.append(Task(host, action, ended, int(items), role, task, float(seconds)))
    return found
