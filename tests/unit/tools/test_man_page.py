"""Test the manual page of builderctl, which is generated from its parser."""

from __future__ import annotations

import argparse

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.arguments import make_parser
from ansible_collections.acs.builders.plugins.module_utils.builderctl.complete import commands_of
from man_page import COMMON, PAGE, page


def test_the_page_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert PAGE.read_text(encoding="utf-8") == page(), "generate it again: tools/man_page.py"


def test_every_command_and_option_is_on_it() -> None:
    plain = page().replace("\\-", "-").replace("\\(aq", "'")
    for name, command in commands_of(make_parser()).items():
        section = plain.partition(f".SS builderctl {name} ")[2].partition("\n.SS ")[0]
        assert "Examples:" in section
        for option, action in command._option_string_actions.items():
            is_hidden = action.help == argparse.SUPPRESS
            assert (option in section) != is_hidden or option in (*COMMON, "-h"), (name, option)
    options = plain.partition(".SH OPTIONS\n")[2].partition(".SH COMMANDS\n")[0]
    assert all(option in options for option in COMMON)
