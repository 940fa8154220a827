# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages this server has read: its own record, which nobody else can write."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from .messages import id_of, is_for, is_marked_read, parse_time, utc_text
from .state import StateDirectory

READ_FILE = "read.json"
KEPT = timedelta(days=1)
"""How long the id of a message that is not in the mailbox is kept: another process may know a newer mailbox."""


class ReadLedger:
    """The ids of the messages that a server has read, each with when it was recorded.

    The first mark makes it, with what the repository says by then; before that the repository is believed.
    """

    def __init__(self, state: StateDirectory, server: str) -> None:
        self._state = state
        self._server = server
        self._ids = self._load()

    def has_read(self, entry: dict[str, Any]) -> bool:
        """Whether this server has read an entry."""
        if self._ids is None or not id_of(entry):
            return is_marked_read(entry, self._server)
        return id_of(entry) in self._ids

    def marked_by_other(self, entry: dict[str, Any]) -> bool:
        """Whether the repository says that this server has read an entry, and the ledger does not."""
        return is_marked_read(entry, self._server) and not self.has_read(entry)

    def record(self, ids: Iterable[str], mailbox: Iterable[dict[str, Any]], now: datetime) -> None:
        """Record that messages were read, and forget those that have left the mailbox."""
        with self._state.lock("read.lock"):
            self._ids = self._load()
            mine = [entry for entry in mailbox if is_for(entry, self._server)]
            known = self._ids
            if known is None:
                known = {id_of(entry): utc_text(now) for entry in mine if id_of(entry) and self.has_read(entry)}
            there = {id_of(entry) for entry in mine}
            kept = {name: when for name, when in known.items() if name in there or _is_new(when, now)}
            kept.update({name: utc_text(now) for name in ids if name not in kept})
            if kept != self._ids:
                self._state.write_json(READ_FILE, {"ids": kept})
            self._ids = kept

    def _load(self) -> dict[str, str] | None:
        record = self._state.read_json(READ_FILE)
        return None if record is None else dict(record["ids"])


def _is_new(when: str, now: datetime) -> bool:
    recorded = parse_time(when)
    return recorded is not None and now - recorded < KEPT
