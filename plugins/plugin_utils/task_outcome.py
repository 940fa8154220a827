# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a task on a host, as the callback plugins read it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.acs.builders.plugins.module_utils.coordination.text import as_text

MAX_LINES = 20
"""The number of lines that are kept of the output of a command that failed."""
OUTPUTS = ("stderr", "module_stderr", "stdout", "module_stdout")
"""Where a result has the output of a command, the most telling first."""


class Outcome(NamedTuple):
    """The outcome of a task on a host.

    :param task: the name of the task, without that of its role.
    :param action: the name of the module, without that of its collection.
    :param content: the result, where Ansible has removed what ``no_log`` hides.
    :param path: the file and the line of the task; empty if they are not known.
    :param delegated_to: the host that the task ran on in place of this one; empty if there is none.
    """

    host: str
    task: str
    action: str
    content: Mapping[str, Any]
    path: str
    delegated_to: str
    run_once: bool

    @property
    def results(self) -> list[Mapping[str, Any]]:
        """The result of each item of a loop, or the one result."""
        items = self.content.get("results")
        if isinstance(items, list) and items and all(isinstance(item, Mapping) for item in items):
            return items
        return [self.content]

    @property
    def changed(self) -> bool:
        """Whether the task changed something."""
        return any(result.get("changed") for result in (self.content, *self.results))

    @property
    def failures(self) -> list[str]:
        """The texts that say why it failed, one for each item of a loop that did."""
        items = [item for item in self.results if item.get("failed") or item.get("unreachable")]
        return [_failure(item) for item in items] or [_failure(self.content)]


def outcome_of(result: Any) -> Outcome:
    """Return the outcome that a callback is given.

    :param result: a ``TaskResult``, or since ansible-core 2.19 a ``CallbackTaskResult``.
    """
    host, task = result._host, result._task
    return Outcome(
        host=host.get_name(),
        task=short_name(task),
        action=str(task.action).rpartition(".")[2],
        content=result._result,
        path=task.get_path() or "",
        delegated_to=str(task.delegate_to or ""),
        run_once=bool(task.run_once),
    )


class FailedItems:
    """The items of loops that failed. Since ansible-core 2.21 the result of the loop does not say which ones did."""

    def __init__(self) -> None:
        self._results: dict[tuple[str, str], list[Mapping[str, Any]]] = {}

    def add(self, result: Any) -> None:
        """Take an item that failed into account."""
        self._results.setdefault(_place(result), []).append({**result._result, "failed": True})

    def outcome_of(self, result: Any) -> Outcome:
        """Return the outcome of a task that failed, of a loop with these items."""
        outcome = outcome_of(result)
        items = self._results.pop(_place(result), None)
        return outcome._replace(content={**outcome.content, "results": items}) if items else outcome


def _place(result: Any) -> tuple[str, str]:
    return result._host.get_name(), result._task._uuid


def short_name(task: Any) -> str:
    """Return the name of a task without that of its role."""
    return str(task.get_name()).strip().rpartition(" : ")[2]


def _failure(content: Mapping[str, Any]) -> str:
    """Return why a task failed: its message, and the end of the output of its command."""
    return "\n".join(_failure_lines(content)) or "It reported no reason."


def _failure_lines(content: Mapping[str, Any]) -> Iterator[str]:
    said = as_text(content.get("msg", content.get("censored", ""))).strip()
    label = content.get("_ansible_item_label", content.get("item"))
    if label is not None and not content.get("_ansible_no_log"):
        yield f"With {as_text(label)}:"
    if said:
        yield said
    if "assertion" in content and said == "Assertion failed":
        yield f"Not true: {as_text(content['assertion'])}"
    if content.get("cmd"):
        command = content["cmd"]
        yield f"Command: {shlex.join(map(str, command)) if isinstance(command, list) else command}"
    outputs = (as_text(content.get(name, "")).strip() for name in OUTPUTS)
    output = next((text for text in outputs if text and text not in said), "")
    yield from output.splitlines()[-MAX_LINES:]
