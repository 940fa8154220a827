# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redact secrets in the output of a program."""

from __future__ import annotations

DOCUMENTATION = r"""
name: redact
short_description: Redact secrets in the output of a program
version_added: 0.1.0
description:
  - Replaces tokens, private keys and other secrets with a placeholder, and the token of the Git host in any encoding.
  - The role P(acs.builders.build_repository#role) uses it before it prints the output of Git.
positional: token
options:
  _input:
    description: A text, or lists and dictionaries with texts.
    type: raw
    required: true
  token:
    description: The token of the Git host, or other content of the token file.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show why a command failed
  ansible.builtin.debug:
    msg: "{{ result.stderr | acs.builders.redact }}"
"""

RETURN = r"""
_value:
  description: The input without secrets.
  type: raw
"""

from collections.abc import Callable
from typing import Any


def redact(value: Any, token: str = "") -> Any:
    """Return a value without the secrets in its texts."""
    from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.scanner import redact_in

    return redact_in(value, token)[0]


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"redact": redact}
