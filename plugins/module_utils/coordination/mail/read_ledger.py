# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages this server has read or acknowledged: its own record, which nobody else can write."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Callable, NamedTuple

from ..identity.fleet import NO_FLEET, Fleet
from ..identity.host import Host
from ..identity.signatures import digest
from ..state_dir import StateDirectory
from ..timestamps import parse_time, utc_text
from .message import id_of, is_for, is_marked_acknowledged, is_marked_read

KEPT = timedelta(days=30)
"""How long a message that is not in the mailbox is kept: another process may know a newer mailbox, or look later."""


class Mark(NamedTuple):
    """A kind of mark: the name of its ledger, whether the repository says that a server has made it, and its verb."""

    name: str
    is_marked: Callable[[dict[str, Any], str, Fleet], bool]
    verb: str


READ = Mark("read", is_marked_read, "read")
ACKNOWLEDGED = Mark("acknowledged", is_marked_acknowledged, "acknowledge")


def _parse_times(record: Any) -> dict[str, str]:
    return {str(name): str(when) for name, when in record["ids"].items()}


def name_of(entry: dict[str, Any]) -> str:
    """An entry in a ledger: a signed one by its id and what it says, since others may put another one under its id."""
    return _unsigned(id_of(entry)) if entry.get("signature") is None else f"{id_of(entry)}/{digest(entry)}"


def _unsigned(message_id: str) -> str:
    return f"{message_id}/unsigned"


class OwnMarks:
    """A ledger: the names of the messages that a server has marked, each with when it was recorded.

    Older versions wrote ids alone; these stand for whatever has that id. The first mark makes it, with what the
    repository says by then; before that the repository is believed.

    :param believed: messages for which the marks in the repository count.
    """

    def __init__(
        self,
        state: StateDirectory,
        server: str,
        mark: Mark = READ,
        fleet: Fleet = NO_FLEET,
        believed: Iterable[dict[str, Any]] = (),
    ) -> None:
        self._state = state
        self._server = server
        self._fleet = fleet
        self._mark = mark
        self._ids = self._load()
        self._believed = {name_of(entry) for entry in believed if self._is_marked(entry)}

    def has(self, entry: dict[str, Any]) -> bool:
        """Whether this server has marked an entry."""
        if self._ids is None or not id_of(entry):
            return self._is_marked(entry)
        name = name_of(entry)
        return name in self._ids or id_of(entry) in self._ids or name in self._believed

    def marked_by_other(self, entry: dict[str, Any]) -> bool:
        """Whether the repository says that this server has marked an entry, and the ledger does not."""
        return self._is_marked(entry) and not self.has(entry)

    def record(self, ids: Iterable[str], mailbox: Iterable[dict[str, Any]], now: datetime) -> None:
        """Record that messages were marked, and forget those that have left the mailbox."""
        chosen = set(ids)
        with self._state.lock(f"{self._mark.name}.lock"):
            self._ids = self._load()
            mine = [entry for entry in mailbox if is_for(entry, self._server, self._fleet)]
            known = self._ids
            if known is None:
                known = {name_of(entry): utc_text(now) for entry in mine if id_of(entry) and self.has(entry)}
            there = {name for entry in mine for name in (name_of(entry), id_of(entry))}
            kept = {name: when for name, when in known.items() if name in there or _is_new(when, now, KEPT)}
            marked = {name_of(entry) for entry in mine if id_of(entry) in chosen and not self.has(entry)}
            marked |= {_unsigned(message_id) for message_id in chosen - {id_of(entry) for entry in mine}}
            kept.update({name: utc_text(now) for name in sorted(marked) if name not in kept})
            if kept != self._ids:
                self._state.write_json(f"{self._mark.name}.json", {"ids": kept})
            self._ids = kept

    def _is_marked(self, entry: dict[str, Any]) -> bool:
        """Whether the repository says that this server has marked an entry."""
        return self._mark.is_marked(entry, self._server, self._fleet)

    def _load(self) -> dict[str, str] | None:
        return self._state.read(f"{self._mark.name}.json", _parse_times)


def own_marks(host: Host, mark: Mark = READ, archived: Iterable[dict[str, Any]] = ()) -> OwnMarks:
    """Return the ledger of this host.

    :param archived: archived messages. The marks in the repository count for those that the ledger no longer holds.
    """
    old = [entry for entry in archived if not _is_new(str(entry.get("timestamp")), host.clock(), KEPT)]
    return OwnMarks(host.state, host.id, mark, host.fleet, old)


def _is_new(when: str, now: datetime, kept: timedelta) -> bool:
    recorded = parse_time(when)
    return recorded is not None and now - recorded < kept
