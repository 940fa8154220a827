# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of the fleet for people."""

from __future__ import annotations

DOCUMENTATION = r"""
name: health_lines
short_description: Render the health of the fleet for people
version_added: 1.0.0
description:
  - Renders the result of M(acs.builders.build_heartbeat_fact) as the command C(builderctl health) does.
  - Others can write the texts in it, so that characters other than printable ASCII characters become question marks.
options:
  _input:
    description: The fact C(build_heartbeat).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the health
  acs.builders.build_heartbeat_fact:

- name: Print the health
  ansible.builtin.debug:
    msg: "{{ ansible_facts.build_heartbeat | acs.builders.health_lines }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import re
from collections.abc import Callable
from typing import Any


def health_lines(seen: dict[str, Any]) -> list[str]:
    """Return the lines that show the health of the fleet."""
    from ansible_collections.acs.builders.plugins.module_utils.builderctl.formats import painter
    from ansible_collections.acs.builders.plugins.module_utils.builderctl.rendering import health
    from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_now

    text = health(seen, utc_now(), painter(False))
    return [re.sub("[^ -~]", "?", line) for line in text.split("\n")]


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"health_lines": health_lines}
