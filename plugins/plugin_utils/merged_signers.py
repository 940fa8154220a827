# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merging collected keys into the record of signers, or into the text of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError, InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import trusted_keys


def merged_record(
    record: Any, keys: Mapping[str, Mapping[str, Any]], members: Sequence[str], adopted: Sequence[str] | None
) -> dict[str, Any]:
    """Return the record with collected keys.

    :param record: the record, its text, or None if there is none.
    :param adopted: the records of the servers, one of which stands in for a missing or damaged record; None to refuse
        such a record.
    :raises CoordinationError: if the record or a key is not valid.
    """

    def merged(before: Any) -> dict[str, Any]:
        return trusted_keys.merge_signers(before, keys, members, datetime.now(timezone.utc))

    if adopted is None or _is_readable(record):
        return merged(_parse(record))
    readable = list(dict.fromkeys(filter(_is_readable, adopted)))
    if len(readable) > 1:
        raise InvalidInput("The records of the servers differ, so none can be restored.", trusted_keys.RESTORE)
    return merged(_parse(readable[0]) if readable else None)


def _is_readable(record: Any) -> bool:
    """Whether a value is a record or the text of one."""
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
    if record is None:  # merge_signers would create a new record
        raise InvalidInput("The record of signers is empty.", trusted_keys.RESTORE)
    return record
