# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merge the hooks and the MCP server into a settings file of a client."""

from __future__ import annotations

DOCUMENTATION = r"""
name: client_settings
short_description: Merge the hooks and the MCP server into a settings file of a client
version_added: 0.1.0
description:
  - Adds the hooks of this collection, and the server of the Model Context Protocol (MCP), to the text of a settings file of Claude Code,
    Codex or GitHub Copilot CLI, or removes them.
  - All other content is kept. A text that already is as wanted is returned unchanged.
  - The role P(acs.builders.build_manager#role) uses it.
positional: path, hook, wanted, mcp
options:
  _input:
    description: The text of the file, empty if there is none.
    type: str
    required: true
  path:
    description: The path of the file in the home folder, which selects its form.
    type: str
    choices:
      - .claude/settings.json
      - .claude.json
      - .codex/hooks.json
      - .codex/config.toml
      - .copilot/hooks/acs-builders.json
      - .copilot/mcp-config.json
    required: true
  hook:
    description: The path of the script that the hooks run.
    type: path
    required: true
  wanted:
    description: Whether the hooks are added or removed.
    type: bool
    required: true
  mcp:
    description: Whether the server is added or removed.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the settings with the hooks
  ansible.builtin.debug:
    msg: "{{ ('{}' | acs.builders.client_settings('.claude/settings.json', hook, true)).text }}"
  vars:
    hook: /usr/local/lib/acs-builders/hook
"""

RETURN = r"""
_value:
  description: The C(text) of the file, empty if nothing is left in it, and whether it is C(changed).
  type: dict
"""

from collections.abc import Callable
from typing import Any


def client_settings(text: str, path: str, hook: str, wanted: bool, mcp: bool = False) -> dict[str, Any]:
    """Return the text of a settings file with or without the hooks and the server.

    :raises AnsibleFilterError: if the file cannot be changed safely.
    """
    from ansible_collections.acs.builders.plugins.plugin_utils import client_settings as clients

    return clients.client_settings(text, path, hook, wanted, mcp)


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"client_settings": client_settings}
