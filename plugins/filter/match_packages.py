# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the packages of a server with other servers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: match_packages
short_description: Compare the packages of a server with other servers
version_added: 0.1.0
description:
  - Compares the result of P(acs.builders.package_report#filter) for one server with other servers.
positional: observed, told
options:
  _input:
    description: The result of P(acs.builders.package_report#filter).
    type: list
    elements: dict
    required: true
  observed:
    description: The packages of each server from its package database. A package that is not listed is not installed.
    type: dict
    required: true
  told:
    description: The facts that each server has sent, each with C(name) and C(value). A package that is not listed is unknown.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Compare with build2
  ansible.builtin.debug:
    msg: "{{ build_packages_report | acs.builders.match_packages({'build2': packages_of_build2}) }}"
"""

RETURN = r"""
_value:
  description:
    - The packages of the input. C(matches) is V(yes), V(no) or V(unknown). C(versions) is the version on each server for which
      it is known, empty if the package is not installed.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def match_packages(
    report: Sequence[Mapping[str, Any]],
    observed: Mapping[str, Mapping[str, Mapping[str, Any]]],
    told: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> list[dict[str, Any]]:
    """Add to each package of a report whether it matches the other servers."""
    from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.packages import (
        installed_version,
        matches,
    )

    names = [str(one["name"]) for one in report]
    others = {
        server: {str(fact.get("name")): str(fact.get("value")) for fact in facts}
        for server, facts in (told or {}).items()
    }
    for server, found in observed.items():
        others[server] = {name: installed_version(found.get(name, {})) for name in names}
    known = [matches(one["name"], one["version"], others) for one in report]
    return [{**one, "matches": match, "versions": versions} for one, (match, versions) in zip(report, known)]


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"match_packages": match_packages}
