# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a message about the differences between servers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: environment_message
short_description: Make a message about the differences between servers
version_added: 0.1.0
description:
  - Turns what P(acs.builders.compare_environments#filter) returns into a message for M(acs.builders.build_message).
  - A message has a limited size. The number of omitted differences is at the end of the body and in the fact C(not_listed).
options:
  _input:
    description: The comparison.
    type: dict
    required: true
seealso:
  - plugin: acs.builders.compare_environments
    plugin_type: filter
  - module: acs.builders.build_message
"""

EXAMPLES = r"""
- name: Send the differences to the partner
  acs.builders.build_message:
    state: sent
    subject: "{{ report.subject }}"
    body: "{{ report.body }}"
    facts: "{{ report.facts }}"
    key: "{{ report.key }}"
  vars:
    report: "{{ compared | acs.builders.environment_message }}"
"""

RETURN = r"""
_value:
  description:
    - The message, with C(subject), C(body), C(facts) and C(key). Equal results have equal keys.
    - A fact is named SERVER/KIND/NAME, and its value is the version or V(missing).
  type: dict
  sample:
    subject: Environments differ
    body: "Compared the kernel, the toolchain and the packages of build1, build2: 724 identical, 1 differing, 0 missing."
    facts: [{"name": "build1/toolchain/java", "value": "17.0.9"}, {"name": "build2/toolchain/java", "value": "17.0.10"}]
    key: environment-4f1c2a90b7de35a1c86f0d2e9b4a7c5d
"""

from collections.abc import Callable
from typing import Any


def environment_message(compared: dict[str, Any]) -> dict[str, Any]:
    """Return the message about a comparison."""
    from ansible_collections.acs.builders.plugins.module_utils.coordination.environment import report

    return report.environment_message(compared)


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"environment_message": environment_message}
