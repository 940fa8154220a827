# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hooks and the server in the settings files of the clients of managers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.plugin_utils.mcp_settings import (
    CLAUDE_ENTRY,
    COPILOT_ENTRY,
    json_server,
    toml_server,
)
from ansible_collections.acs.builders.plugins.plugin_utils.settings_text import (
    RETRY,
    Known,
    json_text,
    parse_json,
    parse_toml,
    without_marked_lines,
)

MARK = "# acs-builders"
KNOWN = Known(
    "features",
    r"(?m)^[ \t]*\[[ \t]*features[ \t]*\][^\[]*^[ \t]*hooks[ \t]*=[ \t]*true\b",
    {"hooks": True},
    "set hooks = true in the table [features] of that file",
)
TIMEOUT = 5
"""Seconds after which a client ends a hook. The script ends within one."""
EVENTS = {"SessionStart": "session-start", "Stop": "turn-end"}
COPILOT_EVENTS = {"sessionStart": "session-start", "agentStop": "turn-end"}


def client_settings(text: str, path: str, hook: str, wanted: bool, mcp: bool = False) -> dict[str, Any]:
    """Return the text of a settings file with or without the hooks and the server.

    :raises AnsibleFilterError: if the file cannot be changed safely.
    """
    new = _FORMS[path](text, f"~/{path}", hook, wanted, mcp)
    return {"text": new, "changed": new != text}


def _claude(text: str, name: str, hook: str, wanted: bool, _mcp: bool) -> str:
    return _json_hooks(text, name, hook, wanted, "claude")


def _claude_servers(text: str, name: str, _hook: str, _wanted: bool, mcp: bool) -> str:
    return json_server(text, name, CLAUDE_ENTRY, mcp)


def _codex(text: str, name: str, hook: str, wanted: bool, _mcp: bool) -> str:
    return _json_hooks(text, name, hook, wanted, "codex")


def _codex_configuration(text: str, name: str, _hook: str, wanted: bool, mcp: bool) -> str:
    return toml_server(_codex_feature(text, name, wanted), name, mcp)


def _copilot(_text: str, _name: str, hook: str, wanted: bool, _mcp: bool) -> str:
    """Return the file of this collection in the folder of the hooks of Copilot CLI."""
    hooks = {
        event: [{"type": "command", "bash": f"{hook} {argument} copilot", "timeoutSec": TIMEOUT}]
        for event, argument in COPILOT_EVENTS.items()
    }
    return f"{json.dumps({'version': 1, 'hooks': hooks}, indent=2)}\n" if wanted else ""


def _copilot_servers(text: str, name: str, _hook: str, _wanted: bool, mcp: bool) -> str:
    return json_server(text, name, COPILOT_ENTRY, mcp)


def _json_hooks(text: str, name: str, hook: str, wanted: bool, client: str) -> str:
    """Merge the hooks into an object with lists of groups of hooks, the form of Claude Code and Codex."""
    settings = parse_json(text, name)
    events = settings.get("hooks", {})
    kept = json.loads(json.dumps(settings))
    if not isinstance(events, dict) or not all(isinstance(groups, list) for groups in events.values()):
        raise AnsibleFilterError(f"{name} has hooks of an unknown form. {RETRY}")
    for event, argument in EVENTS.items():
        command = {"type": "command", "command": f"{hook} {argument} {client}", "timeout": TIMEOUT}
        groups = [_without(group, hook) for group in events.get(event, [])]
        groups = [group for group in groups if group is not None] + ([{"hooks": [command]}] if wanted else [])
        events = {**events, event: groups}
        if not groups:
            del events[event]
    settings["hooks"] = events
    if not events:
        del settings["hooks"]
    if settings == kept or (not wanted and not events and not kept.get("hooks")):
        return text
    return json_text(settings, text)


def _without(group: Any, hook: str) -> Any:
    """Return a group without the hooks of this collection; None if it had no others."""
    hooks = group.get("hooks") if isinstance(group, dict) else None
    if not isinstance(hooks, list):
        return group
    others = [one for one in hooks if not (isinstance(one, dict) and str(one.get("command")).startswith(f"{hook} "))]
    return None if hooks and not others else {**group, "hooks": others}


def _codex_feature(text: str, name: str, wanted: bool) -> str:
    """Turn the hooks of Codex on, in lines with a mark. TOML is not written anew, so that comments stay."""
    if not wanted:
        return without_marked_lines(text, MARK)
    before = parse_toml(text, name, KNOWN)
    features = before.get("features", {})
    if isinstance(features, dict) and features.get("hooks") is True:
        return text
    new = _with_feature(text)
    try:
        is_on = isinstance(features, dict) and "hooks" not in features and _is_on(before, parse_toml(new, name, KNOWN))
    except AnsibleFilterError:
        is_on = False
    if not is_on:
        raise AnsibleFilterError(f"{name} does not let hooks be turned on. Set hooks = true in its table [features]")
    return new


def _with_feature(text: str) -> str:
    header = re.search(r"(?m)^[ \t]*\[[ \t]*features[ \t]*\][ \t]*(?:#.*)?(?:\n|\Z)", text)
    end = header.end() if header else len(text)
    begin = "" if header else f"[features] {MARK}\n"
    gap = "\n" if text[:end] and not text[:end].endswith("\n") else ""
    return f"{text[:end]}{gap}{begin}hooks = true {MARK}\n{text[end:]}"


def _is_on(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Return whether the only difference is that the hooks are on."""
    return after == {**before, "features": {**before.get("features", {}), "hooks": True}}


_FORMS: dict[str, Callable[[str, str, str, bool, bool], str]] = {
    ".claude/settings.json": _claude,
    ".claude.json": _claude_servers,
    ".codex/hooks.json": _codex,
    ".codex/config.toml": _codex_configuration,
    ".copilot/hooks/acs-builders.json": _copilot,
    ".copilot/mcp-config.json": _copilot_servers,
}
