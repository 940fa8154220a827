# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the servers of the inventory and make the fleet file."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_record
short_description: Validate the servers of the inventory and make the fleet file
version_added: 0.1.0
description:
  - Validates the variables of the servers in the inventory, and returns the content of the fleet file.
  - The role P(acs.builders.build_repository#role) uses it before it changes anything.
positional: remote
options:
  _input:
    description:
      - The servers, each with C(id), which is its name in the inventory, C(hostname), C(ip), C(manager) and C(partner).
      - The operator, with the C(kind) C(operator) and the C(id) C(operator). The C(kind) of a server is empty.
      - All values except the C(id) may be empty.
    type: list
    elements: dict
    required: true
  remote:
    description: The URL or path of the Build repository.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Validate the servers
  ansible.builtin.assert:
    that: servers | acs.builders.fleet_record(builders_remote_url) is mapping
  vars:
    servers: [{id: build1, ip: 192.0.2.1, partner: build2}, {id: build2, ip: 192.0.2.2, partner: build1}]
"""

RETURN = r"""
_value:
  description: The fleet file, with C(remote) and C(servers).
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def fleet_record(servers: Sequence[Mapping[str, Any]], remote: Any = "") -> dict[str, Any]:
    """Return the content of the fleet file.

    :raises AnsibleFilterError: if a value of the inventory is not valid.
    """
    from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError
    from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import fleet_record as records

    try:
        return records.fleet_record(servers, remote)
    except CoordinationError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"fleet_record": fleet_record}
