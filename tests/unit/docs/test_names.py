"""Test that the names in the pages exist: commands, options, make targets, playbooks, plugins, roles and variables."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from ansible_collections.acs.builders.plugins.module_utils.builderctl.arguments import make_parser
from ansible_collections.acs.builders.plugins.module_utils.builderctl.complete import commands_of
from ansible_collections.acs.builders.plugins.module_utils.builderctl.parser import shown_options
from ansible_collections.acs.builders.tests.unit.docs.test_links import PAGES, TOP

CODE = re.compile(r"^ *```sh\n(.*?)^ *```$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
NAMESPACES = {"builders", "status", "heartbeat", "alerts"}
"""What follows the name of the collection in the action group and in the namespaces of signatures."""
CTL = commands_of(make_parser())
TARGETS = set(re.findall(r"[\w-]+", (TOP / "Makefile").read_text().partition(".PHONY:")[2].partition("\n")[0]))
FILES = [
    path
    for folder in ("plugins", "extensions", "playbooks", "roles", "inventory")
    for path in (TOP / folder).rglob("*")
]
YAML = "\n".join(path.read_text(encoding="utf-8") for path in FILES if path.suffix == ".yml")
OWN = {path.stem for path in FILES if "__pycache__" not in path.parts}


def commands(page: Path) -> list[str]:
    """Return the lines of the shell blocks of a page, and its texts in backquotes."""
    found = CODE.findall(page.read_text(encoding="utf-8"))
    return [line.strip() for block, inline in found for line in (block or inline).splitlines()]


def wrong(command: str) -> list[str]:
    """Return the names in a command that do not exist."""
    found = [name for name in re.findall(r"acs\.builders\.(\w+)", command) if name not in OWN | NAMESPACES]
    found += [name for name in re.findall(r"\bplaybooks/[\w/]+\.yml", command) if not (TOP / name).is_file()]
    names = re.findall(r"\bbuild(?:ers)?_[a-z_]+\b", command)
    found += [name for name in names if name not in OWN and not re.search(rf"\b{name}\b", YAML)]
    first, *words = shlex.split(command) if command.startswith(("make", "builderctl")) else [""]
    if first == "make":
        found += [word for word in words if re.fullmatch("[a-z-]+", word) and word not in TARGETS]
    if first == "builderctl" and words and re.fullmatch("[a-z-]+", words[0]) and not words[0].startswith("-"):
        options = shown_options(CTL[words[0]]) if words[0] in CTL else []
        given = [word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z-]+(=.*)?", word)]
        found += [words[0]] if words[0] not in CTL else [option for option in given if option not in options]
    return found


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("builderctl raed", "raed"),
        ("builderctl read --form x", "--form"),
        ("make tests", "tests"),
        ("ansible-playbook playbooks/heal.yml", "playbooks/heal.yml"),
        ("ansible-playbook acs.builders.heal", "heal"),
        ("build_trust_rotates: build1", "build_trust_rotates"),
    ],
)
def test_a_name_that_does_not_exist_is_found(command: str, name: str) -> None:
    assert wrong(command) == [name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_names_exist(page: Path) -> None:
    assert [(command, names) for command in commands(page) for names in [wrong(command)] if names] == []


@pytest.mark.parametrize("role", sorted((TOP / "roles").iterdir()), ids=lambda role: role.name)
def test_the_example_of_a_role_sets_options_of_it(role: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", (role / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    ((used,),) = [play["roles"] for play in yaml.safe_load(block)]
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert used["role"] == f"acs.builders.{role.name}"
    assert set(used.get("vars", {})) <= set(specs)
