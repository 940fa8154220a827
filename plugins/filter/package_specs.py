# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the names of packages."""

from __future__ import annotations

DOCUMENTATION = r"""
name: package_specs
short_description: Validate the names of packages
version_added: 0.1.0
description:
  - Rejects names that a package manager could interpret as a pattern, an architecture, a file or an option, packages with two
    versions, and versions if O(state) allows none.
  - The role P(acs.builders.build_packages#role) uses it before it calls the package manager.
positional: state
options:
  _input:
    description: The packages, each V(name) or V(name=version).
    type: list
    elements: str
    required: true
  state:
    description: The wanted state.
    type: str
    choices: [present, latest, absent]
    default: present
seealso:
  - plugin: acs.builders.package_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Validate a list of packages
  ansible.builtin.assert:
    that: packages | acs.builders.package_specs | length > 0
"""

RETURN = r"""
_value:
  description: The packages without duplicates, in the same order.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError


def package_specs(texts: Any, state: str = "present") -> list[str]:
    """Return the packages without duplicates.

    :raises AnsibleFilterError: if a package is not valid.
    """
    from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.packages import (
        parse_specs,
    )
    from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError

    try:
        return [str(spec) for spec in parse_specs(texts, state)]
    except CoordinationError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"package_specs": package_specs}
