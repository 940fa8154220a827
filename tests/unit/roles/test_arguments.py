"""Test that the documentation of each role's variables agrees with their defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = sorted((Path(__file__).resolve().parents[3] / "roles").iterdir())
TYPES: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "dict": dict,
    "float": (int, float),
    "int": int,
    "list": list,
    "path": str,
    "raw": object,
    "str": str,
}
FALLBACK = re.compile(r"\{\{ \w+ \| default\((.+)\) \}\}")


def literal(default: Any) -> Any:
    """Return a default as it is without the inventory; None if the inventory must set it."""
    if not (isinstance(default, str) and "{{" in default):
        return default
    fallback = FALLBACK.fullmatch(default)
    return yaml.safe_load(fallback[1]) if fallback else None


def own_names(role: Path) -> set[str]:
    """Return the variables that a role sets itself: in vars/main.yml, and with register and set_fact in its tasks."""
    names = set(yaml.safe_load((role / "vars/main.yml").read_text())) if (role / "vars/main.yml").exists() else set()
    waiting = [yaml.safe_load(file.read_text()) for file in (role / "tasks").glob("*.yml")]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            facts = found.get("ansible.builtin.set_fact")
            names |= {found.get("register", ""), *(facts if isinstance(facts, dict) else ())}
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
    return names


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_documentation_of_the_variables_agrees_with_their_defaults(role: Path) -> None:
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text())
    variables = yaml.safe_load((role / "vars/main.yml").read_text()) if (role / "vars/main.yml").exists() else {}
    options = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert list(options) == list(defaults)
    assert all(name.startswith(f"{role.name}_") for name in (*defaults, *variables))
    assert not defaults.keys() & own_names(role), "the role itself sets a variable of the inventory"
    for name, option in options.items():
        value = literal(defaults[name])
        assert option.get("default") == value, name
        assert value is None or isinstance(value, TYPES[option["type"]]), name
        assert option["type"] in ("bool", "raw") or not isinstance(value, bool), name
