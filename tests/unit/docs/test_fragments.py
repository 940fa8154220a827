"""Test that the changelog fragments are reStructuredText without the markup of Ansible's documentation."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "changelogs" / "fragments"
MARKUP = re.compile(r"\b(?:B|C|E|I|L|M|O|P|R|RV|U|V)\([^)]")


def test_no_fragment_has_markup_of_ansible() -> None:
    assert MARKUP.search("with C(--json)")
    texts = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yml")}
    assert {name: MARKUP.findall(text) for name, text in texts.items() if MARKUP.search(text)} == {}
