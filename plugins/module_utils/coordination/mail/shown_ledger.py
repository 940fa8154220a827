# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of the messages that the manager of this server was shown, read or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..state_dir import StateDirectory

SHOWN_FILE = "shown.json"
SHOWN_LOCK = "shown.lock"
MAX_KEPT = 1000
"""The maximum number of ids in the ledger; the oldest are removed first."""


def shown_ids(state: StateDirectory) -> set[str]:
    """Return the ids of the messages that the manager was shown.

    :raises StateUnusable: if the ledger cannot be read.
    """
    return set(_load(state))


def record_shown(state: StateDirectory, ids: Iterable[str]) -> None:
    """Record that the manager was shown messages.

    :param ids: the ids of messages to this server that were unread when they were shown.
    :raises StateUnusable: if the ledger cannot be read or written.
    """
    chosen = set(ids)
    if not chosen or chosen <= shown_ids(state):
        return
    with state.lock(SHOWN_LOCK):
        known = _load(state)
        new = sorted(chosen.difference(known))
        state.write_json(SHOWN_FILE, {"ids": [*known, *new][-MAX_KEPT:]})


def _load(state: StateDirectory) -> list[str]:
    return state.read(SHOWN_FILE, _parse) or []


def _parse(record: Any) -> list[str]:
    return [str(message_id) for message_id in record["ids"]]
