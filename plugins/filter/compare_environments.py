# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the environments of servers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: compare_environments
short_description: Compare the environments of servers
version_added: 0.1.0
description:
  - Compares the kernel, the toolchain and the packages in the facts of M(acs.builders.build_environment_fact).
  - Only installed packages count. A package that is removed but still configured is missing.
options:
  _input:
    description: The fact C(build_environment) of each server, by its id. At least two servers.
    type: dict
    required: true
seealso:
  - module: acs.builders.build_environment_fact
  - plugin: acs.builders.environment_message
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what differs between two servers
  ansible.builtin.debug:
    msg: "{{ compared.packages | dict2items | rejectattr('value.state', 'eq', 'identical') | items2dict }}"
  vars:
    compared: "{{ {'build1': environment1, 'build2': environment2} | acs.builders.compare_environments }}"
"""

RETURN = r"""
_value:
  description: The comparison.
  type: dict
  contains:
    servers:
      description: The servers that were compared.
      type: list
      elements: str
      sample: [build1, build2]
    identical:
      description: Whether nothing is different or missing.
      type: bool
      sample: false
    counts:
      description: The number of names that are V(identical), V(differing) and V(missing).
      type: dict
      sample: {"identical": 721, "differing": 2, "missing": 1}
    kernel:
      description:
        - The name C(kernel), with its C(state), which is V(identical), V(differing) or V(missing), and its C(versions) by server.
        - V(missing) means missing on at least one server, where the version is null.
      type: dict
      sample: {"kernel": {"state": "identical", "versions": {"build1": "6.1.0-18-amd64", "build2": "6.1.0-18-amd64"}}}
    toolchain:
      description: The same for each program of the toolchain.
      type: dict
      sample: {"java": {"state": "differing", "versions": {"build1": "17.0.9", "build2": "17.0.10"}}}
    packages:
      description: The same for each package.
      type: dict
      sample: {"libssl-dev": {"state": "missing", "versions": {"build1": "3.0.11-1", "build2": null}}}
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError


def compare_environments(environments: Any) -> dict[str, Any]:
    """Compare the environments of servers.

    :raises AnsibleFilterError: if there are fewer than two servers, or one has no facts.
    """
    from ansible_collections.acs.builders.plugins.module_utils.coordination.environment import comparison
    from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError

    try:
        return comparison.compare_environments(environments)
    except CoordinationError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"compare_environments": compare_environments}
