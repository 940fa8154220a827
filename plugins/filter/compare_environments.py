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
  - Tells what is the same and what differs between what M(acs.builders.build_environment_fact) has observed on servers.
options:
  _input:
    description: By server, its C(build_environment).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Tell whether all servers of the play are the same
  ansible.builtin.debug:
    msg: "{{ (dict(ansible_play_hosts | zip(observed)) | acs.builders.compare_environments).counts }}"
  vars:
    observed: "{{ ansible_play_hosts | map('extract', hostvars, ['ansible_facts', 'build_environment']) }}"
"""

RETURN = r"""
_value:
  description:
    - C(servers), C(identical), whether nothing differs, C(counts) of what is identical, differing and missing, and C(system), C(toolchain)
      and C(packages).
    - Each of these has by name C(state), V(identical), V(differing) or V(missing) on a server, and C(versions) by server, null where
      it is not there.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.module_utils.coordination import environment_comparison
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError


def compare_environments(environments: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What is the same and what differs.

    :raises AnsibleFilterError: when there are not two servers.
    """
    try:
        return environment_comparison.compare(environments)
    except CoordinationError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters, by their names."""
        return {"compare_environments": compare_environments}
