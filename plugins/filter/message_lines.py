# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages for people."""

from __future__ import annotations

DOCUMENTATION = r"""
name: message_lines
short_description: Render messages for people
version_added: 1.0.0
description:
  - Renders messages that M(acs.builders.build_message) has listed, as the command C(builderctl read) does.
  - The lines of a text that others wrote begin with C(|). In all lines, characters other than printable ASCII characters become
    question marks.
positional: server
options:
  _input:
    description: The messages.
    type: list
    elements: dict
    required: true
  server:
    description: The id of the member of the fleet that has listed them.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: List the unread messages
  acs.builders.build_message:
  register: inbox

- name: Print them
  ansible.builtin.debug:
    msg: "{{ inbox.messages | acs.builders.message_lines(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import re
from collections.abc import Callable, Sequence
from typing import Any


def message_lines(messages: Sequence[dict[str, Any]], server: str) -> list[str]:
    """Return the lines that show messages.

    :param messages: messages of a listing.
    :param server: the id of the member of the fleet that has listed them.
    """
    from ansible_collections.acs.builders.plugins.module_utils.builderctl.formats import painter
    from ansible_collections.acs.builders.plugins.module_utils.builderctl.message_rendering import CUTS, LEGEND, message
    from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_now

    plain = painter(False)
    texts = [message(one, server, True, utc_now(), plain, CUTS[0]) for one in messages]
    lines = [line for text in texts for line in text.split("\n")]
    return [re.sub("[^ -~]", "?", line) for line in ([LEGEND, *lines] if lines else [])]


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"message_lines": message_lines}
