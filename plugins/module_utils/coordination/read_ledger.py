# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages this server has read: its own record, which nobody else can write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .messages import is_for, is_marked_read
from .state import StateDirectory

READ_FILE = "read.json"


class ReadLedger:
    """The ids of the messages that a server has read.

    The first mark makes it, with what the repository says by then; before that the repository is believed.
    """

    def __init__(self, state: StateDirectory, server: str) -> None:
        self._state = state
        self._server = server
        record = state.read_json(READ_FILE)
        self._ids: set[str] | None = None if record is None else set(record["ids"])

    def has_read(self, entry: dict[str, Any]) -> bool:
        """Whether this server has read an entry."""
        if self._ids is None:
            return is_marked_read(entry, self._server)
        return entry.get("id") in self._ids

    def marked_by_other(self, entry: dict[str, Any]) -> bool:
        """Whether the repository says that this server has read an entry, and the ledger does not."""
        return is_marked_read(entry, self._server) and not self.has_read(entry)

    def record(self, ids: Iterable[str], entries: Iterable[dict[str, Any]]) -> None:
        """Record that messages were read, and forget those that are no longer in the mailbox.

        :param entries: the mailbox.
        """
        mine = [entry for entry in entries if is_for(entry, self._server)]
        new = set(ids)
        kept = {str(entry.get("id")) for entry in mine if self.has_read(entry) or entry.get("id") in new}
        if kept != self._ids:
            self._state.write_json(READ_FILE, {"ids": sorted(kept)})
            self._ids = kept
