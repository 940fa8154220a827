# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what came of packages."""

from __future__ import annotations

DOCUMENTATION = r"""
name: package_report
short_description: Tell what came of packages
version_added: 0.1.0
description:
  - Compares what the package database says with what was wanted.
  - The role P(acs.builders.build_packages#role) uses it.
positional: observed, state, words, predict
options:
  _input:
    description: The packages that were wanted, each V(name) or V(name=version).
    type: list
    elements: str
    required: true
  observed:
    description: By name, C(version), C(status) and C(installed_at) of each package, as M(acs.builders.build_environment_fact) returns them.
    type: dict
    required: true
  state:
    description: What was wanted of them.
    type: str
    choices: [present, latest, absent]
    default: present
  words:
    description: By package as it was wanted, what the package manager said where it failed.
    type: dict
    default: {}
  predict:
    description: Whether nothing was changed yet, as in check mode. What the package manager does not refuse is as it was wanted then.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Tell whether git is installed
  ansible.builtin.debug:
    msg: "{{ ['git'] | acs.builders.package_report(ansible_facts.build_environment.packages) }}"
"""

RETURN = r"""
_value:
  description:
    - For each package its C(name), C(ok), whether it is as it was wanted, C(wanted), the version that was wanted, C(version),
      C(status) and C(installed_at) as they are, and C(words) of the package manager where it failed.
    - C(provided_by) is the installed package that stands in its place, whose version is told then, as for a virtual or a renamed
      package. It counts as present, and is not removed with the name that it stands for.
    - C(predicted) says whether the package manager would still have to make it so.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment import packages
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError


def package_report(
    wanted: Sequence[str],
    observed: Mapping[str, Mapping[str, Any]],
    state: str = "present",
    words: Mapping[str, str] | None = None,
    predict: bool = False,
) -> list[dict[str, Any]]:
    """What came of packages.

    :raises AnsibleFilterError: when a package or the state cannot be used.
    """
    try:
        return [one._asdict() for one in packages.outcomes(wanted, state, observed, words or {}, predict)]
    except CoordinationError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters, by their names."""
        return {"package_report": package_report}
