"""Test the tools of builderctl mcp and the commands that they run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.arguments import parse
from ansible_collections.acs.builders.plugins.module_utils.builderctl.mcp_tools import INSTRUCTIONS, TOOLS
from jsonschema import Draft202012Validator

HOSTILE = "--config=/x\n- $(y) \u202e \x00"
VALUES: dict[str, Any] = {
    "id": HOSTILE,
    "ids": [HOSTILE, "--json"],
    "mark_read": ["@7f3a", HOSTILE],
    "acknowledge": [HOSTILE],
    "to": ["build2", HOSTILE],
    "from": ["build2", HOSTILE],
    "facts": {"git": "2=3", "-x": 7},
    "request": {"action": HOSTILE},
    "timeout": 3,
}


def value(name: str, schema: dict[str, Any]) -> Any:
    """Return a value of an argument that could be misread on a command line."""
    if name in VALUES:
        return VALUES[name]
    if "enum" in schema:
        return schema["enum"][-1]
    if schema["type"] == "array":
        return schema["items"]["enum"]
    return True if schema["type"] == "boolean" else HOSTILE


def test_there_are_six_tools_that_cost_little_context() -> None:
    assert list(TOOLS) == ["inbox", "read", "send", "reply", "wait", "health"]
    listed = [
        {"name": name, "description": tool.description, "inputSchema": tool.schema} for name, tool in TOOLS.items()
    ]
    assert len(json.dumps(listed)) + len(INSTRUCTIONS) < 6000


@pytest.mark.parametrize("name", TOOLS)
def test_no_argument_is_mistaken_for_another(name: str) -> None:
    tool = TOOLS[name]
    Draft202012Validator.check_schema(tool.schema)
    given = {argument: value(argument, schema) for argument, schema in tool.properties.items()}
    if name == "wait":
        del given["thread"]  # cannot be combined with reply
    assert [*Draft202012Validator(tool.schema).iter_errors(given)] == []
    parsed = [vars(parse(command)) for command in tool.commands(given)]
    assert all(one["config"].startswith("/etc/") and not one["json"] for one in parsed)
    renamed = {
        "from": "senders",
        "continue": "continue_thread",
        "mark_read": "ids",
        "acknowledge": "ids",
        "timeout": "wait_timeout",
    }
    for argument, wanted in given.items():
        found = [one.get(renamed.get(argument, argument)) for one in parsed]
        if argument == "facts":
            wanted = [{"name": "git", "value": "2=3"}, {"name": "-x", "value": "7"}]
        assert wanted in found, argument


@pytest.mark.parametrize("name", TOOLS)
def test_required_arguments_suffice(name: str) -> None:
    tool = TOOLS[name]
    for command in tool.commands(dict.fromkeys(tool.required, HOSTILE)):
        assert parse(command).command == command[0]
