# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch of writes: the change of the documents, and the records of its delivery."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any, Callable

from ..identity.host import MESSAGES, Host
from ..mail.mailbox import Mailbox, is_mine_to_read, read_mailbox
from ..mail.message import Message
from ..mail.read_ledger import Mark, own_ledger
from ..mail.sent_keys import SentKeys
from ..mail.sequence import last_number, number
from ..status.document import NO_STATUS, Status, apply_reports, status_path
from ..status.report import Report
from ..store.snapshot import Change, Snapshot


@dataclass
class Combined:
    """The result of a batch.

    ``messages`` are the messages of each item as they are in the repository, including those from before the change.
    ``last`` is the sequence number of the last message of this server. ``mailbox`` are the messages before the change,
    ``status`` is the status of this server after it. The writes add what has to be recorded when they are settled:
    to ``keys`` the messages that were sent under an idempotency key, to ``marks`` the ids of messages that were marked.
    """

    messages: dict[str, Sequence[Message]] = field(default_factory=dict)
    last: int | None = None
    mailbox: list[Message] = field(default_factory=list)
    status: Status = NO_STATUS
    keys: dict[str, Sequence[Message]] = field(default_factory=dict)
    marks: dict[Mark, list[str]] = field(default_factory=lambda: defaultdict(list))

    def record(self, host: Host) -> None:
        """Record the settled writes. Each ledger is written once.

        :raises StateUnusable: if a ledger cannot be read or written.
        """
        if self.keys:
            SentKeys(host.state, host.clock()).add(self.keys)
        for mark, ids in self.marks.items():
            own_ledger(host, mark).record(ids, self.mailbox, host.clock())


class Batch:
    """The documents of a snapshot while writes are applied to them, in order.

    :param last: the sequence number of the last message that was delivered, None if it is not recorded.

    ``answered`` are the ids of the messages that are answered by this batch.
    """

    def __init__(self, host: Host, snapshot: Snapshot, last: int | None = None) -> None:
        self.host = host
        self.snapshot = snapshot
        self.answered: set[str] = set()
        self._combined = Combined(last=last)
        self._new: list[tuple[str, Sequence[Message]]] = []
        self._marks: dict[int, dict[str, Any]] = defaultdict(dict)
        self._reports: list[tuple[Report, datetime]] = []

    @cached_property
    def mailbox(self) -> Mailbox:
        """The mailbox before the change.

        :raises DocumentDamaged: if it cannot be parsed.
        """
        return read_mailbox(self.snapshot)

    def send(self, item_id: str, existing: Sequence[Message], new: Sequence[Message]) -> None:
        """Send the new messages of an item.

        :param existing: the messages of the item that are in the repository.
        """
        self._combined.messages[item_id] = existing
        self._new.append((item_id, new))

    def mark(self, message_id: str, members_of: Callable[[Message], dict[str, Any]]) -> None:
        """Set members of the messages to this server that have an id.

        :param members_of: returns the members to set in a message.
        """
        self._combined.mailbox = self.mailbox.messages
        for index in self._places.get(message_id, ()):
            if is_mine_to_read(self.host, self.mailbox.messages[index]):
                self._marks[index].update(members_of(self.mailbox.messages[index]))

    def report(self, report: Report, made: datetime) -> None:
        """Add a status report with its time in UTC."""
        self._reports.append((report, made))

    def change(self, summary: str) -> Change[Combined]:
        """Return the change of the documents. Its result is a :class:`Combined`.

        :param summary: the message of the commit.
        :raises InvalidInput: if a status report names another job than the current one.
        :raises DocumentDamaged: if a document that has to be changed cannot be parsed.
        :raises SigningFailed: if this server cannot sign.
        """
        files: dict[str, bytes] = {}
        new = self._numbered()
        marks = {index: members for index, members in self._marks.items() if members}
        if new or marks:
            files[MESSAGES] = self.mailbox.splice(marks, [message.raw for message in new])
        if self._reports:
            path = status_path(self.host.id)
            document = self.snapshot.load_object(path)
            changed, self._combined.status = apply_reports(self.host, document, self._reports)
            if changed:
                files[path] = changed
        return Change(self._combined, files, summary, tuple(message.id for message in new))

    def _numbered(self) -> list[Message]:
        """Number and sign the new messages."""
        new = [entry for _item_id, entries in self._new for entry in entries]
        if new:
            last = last_number(self.host, self.snapshot, self.mailbox.messages, self._combined.last)
            new = number(self.host, new, last)
            self._combined.last = last + len(new)
        numbered = iter(new)
        for item_id, entries in self._new:
            existing = self._combined.messages[item_id]
            self._combined.messages[item_id] = [*existing, *islice(numbered, len(entries))]
        return new

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """The indices of the messages by id."""
        places = defaultdict(list)
        for index, entry in enumerate(self.mailbox.messages):
            places[entry.id].append(index)
        return places
