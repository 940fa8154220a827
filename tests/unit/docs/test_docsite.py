"""Test that the pages of the site name the guides that replace them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = sorted((DOCS / "docsite" / "rst").glob("*.rst"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_the_title_of_its_guide(page: Path) -> None:
    label, _blank, title, underline, _gap, names, *_rest = page.read_text(encoding="utf-8").splitlines()
    guide = "README.md" if page.stem == "getting-started" else f"docs/{page.stem}.md"
    assert label == f".. _ansible_collections.acs.builders.docsite.{page.stem}:"
    assert f"# {title}" == (DOCS.parent / guide).read_text(encoding="utf-8").splitlines()[0]
    assert set(underline) == {"="} and len(underline) == len(title)
    assert f"``{guide}``" in names


def test_every_page_is_listed_once() -> None:
    index = yaml.safe_load((DOCS / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))
    listed = [page for section in index["sections"] for page in section["toctree"]]
    assert sorted(listed) == [page.stem for page in PAGES]
