# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Update the record of trusted keys."""

from __future__ import annotations

DOCUMENTATION = r"""
name: merge_signers
short_description: Update the record of trusted keys
version_added: 0.1.0
description:
  - Adds the signing keys that were collected from servers to the record of trusted keys. A new key of a server expires its older
    keys. The keys of a server that is no longer a member expire now. Entries with an invalid server id are removed.
  - Expired keys stay in the record, so that old messages can still be verified.
  - The role P(acs.builders.build_trust#role) uses it.
positional: keys, members, adopted
options:
  _input:
    description:
      - The current record, or its text. None if there is no record yet; a new id of the Build repository is then created.
      - Any other empty value is rejected as damaged, because with a new id no earlier signature could be verified.
    type: raw
    required: true
  keys:
    description:
      - The collected key of each server. C(key) is the public key as ssh-keygen prints it, C(made) is its creation time in seconds
        since 1970 by the clock of the server. A time more than ten minutes in the future counts as now. Other servers keep their keys.
    type: dict
    required: true
  members:
    description: The ids of all servers.
    type: list
    elements: str
    required: true
  adopted:
    description:
      - The texts of the records on the servers. If the current record is None or not readable, their record is used, provided that
        all readable ones are equal. If none is readable, a new record is created.
      - None to not use the records of the servers.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Show the record with a new key of build1
  ansible.builtin.debug:
    msg: "{{ record | acs.builders.merge_signers(keys, groups['builders']) }}"
  vars:
    keys: {build1: {key: "{{ public_key }}", made: 1795245106}}
"""

RETURN = r"""
_value:
  description: The updated record, with C(repository) and C(signers).
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def merge_signers(
    record: Any,
    keys: Mapping[str, Mapping[str, Any]],
    members: Sequence[str],
    adopted: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the record with collected keys.

    :raises AnsibleFilterError: if the record or a key is not valid.
    """
    from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError
    from ansible_collections.acs.builders.plugins.plugin_utils.merged_signers import merged_record

    try:
        return merged_record(record, keys, members, adopted)
    except CoordinationError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"merge_signers": merge_signers}
