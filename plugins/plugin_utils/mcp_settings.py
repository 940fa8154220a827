# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of ``builderctl mcp`` in the settings of clients."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from .settings_text import RETRY, Known, json_text, parse_json, parse_toml, without_marked_lines

SERVER = "acs-builders"
"""The name of the server in the settings."""
COMMAND = "/usr/local/bin/builderctl"
ENTRY = {"command": COMMAND, "args": ["mcp"]}
CLAUDE_ENTRY = {"type": "stdio", **ENTRY}
COPILOT_ENTRY = {"type": "local", **ENTRY, "tools": ["*"]}
MARK = "# acs-builders: mcp"
TABLE = f'[mcp_servers.{SERVER}] {MARK}\ncommand = "{COMMAND}" {MARK}\nargs = ["mcp"] {MARK}\n'
"""The table of the server in the configuration of Codex."""

KNOWN = Known(
    "mcp_servers",
    rf"(?m)^[ \t]*\[mcp_servers\.{SERVER}\].*\ncommand *= *\"{COMMAND}\".*\nargs *= *\[\"mcp\"\]",
    {SERVER: ENTRY},
    f'add the table [mcp_servers.{SERVER}] with command = "{COMMAND}" and args = ["mcp"] to that file',
)


def json_server(text: str, name: str, entry: dict[str, Any], wanted: bool) -> str:
    """Return settings with or without the server in their object ``mcpServers``.

    Members that others have added to it are kept.

    :param name: the name of the file for errors.
    :raises AnsibleFilterError: if they cannot be changed safely.
    """
    if not wanted and SERVER not in text:
        return text
    settings = parse_json(text, name)
    servers = settings.get("mcpServers", {})
    if not isinstance(servers, dict):
        raise AnsibleFilterError(f"{name} has mcpServers of an unknown form. {RETRY}")
    found: Any = servers.get(SERVER)
    is_ours = isinstance(found, dict) and found.get("command") == COMMAND
    others = {key: value for key, value in servers.items() if key != SERVER}
    kept = others if is_ours else servers
    new = {**servers, SERVER: {**(found if is_ours else {}), **entry}} if wanted else kept
    if new == servers:
        return text
    settings["mcpServers"] = new
    if not new:
        del settings["mcpServers"]
    return json_text(settings, text)


def toml_server(text: str, name: str, wanted: bool) -> str:
    """Return a configuration of Codex with or without the server, in lines with a mark.

    TOML is not written anew, so that comments stay.

    :param name: the name of the file for errors.
    :raises AnsibleFilterError: if it cannot be changed safely.
    """
    rest = without_marked_lines(text, MARK)
    if not wanted and rest == text:
        return text
    if wanted and (TABLE in text or _has_entry(text, name)):
        return text
    new = f"{rest}{_gap(rest)}{TABLE}" if wanted else rest
    if not _is_server_the_only_change(text, new, name, wanted):
        verb = "added" if wanted else "removed"
        remedy = f"Remove the table mcp_servers.{SERVER} by hand, and run the setup again"
        raise AnsibleFilterError(f"{name} does not let the server {SERVER} be {verb}. {remedy}")
    return new


def _has_entry(text: str, name: str) -> bool:
    found = _server(parse_toml(text, name, KNOWN))
    return isinstance(found, dict) and {**found, **ENTRY} == found


def _gap(text: str) -> str:
    return "\n" if text and not text.endswith("\n") else ""


def _is_server_the_only_change(before: str, after: str, name: str, wanted: bool) -> bool:
    old = parse_toml(before, name, KNOWN)
    try:
        new = parse_toml(after, name, KNOWN)
    except AnsibleFilterError:
        return False
    return _without_server(old) == _without_server(new) and _server(new) == (ENTRY if wanted else None)


def _server(settings: dict[str, Any]) -> Any:
    servers = settings.get("mcp_servers")
    return servers.get(SERVER) if isinstance(servers, dict) else None


def _without_server(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings without the server, and without a table of servers in which nothing is left."""
    servers = settings.get("mcp_servers")
    if not isinstance(servers, dict):
        return settings
    others = {key: value for key, value in servers.items() if key != SERVER}
    rest = {key: value for key, value in settings.items() if key != "mcp_servers"}
    return {**rest, **({"mcp_servers": others} if others else {})}
