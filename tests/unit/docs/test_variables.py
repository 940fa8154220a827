"""Test that no documented variable for the command line is a reserved name of Ansible."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible.vars.reserved import get_reserved_names

TOP = Path(__file__).resolve().parents[3]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md")), *sorted((TOP / "playbooks").glob("*.yml"))]
GIVEN = re.compile(r"""(?:-e|--extra-vars)[ =]["']?(.*)""")
NAMES = re.compile(r"""(?:^|[\s"'{,])([a-z_]+)["']?(?:=|: )""")


def documented(text: str) -> set[str]:
    """Return the variables of all options -e in a text, and those that the head of a playbook lists."""
    found = {name for given in GIVEN.findall(text) for name in NAMES.findall(given)}
    listed = re.findall(r"(?ms)^# Variables: (.*?)\.\n(?=[^#]|# [A-Z])", text)
    return found | {name for words in listed for name in re.findall(r"(?:^|, |and )([a-z_]+)(?= \(|,|\.|$)", words)}


def test_variables_are_found() -> None:
    assert documented('play -e strict=true -e \'{"packages": ["x"]}\'\n') == {"strict", "packages"}
    assert {"json", "tell"} <= documented((TOP / "playbooks/check_environment.yml").read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_none_is_a_word_of_ansible(page: Path) -> None:
    assert documented(page.read_text()) & get_reserved_names() == set()
