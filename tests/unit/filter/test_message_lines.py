"""Test that plays print messages as the command does, in printable ASCII."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.filter.message_lines import FilterModule
from ansible_collections.acs.builders.plugins.module_utils.builderctl.message_rendering import LEGEND
from ansible_collections.acs.builders.tests.unit.builderctl.test_message_rendering import shown

message_lines = FilterModule().filters()["message_lines"]
ENTRY = {"id": "msg_1", "from": "build1", "to": "operator", "subject": "May I?", "body": "Please.", "needs": "operator"}


def test_messages_are_framed_as_the_command_does() -> None:
    lines = message_lines([shown(ENTRY), shown({**ENTRY, "id": "msg_2"})], "operator")
    assert lines[0] == LEGEND
    assert lines[1] == "INFO msg_1 build1 - (verified) only the operator may answer it"
    assert lines[2:5] == ["| May I?", "|", "| Please."] and lines[5].startswith("INFO msg_2 ")


def test_only_printable_characters() -> None:
    lines = message_lines([shown({**ENTRY, "subject": "日本\x1b[2J", "body": "\u202e\nx"})], "operator")
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_nothing_for_nothing() -> None:
    assert message_lines([], "operator") == []
