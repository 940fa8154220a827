# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the record of who may sign up to date."""

from __future__ import annotations

DOCUMENTATION = r"""
name: merge_signers
short_description: Bring the record of who may sign up to date
version_added: 0.1.0
description:
  - Adds the signing keys that were collected from servers to the record of who may sign in whose name. A new key of a server
    ends its older ones, and the keys of a server that there is no more end now. What is recorded of an id that no server can have
    is left out.
  - Ended keys stay in the record, so that old messages can still be verified.
  - The role P(acs.builders.build_trust#role) uses it.
positional: keys, members, adopted
options:
  _input:
    description:
      - The record before, or its text. None when there is none yet, then the Build repository gets its id.
      - What is empty otherwise is refused as damaged, for a new id would make all that was signed before unverifiable.
    type: raw
    required: true
  keys:
    description:
      - For each server that was asked, C(key), its public key as ssh-keygen prints it, and C(made), when it was made, in seconds
        since 1970 by the server's own clock; now counts where that is more than ten minutes ahead. Servers that were not asked keep theirs.
    type: dict
    required: true
  members:
    description: The ids of all servers that there are.
    type: list
    elements: str
    required: true
  adopted:
    description:
      - The texts of the records that servers have. Where the record is none or cannot be read, theirs is taken, if all that can be
        read are the same; where none can be read, a new one begins.
      - None when nothing is to be taken over.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Show who may sign when build1 has a new key
  ansible.builtin.debug:
    msg: "{{ record | acs.builders.merge_signers(keys, groups['builders']) }}"
  vars:
    keys: {build1: {key: "{{ public_key }}", made: 1795245106}}
"""

RETURN = r"""
_value:
  description: The record after, with C(repository) and C(signers).
  type: dict
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError, InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import trusted_keys


def merge_signers(
    record: Any,
    keys: Mapping[str, Mapping[str, Any]],
    members: Sequence[str],
    adopted: Sequence[str] | None = None,
) -> dict[str, Any]:
    """The record after keys were collected.

    :raises AnsibleFilterError: when the record or a key cannot be used.
    """

    def merged(before: Any) -> dict[str, Any]:
        return trusted_keys.merge_signers(before, keys, members, datetime.now(timezone.utc))

    try:
        if adopted is None or _is_readable(record):
            return merged(_parse(record))
        readable = list(dict.fromkeys(filter(_is_readable, adopted)))
        if len(readable) > 1:
            raise InvalidInput("Only what all of these servers have the same can be taken over.", trusted_keys.RESTORE)
        return merged(_parse(readable[0]) if readable else None)
    except CoordinationError as error:
        raise AnsibleFilterError(str(error)) from error


def _is_readable(record: Any) -> bool:
    """Whether something can be merged with, and so can be a record."""
    try:
        return record is not None and bool(
            trusted_keys.merge_signers(_parse(record), {}, [], datetime.now(timezone.utc))
        )
    except CoordinationError:
        return False


def _parse(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The record of signers is not JSON.", trusted_keys.RESTORE) from error
    if record is None:  # which would mean that there is none yet
        raise InvalidInput("The record of signers is empty.", trusted_keys.RESTORE)
    return record


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters, by their names."""
        return {"merge_signers": merge_signers}
