"""Test the values that a callback reads from the outcome of a task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.plugin_utils.task_outcome import (
    MAX_LINES,
    FailedItems,
    Outcome,
    outcome_of,
)


def result(content: dict[str, Any], **task: Any) -> Any:
    """Return a result as Ansible passes it to a callback."""
    attributes = {"action": "ansible.builtin.command", "delegate_to": None, "run_once": False, "_uuid": "1", **task}
    fields = SimpleNamespace(get_name=lambda: "acs.builders.build_trust : Install the record", **attributes)
    fields.get_path = lambda: "/roles/build_trust/tasks/main.yml:20"
    host = SimpleNamespace(get_name=lambda: "build1")
    return SimpleNamespace(_host=host, _task=fields, _result=content)


def outcome(content: dict[str, Any], **task: Any) -> Outcome:
    """Return the outcome of a task."""
    return outcome_of(result(content, **task))


def test_names_are_without_role_and_collection() -> None:
    seen = outcome({}, delegate_to="localhost", run_once=True)
    assert (seen.host, seen.task, seen.action) == ("build1", "Install the record", "command")
    assert (seen.path, seen.delegated_to, seen.run_once) == ("/roles/build_trust/tasks/main.yml:20", "localhost", True)


@pytest.mark.parametrize(
    ("content", "changed"),
    [
        ({"changed": True}, True),
        ({"changed": False}, False),
        ({"results": [{"changed": False}, {"changed": True}]}, True),
        ({"results": []}, False),
        ({"results": ["a package", "another"]}, False),
    ],
)
def test_a_loop_changed_what_one_of_its_items_changed(content: dict[str, Any], changed: bool) -> None:
    assert outcome(content).changed is changed


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"msg": "The names are wrong.\n"}, ["The names are wrong."]),
        ({}, ["It reported no reason."]),
        (
            {"msg": "non-zero return code", "cmd": ["rm", "a b"], "stderr": "no room\n", "stdout": "x"},
            ["non-zero return code\nCommand: rm 'a b'\nno room"],
        ),
        ({"msg": "failed: no room", "stderr": "no room", "stdout": "half done"}, ["failed: no room\nhalf done"]),
        ({"msg": "MODULE FAILURE", "module_stderr": "Traceback"}, ["MODULE FAILURE\nTraceback"]),
        ({"msg": "Assertion failed", "assertion": "a == b"}, ["Assertion failed\nNot true: a == b"]),
        ({"censored": "the output has been hidden", "changed": False}, ["the output has been hidden"]),
        ({"msg": 7}, ["7"]),
    ],
)
def test_why_a_task_failed(content: dict[str, Any], why: list[str]) -> None:
    assert outcome(content).failures == why


def test_only_the_end_of_a_long_output_is_kept() -> None:
    (why,) = outcome({"msg": "failed", "stdout": "\n".join(map(str, range(100)))}).failures
    assert why.splitlines() == ["failed", *map(str, range(100 - MAX_LINES, 100))]


def test_of_a_loop_only_the_failed_items_are_reported() -> None:
    items = [
        {"item": "a", "msg": "fine"},
        {"item": "b", "failed": True, "msg": "no b"},
        {"item": "secret", "_ansible_no_log": True, "failed": True, "censored": "hidden"},
    ]
    assert outcome({"msg": "One or more items failed", "results": items}).failures == ["With b:\nno b", "hidden"]


def test_items_that_failed_are_known_although_the_end_of_the_loop_does_not_name_them() -> None:
    items, end = (
        FailedItems(),
        {"msg": "One or more items failed", "results": [{"item": "a"}, {"item": "b", "msg": "no b"}]},
    )
    items.add(result({"item": "b", "msg": "no b"}))
    items.add(result({"item": "c", "msg": "no c"}, _uuid="2"))
    assert items.outcome_of(result(end)).failures == ["With b:\nno b"]
    assert items.outcome_of(result(end)).failures == ["One or more items failed"], "of another run of the task"
