# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledgers of the messages that this server has read or acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Callable, NamedTuple

from ..identity.fleet import NO_FLEET, Fleet
from ..identity.host import Host
from ..state_dir import StateDirectory
from ..timestamps import parse_time, utc_text
from .message import Message

KEPT = timedelta(days=30)
"""How long a message that is not in the mailbox is kept, because another process may have read a newer mailbox."""


class Mark(NamedTuple):
    """A kind of mark: the name of its ledger, its test in the repository, its verb."""

    name: str
    is_marked: Callable[[Message, str, Fleet], bool]
    verb: str


READ = Mark("read", Message.is_marked_read, "read")
ACKNOWLEDGED = Mark("acknowledged", Message.is_marked_acknowledged, "acknowledge")


def _parse_times(record: Any) -> dict[str, str]:
    return {str(name): str(when) for name, when in record["ids"].items()}


def name_of(entry: Message) -> str:
    """Return the name of a message in a ledger.

    The name of a signed message includes its digest, because others can send another message with its id.
    """
    return f"{entry.id}/{entry.digest}" if entry.is_signed else _unsigned(entry.id)


def _unsigned(message_id: str) -> str:
    return f"{message_id}/unsigned"


class MarkLedger:
    """A ledger: the names of the messages that a server has marked, with times.

    Older versions recorded ids, which match any message with the id. The first mark creates the ledger from the marks
    in the repository. Until then the marks in the repository count.

    :param trusted: messages for which the marks in the repository count.
    """

    def __init__(
        self,
        state: StateDirectory,
        server: str,
        mark: Mark = READ,
        fleet: Fleet = NO_FLEET,
        trusted: Iterable[Message] = (),
    ) -> None:
        self._state = state
        self._server = server
        self._fleet = fleet
        self._mark = mark
        self._ids = self._load()
        self._trusted = {name_of(entry) for entry in trusted if self._is_marked(entry)}

    def has(self, entry: Message) -> bool:
        """Return whether this server has marked a message."""
        if self._ids is None or not entry.id:
            return self._is_marked(entry)
        name = name_of(entry)
        return name in self._ids or entry.id in self._ids or name in self._trusted

    def marked_at(self, entry: Message) -> str | None:
        """Return the time in UTC at which this server has marked a message; None if the ledger does not have it."""
        known = self._ids or {}
        return known.get(name_of(entry)) or known.get(entry.id)

    def marked_by_other(self, entry: Message) -> bool:
        """Return whether a message is marked in the repository but not in the ledger."""
        return self._is_marked(entry) and not self.has(entry)

    def record(self, ids: Iterable[str], mailbox: Iterable[Message], now: datetime) -> None:
        """Record marks, and remove old ones of messages that are not in the mailbox.

        :param ids: the ids of the marked messages.
        :param mailbox: the messages of the mailbox.
        :param now: the time in UTC.
        :raises StateUnusable: if the ledger cannot be read or written.
        """
        chosen, marked_at = set(ids), utc_text(now)
        with self._state.lock(f"{self._mark.name}.lock"):
            self._ids = self._load()
            mine = [entry for entry in mailbox if entry.is_for(self._server, self._fleet)]
            names = list(map(name_of, mine))
            known = self._ids
            if known is None:
                known = {name: marked_at for name, entry in zip(names, mine) if entry.id and self.has(entry)}
            present = {*names, *(entry.id for entry in mine)}
            kept = {name: when for name, when in known.items() if name in present or _is_new(parse_time(when), now)}
            marked = {name for name, entry in zip(names, mine) if entry.id in chosen and not self.has(entry)}
            marked |= {_unsigned(message_id) for message_id in chosen - {entry.id for entry in mine}}
            kept.update({name: marked_at for name in sorted(marked) if name not in kept})
            if kept != self._ids:
                self._state.write_json(f"{self._mark.name}.json", {"ids": kept})
            self._ids = kept

    def _is_marked(self, entry: Message) -> bool:
        """Return whether the repository marks a message by this server."""
        return self._mark.is_marked(entry, self._server, self._fleet)

    def _load(self) -> dict[str, str] | None:
        return self._state.read(f"{self._mark.name}.json", _parse_times)


def own_ledger(host: Host, mark: Mark = READ, archived: Iterable[Message] = ()) -> MarkLedger:
    """Return a ledger of this server.

    :param mark: the kind of mark.
    :param archived: archived messages. The marks in the repository count for those that are no longer in the ledger.
    """
    old = [entry for entry in archived if not _is_new(entry.sent_at, host.clock())]
    return MarkLedger(host.state, host.id, mark, host.fleet, old)


def read_ids(state: StateDirectory) -> set[str]:
    """Return the ids in the ledger of read messages, without access to the repository.

    :raises StateUnusable: if the ledger cannot be read.
    """
    names = state.read(f"{READ.name}.json", _parse_times) or {}
    return {name.rpartition("/")[0] or name for name in names}


def _is_new(time: datetime | None, now: datetime) -> bool:
    return time is not None and now - time < KEPT
