# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell whether packages are the same on other servers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: match_packages
short_description: Tell whether packages are the same on other servers
version_added: 0.1.0
description:
  - Compares what P(acs.builders.package_report#filter) tells of one server with other servers.
positional: observed, told
options:
  _input:
    description: What P(acs.builders.package_report#filter) returned.
    type: list
    elements: dict
    required: true
  observed:
    description: By server, what its package database says. A package that is not in it is not installed there.
    type: dict
    required: true
  told:
    description: By server, facts that it has sent, each with C(name) and C(value). A package that is not in them is unknown.
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
    - The same, each with C(matches), V(yes), V(no) or V(unknown), and C(versions), the version on each server that is known,
      empty where the package is not installed.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.packages import (
    installed_version,
    matches,
)


def match_packages(
    report: Sequence[Mapping[str, Any]],
    observed: Mapping[str, Mapping[str, Mapping[str, Any]]],
    told: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> list[dict[str, Any]]:
    """The report, with whether each package matches the other servers."""
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
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters, by their names."""
        return {"match_packages": match_packages}
