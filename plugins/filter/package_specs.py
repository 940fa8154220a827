# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check names of packages before anything is done with them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: package_specs
short_description: Check names of packages before anything is done with them
version_added: 0.1.0
description:
  - Refuses what a package manager could take for a pattern, an architecture, a file or an option, a package that is named with
    two versions, and a version where none can be wanted.
  - The role P(acs.builders.build_packages#role) uses it before it calls the package manager.
positional: state
options:
  _input:
    description: The packages, each V(name) or V(name=version).
    type: list
    elements: str
    required: true
  state:
    description: What is wanted of them.
    type: str
    choices: [present, latest, absent]
    default: present
seealso:
  - plugin: acs.builders.package_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse what is no list of packages
  ansible.builtin.assert:
    that: packages | acs.builders.package_specs | length > 0
"""

RETURN = r"""
_value:
  description: The same packages, each once, in the same order.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.packages import PRESENT, parse_specs
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError


def package_specs(texts: Any, state: str = PRESENT) -> list[str]:
    """The packages, each once.

    :raises AnsibleFilterError: when they cannot be used.
    """
    try:
        return [str(spec) for spec in parse_specs(texts, state)]
    except CoordinationError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters, by their names."""
        return {"package_specs": package_specs}
