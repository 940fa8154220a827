"""Test the hooks in the settings files of clients."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.filter.client_settings import client_settings
from ansible_collections.acs.builders.plugins.plugin_utils import settings_text

HOOK = "/usr/local/lib/acs-builders/hook"
CLAUDE, CODEX, FEATURE = ".claude/settings.json", ".codex/hooks.json", ".codex/config.toml"
COPILOT = ".copilot/hooks/acs-builders.json"
MINE = {"type": "command", "command": "/usr/bin/mine", "x": 1}
needs_toml = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python reads TOML since 3.11")
OTHERS: list[dict[str, Any]] = [
    {"model": "opus", "hooks": {"Stop": [{"matcher": "", "hooks": [MINE]}], "PreToolUse": []}, "é": "{{ x }}"},
    {"hooks": {"Stop": [{"hooks": []}, {"future": True}, "text"]}},
    {"permissions": {"allow": ["Bash"]}},
]
TOMLS = [
    "# mine\n",
    'model = "o" # mine',
    "[features]\nweb = true\n[other]\nhooks = false\n",
    "[other]\n\n[ features ] # mine\nweb = true",
    "[features]",
]


def add(text: str, path: str) -> str:
    """Add the hooks to a text, check that adding them again changes nothing, and return the text."""
    done = client_settings(text, path, HOOK, True)
    assert done["changed"] and not client_settings(done["text"], path, HOOK, True)["changed"]
    return str(done["text"])


def remove(text: str, path: str) -> str:
    """Remove the hooks from a text, check that removing them again changes nothing, and return the text."""
    done = client_settings(text, path, HOOK, False)
    assert not client_settings(done["text"], path, HOOK, False)["changed"]
    return str(done["text"])


@pytest.mark.parametrize("path", [CLAUDE, CODEX, COPILOT])
@pytest.mark.parametrize("text", ["", "{}"])
def test_a_new_file_has_both_hooks_and_is_removed(path: str, text: str) -> None:
    new = add(text, path)
    client = path[1:].partition("/")[0]
    for event in ("session-start", "turn-end"):
        assert f'"{HOOK} {event} {client}"' in new
    assert remove(new, path) == ""


@pytest.mark.parametrize("path", [CLAUDE, CODEX])
@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("indent", [2, 4, "\t"])
def test_other_settings_stay(path: str, others: dict[str, Any], indent: Any) -> None:
    before = f"{json.dumps(others, indent=indent, ensure_ascii=False)}\n"
    merged = json.loads(add(before, path))
    assert {**merged, "hooks": None} == {**others, "hooks": None} and [*merged][: len(others)] == [*others]
    for event, groups in others.get("hooks", {}).items():
        assert merged["hooks"][event][: len(groups)] == groups
    assert remove(add(before, path), path) == before
    assert remove(before, path) == before


def test_an_older_hook_is_replaced_in_a_group_with_others() -> None:
    old = {"type": "command", "command": f"{HOOK} turn-end old", "timeout": 1}
    merged = json.loads(add(json.dumps({"hooks": {"Stop": [{"hooks": [MINE, old]}]}}), CLAUDE))
    commands = [hook["command"] for group in merged["hooks"]["Stop"] for hook in group["hooks"]]
    assert commands == ["/usr/bin/mine", f"{HOOK} turn-end claude"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '"x"', "// x\n{}", '{"hooks": []}', '{"hooks": {"Stop": {}}}', "[" * 99_999]
)
@pytest.mark.parametrize("wanted", [True, False])
def test_a_file_of_another_form_is_refused_in_one_sentence(text: str, wanted: bool) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^~/.claude/settings.json .*Correct it, and run the setup again$"):
        client_settings(text, CLAUDE, HOOK, wanted)


@needs_toml
@pytest.mark.parametrize("text", ["", *TOMLS])
def test_the_hooks_of_codex_are_turned_on_in_lines_of_their_own(text: str) -> None:
    new = add(text, FEATURE)
    assert importlib.import_module("tomllib").loads(new)["features"]["hooks"] is True
    assert remove(new, FEATURE).rstrip("\n") == text.rstrip("\n")


@needs_toml
@pytest.mark.parametrize(
    "text", ["[features]\nhooks = true\n", "features.hooks = true\n", "features = {hooks = true}\n"]
)
def test_hooks_of_codex_that_are_on_stay(text: str) -> None:
    assert not client_settings(text, FEATURE, HOOK, True)["changed"]
    assert not client_settings(text, FEATURE, HOOK, False)["changed"]


@needs_toml
@pytest.mark.parametrize(
    "text", ["[features]\nhooks = false\n", "features = {}\n", "features = 1\n", "x = '''\n[features]\n'''"]
)
def test_a_configuration_of_codex_that_cannot_be_edited_is_refused(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"Set hooks = true in its table \[features\]$"):
        client_settings(text, FEATURE, HOOK, True)


@needs_toml
def test_a_configuration_of_codex_that_is_not_toml_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^~/.codex/config.toml is not valid TOML .*run the setup again$"):
        client_settings("x = ", FEATURE, HOOK, True)


def test_without_a_parser_only_an_empty_configuration_is_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.10 on the controller has no parser."""
    monkeypatch.setattr(settings_text, "tomllib", None)
    new = add("", FEATURE)
    assert new.endswith("hooks = true # acs-builders\n") and remove(new, FEATURE) == ""
    enabled = "model = 'o'\n[features] # mine\nweb = true\nhooks = true\n[other]\n"
    assert not client_settings(enabled, FEATURE, HOOK, True)["changed"]
    for text in (*TOMLS, "[features]\nweb = true\n[other]\nhooks = true\n", "x = '''\n[features]\n'''"):
        with pytest.raises(
            AnsibleFilterError, match=r"Python 3.11 or later .* in the table \[features\] of that file$"
        ):
            client_settings(text, FEATURE, HOOK, True)


CLAUDE_SERVERS, COPILOT_SERVERS = ".claude.json", ".copilot/mcp-config.json"
SERVERS: list[dict[str, Any]] = [
    {"numStartups": 3, "mcpServers": {"mine": {"command": "mine"}}, "projects": {"/é": {"mcpServers": {}}}},
    {"oauthAccount": {"x": "{{ y }}"}},
]
SERVER_TOMLS = ["# mine\n", 'model = "o" # mine', "[features]\nweb = true\n", '[mcp_servers.mine]\ncommand = "mine"\n']


def serve(text: str, path: str, hooks: bool = False) -> str:
    """Add the server to a text, check that adding it again changes nothing, and return the text."""
    done = client_settings(text, path, HOOK, hooks, True)
    assert done["changed"] and not client_settings(done["text"], path, HOOK, hooks, True)["changed"]
    return str(done["text"])


@pytest.mark.parametrize(("path", "kind"), [(CLAUDE_SERVERS, "stdio"), (COPILOT_SERVERS, "local")])
@pytest.mark.parametrize("others", [{}, *SERVERS])
def test_the_server_is_added_beside_others_and_removed(path: str, kind: str, others: dict[str, Any]) -> None:
    before = f"{json.dumps(others, indent=2, ensure_ascii=False)}\n" if others else ""
    merged = json.loads(serve(before, path))
    entry = merged["mcpServers"].pop("acs-builders")
    assert (entry["type"], entry["command"], entry["args"]) == (kind, "/usr/local/bin/builderctl", ["mcp"])
    assert {"mcpServers": {}, **others} == {"mcpServers": {}, **merged}
    assert remove(serve(before, path), path) == before
    assert remove(before, path) == before


def test_what_others_add_to_the_server_is_kept() -> None:
    settings = json.loads(serve("", CLAUDE_SERVERS))
    settings["mcpServers"]["acs-builders"]["env"] = {"X": "1"}
    text = json.dumps(settings)
    assert not client_settings(text, CLAUDE_SERVERS, HOOK, False, True)["changed"]
    old = text.replace('["mcp"]', '["old"]')
    assert json.loads(serve(old, CLAUDE_SERVERS)) == settings


def test_a_server_of_others_with_the_same_name_is_not_removed() -> None:
    text = '{"mcpServers": {"acs-builders": {"command": "/usr/bin/mine"}}}'
    assert remove(text, CLAUDE_SERVERS) == text


def test_a_damaged_file_without_the_server_stays_if_none_is_wanted() -> None:
    assert remove("{", CLAUDE_SERVERS) == "{"


@pytest.mark.parametrize("text", ["{", "[]", '{"mcpServers": []}'])
def test_servers_of_another_form_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^~/.claude.json .*Correct it, and run the setup again$"):
        client_settings(text, CLAUDE_SERVERS, HOOK, False, True)


@needs_toml
@pytest.mark.parametrize("hooks", [True, False])
@pytest.mark.parametrize("text", ["", *SERVER_TOMLS, *TOMLS])
def test_the_server_of_codex_is_a_table_in_lines_of_its_own(text: str, hooks: bool) -> None:
    new = serve(text, FEATURE, hooks)
    parsed = importlib.import_module("tomllib").loads(new)
    assert parsed["mcp_servers"]["acs-builders"] == {"command": "/usr/local/bin/builderctl", "args": ["mcp"]}
    without = client_settings(new, FEATURE, HOOK, hooks, False)["text"]
    assert without.rstrip("\n") == client_settings(text, FEATURE, HOOK, hooks, False)["text"].rstrip("\n")
    assert remove(new, FEATURE).rstrip("\n") == text.rstrip("\n")


def test_a_server_of_codex_that_a_person_has_added_stays() -> None:
    text = '[mcp_servers.acs-builders]\ncommand = "/usr/local/bin/builderctl"\nargs = ["mcp"]\ntool_timeout_sec = 9\n'
    assert not client_settings(text, FEATURE, HOOK, False, True)["changed"]
    assert not client_settings(text, FEATURE, HOOK, False, False)["changed"]


@needs_toml
@pytest.mark.parametrize("text", ['[mcp_servers.acs-builders]\ncommand = "x"\n', "mcp_servers = {}\n", "x = '''\n"])
def test_a_configuration_of_codex_in_which_the_server_cannot_be_added_is_refused(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^~/.codex/config.toml .*run the setup again$"):
        client_settings(text, FEATURE, HOOK, False, True)


def test_a_table_of_codex_to_which_others_have_added_is_not_torn_apart() -> None:
    text = f"{serve('', FEATURE)}tool_timeout_sec = 9\n"
    assert not client_settings(text, FEATURE, HOOK, False, True)["changed"]
    with pytest.raises(AnsibleFilterError, match=r"Remove the table mcp_servers.acs-builders"):
        client_settings(text, FEATURE, HOOK, False, False)
