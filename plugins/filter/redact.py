# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take secrets out of what a program has said."""

from __future__ import annotations

DOCUMENTATION = r"""
name: redact
short_description: Take secrets out of what a program has said
version_added: 0.1.0
description:
  - Puts a mark in place of each token, private key and the like, and of the token of the Git host however it is encoded.
  - The role P(acs.builders.build_repository#role) uses it before it shows what Git says.
positional: token
options:
  _input:
    description: A text, or lists and dictionaries with texts.
    type: raw
    required: true
  token:
    description: The token of the Git host, or what else the token file holds.
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
  description: The same without secrets.
  type: raw
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.scanner import redact_in


def redact(value: Any, token: str = "") -> Any:
    """A value whose texts hold no secret."""
    return redact_in(value, token)[0]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters, by their names."""
        return {"redact": redact}
