# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The idempotency keys that this server has used, remembered for 30 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..state_dir import StateDirectory
from ..timestamps import parse_time, utc_text
from .message import Message

KEYS_FILE = "keys.json"
REMEMBERED = timedelta(days=30)
"""How long a key is recorded."""


class SentKeys:
    """The idempotency keys with their messages, also messages deleted since."""

    def __init__(self, state: StateDirectory, now: datetime) -> None:
        self._state = state
        self._now = now
        self._keys: dict[str, dict[str, Any]] = state.read(KEYS_FILE, _parse_keys) or {}

    def get(self, key: str) -> list[Message]:
        """Return the messages that were sent under a key, an empty list if it is unused."""
        known = self._keys.get(key)
        return [Message(entry) for entry in known["entries"]] if known and self._fresh(known) else []

    def add(self, sent: Mapping[str, Sequence[Message]]) -> None:
        """Record the messages that were sent under keys, and remove keys that are too old.

        :raises StateUnusable: if the ledger cannot be read or written.
        """
        with self._state.lock("keys.lock"):
            self._keys = self._state.read(KEYS_FILE, _parse_keys) or {}
            kept = {name: known for name, known in self._keys.items() if self._fresh(known)}
            entries = {key: [message.raw for message in sent[key]] for key in sent if key not in kept}
            new = {key: {"sent": utc_text(self._now), "entries": entries[key]} for key in entries}
            if new:
                self._state.write_json(KEYS_FILE, {**kept, **new})
                self._keys = {**kept, **new}

    def _fresh(self, known: dict[str, Any]) -> bool:
        sent = parse_time(known["sent"])
        return sent is not None and self._now - sent < REMEMBERED


def _parse_keys(record: Any) -> dict[str, dict[str, Any]]:
    """Parse the file: for each key the time and the messages."""
    return {
        str(key): {"sent": str(known["sent"]), "entries": [dict(entry) for entry in known["entries"]]}
        for key, known in record.items()
    }
