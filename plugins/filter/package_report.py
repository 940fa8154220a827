# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the result of an installation."""

from __future__ import annotations

DOCUMENTATION = r"""
name: package_report
short_description: Report the result of an installation
version_added: 0.1.0
description:
  - Compares the package database with the wanted packages.
  - The role P(acs.builders.build_packages#role) uses it.
positional: observed, state, words, predict
options:
  _input:
    description: The wanted packages, each V(name) or V(name=version).
    type: list
    elements: str
    required: true
  observed:
    description: The C(version), C(status) and C(installed_at) of each package by name, as M(acs.builders.build_environment_fact) returns them.
    type: dict
    required: true
  state:
    description: The wanted state.
    type: str
    choices: [present, latest, absent]
    default: present
  words:
    description: The error of the package manager for each wanted package that failed.
    type: dict
    default: {}
  predict:
    description: Whether nothing was changed yet, as in check mode. A package without an error then counts as being in the wanted state.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show whether git is installed
  ansible.builtin.debug:
    msg: "{{ ['git'] | acs.builders.package_report(ansible_facts.build_environment.packages) }}"
"""

RETURN = r"""
_value:
  description:
    - For each package C(name), C(ok), whether it is in the wanted state, C(wanted), the wanted version, the actual C(version),
      C(status) and C(installed_at), and C(words), the error of the package manager.
    - C(provided_by) is the installed package that provides a virtual or renamed package. C(version) is then the version of that
      package. The package counts as present, and is not removed under the name that it provides.
    - C(predicted) is true in check mode if the package manager would change the package.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def package_report(
    wanted: Sequence[str],
    observed: Mapping[str, Mapping[str, Any]],
    state: str = "present",
    words: Mapping[str, str] | None = None,
    predict: bool = False,
) -> list[dict[str, Any]]:
    """Report the result of an installation.

    :raises AnsibleFilterError: if a package or the state is not valid.
    """
    from ansible_collections.acs.builders.plugins.module_utils.coordination.environment import packages
    from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError

    try:
        return [one._asdict() for one in packages.outcomes(wanted, state, observed, words or {}, predict)]
    except CoordinationError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"package_report": package_report}
