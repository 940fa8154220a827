"""Test that each line of the threat model names an existing test, or says why there is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
PAGE = (TOP / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`((?:tests|molecule)/[\w/]+\.py)::(\w+)`")
NO_TEST = re.compile(r"no test: \w+( \S+){2,}")


def rows() -> list[list[str]]:
    """Return the cells of the lines about attacks."""
    found = []
    attacks = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            attacks = False
        elif cells[0] == "attack":
            attacks = True
        elif attacks and not set(line) <= set("|-"):
            found.append(cells)
    return found


def test_the_lines_are_found() -> None:
    assert len(rows()) > 40
    assert PAGE.count("\n| attack |") >= 6


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:50])
def test_each_line_says_what_becomes_of_the_attack_and_how_that_is_known(row: list[str]) -> None:
    attack, outcome, how, test = row
    assert outcome in ("prevented", "detected", "neither")
    assert attack
    assert how
    names = NAMED.findall(test)
    assert names or NO_TEST.fullmatch(test)
    assert test == ", ".join(f"`{file}::{name}`" for file, name in names) or NO_TEST.fullmatch(test)


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE))))
def test_each_test_that_is_named_exists(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (TOP / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_test_of_an_attack_that_is_in_the_table_is_on_the_page() -> None:
    files = sorted((TOP / "tests" / "integration" / "attacks").glob("test_*.py"))
    assert files
    for file in files:
        for name in re.findall(r"^def (test_\w+)\([^)]*table: AddRow", file.read_text(encoding="utf-8"), re.MULTILINE):
            assert f"`tests/integration/attacks/{file.name}::{name}`" in PAGE, name
