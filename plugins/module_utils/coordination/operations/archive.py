# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Move old messages that all recipients have read to the archives, in one commit.

A message to one server is moved by that server, a message to all by any recipient, a message to the operator by its
sender. Whether this server has read a message is determined by its read ledger, not by the marks in the repository.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from ..delivery.outbox import Outbox
from ..documents.json_document import MAX_NESTING, count_values, nesting, new_document
from ..identity.fleet import ALL, OPERATOR
from ..identity.host import MESSAGES, Host
from ..identity.verification import TRUE
from ..mail.answers import Answers, key_of, keys_of
from ..mail.mailbox import Mailbox, archive_path, old_archive_paths, read_mailbox, readers_of, verify_messages
from ..mail.message import Message
from ..mail.read_ledger import ACKNOWLEDGED, READ, own_ledger
from ..state_dir import PATIENCE
from ..store.snapshot import Change, Receipt, Snapshot
from ..timestamps import parse_time, utc_text

MIN_AGE = timedelta(days=7)
"""The minimum age of a message to move. Recent messages stay in the mailbox, and a message of this age is not
actionable."""
MAX_WAIT = timedelta(days=30)
"""The age from which a request is moved without an answer, and a message to no server of the fleet is moved if any
server has read it. A message of this age is moved even if fewer than ``MIN_MOVED`` messages can be moved."""
NOTICE_PERIOD = timedelta(days=1)
"""The time between the notice of the first archiving and the archiving, so that the operator can switch it off."""
NOTICE_FILE = "archiving.json"
MIN_MOVED = 50
"""The minimum number of messages in one commit."""
MAX_MOVED = 2_000
"""The maximum number of messages in one commit."""
MAX_MOVED_SIZE = 8_000_000
"""The maximum size of the messages in one commit, in bytes."""
MAX_MOVED_VALUES = 250_000
"""The maximum number of objects and arrays in the messages of one commit, as for :data:`.json_document.MAX_VALUES`."""
FULL_SIZE, FULL_ENTRIES, FULL_VALUES = 16_000_000, 25_000, 500_000
"""The size in bytes, and the numbers of entries and of objects and arrays, from which an archive is full. The next file
of the month is used then. A full archive with the messages of one more commit is within the limits of a document."""
BATCH = 5
"""The number of messages that are verified at once to find the newest one of a sender, the highest numbers first."""
MAX_ENTRY_NESTING = MAX_NESTING - 2
"""The maximum number of levels of an entry. An archive is an object with an array, which has two more."""


def archive(host: Host) -> Receipt[list[Message]]:
    """Move messages from the mailbox to the archives, if there are enough to move.

    :return: a receipt whose result is the list of the moved messages.
    :raises DocumentDamaged: if the mailbox or an archive to change cannot be parsed.
    :raises Locked: if another process of this host writes for too long.
    :raises CoordinationError: if the remote rejects the write; no message is moved then.
    """
    if host.check_mode:
        return host.preview(lambda snapshot: _moved(host, snapshot))
    with host.repository.writing(PATIENCE):
        return host.write(lambda snapshot: _moved(host, snapshot))


def archiving_notice(host: Host) -> str:
    """Return the notice of the first archiving of this host.

    The first call that finds messages to move starts the notice period.

    :return: the notice; empty if the notice period is over, or there are no messages to move.
    :raises DocumentDamaged: if the mailbox cannot be parsed.
    :raises StateUnusable: if the record of the notice cannot be read or written.
    """
    announced = host.state.read(NOTICE_FILE, lambda record: parse_time(record["announced_at"]))
    if announced and announced > host.clock():  # the clock was wrong and has been corrected
        announced = None
    if announced and host.clock() - announced >= NOTICE_PERIOD:
        return ""
    number = len(host.repository.look(lambda snapshot: _moved(host, snapshot)).result)
    if not number:
        return ""
    if not announced:
        announced = host.clock()
        host.state.write_json(
            NOTICE_FILE,
            {"announced_at": utc_text(announced), "from": utc_text(announced + NOTICE_PERIOD), "messages": number},
        )
    what = "1 message is" if number == 1 else f"{number} messages are"
    begin = utc_text(announced + NOTICE_PERIOD)
    return (
        f"{what} read, answered and old: from {begin} on this server moves such messages from the "
        "mailbox to coordination/archive, where listings still find them. To keep them in the mailbox, set "
        "build_heartbeat_archive to false in the inventory and run the set-up (ansible-playbook setup.yml)."
    )


def _moved(host: Host, snapshot: Snapshot) -> Change[list[Message]]:
    mailbox = read_mailbox(snapshot)
    chosen = _fitting(mailbox, _movable(host, snapshot, mailbox.messages))
    entries = [mailbox.messages[index] for index in chosen]
    if len(chosen) < MIN_MOVED and all(_age(host, entry) <= MAX_WAIT for entry in entries):
        return Change([])
    months: dict[str, list[tuple[Message, str]]] = defaultdict(list)
    for entry, text in zip(entries, mailbox.texts(chosen)):
        months[_month(entry)].append((entry, text))
    files = {MESSAGES: mailbox.without(set(chosen))}
    for month, moved in months.items():
        files.update(_append_to_archive(snapshot, month, moved))
    number = "1 message" if len(entries) == 1 else f"{len(entries)} messages"
    return Change(entries, files, f"{host.id}: archive {number}")


def _fitting(mailbox: Mailbox, chosen: Sequence[int]) -> list[int]:
    """Return those of some entries that fit into one commit."""
    fitting: list[int] = []
    room, values = MAX_MOVED_SIZE, MAX_MOVED_VALUES
    for index, text in zip(chosen, mailbox.texts(chosen)):
        data = text.encode("utf-8")
        is_flat = nesting(mailbox.entries[index]) <= MAX_ENTRY_NESTING
        if is_flat and len(data) <= room and count_values(data) <= values and len(fitting) < MAX_MOVED:
            fitting.append(index)
            room -= len(data)
            values -= count_values(data)
    return fitting


def _append_to_archive(snapshot: Snapshot, month: str, moved: Sequence[tuple[Message, str]]) -> dict[str, bytes]:
    """Append entries that no archive of a month has to the last one of the month.

    :param month: the month, as in ``2026-11``.
    :param moved: the entries, each with its text.
    :return: the new content by path; empty if there is nothing to append.
    """
    known = defaultdict(list)
    for old in (snapshot.load(path, Mailbox) for path in old_archive_paths(month)):
        for entry in old.messages if old else ():
            known[entry.id].append(entry)
    part = 0
    is_full = True
    while is_full:
        part += 1
        path = archive_path(month, part)
        document = snapshot.load(path, Mailbox) or Mailbox(new_document({"messages": []}), path)
        data = document.encode()
        for entry in document.messages:
            known[entry.id].append(entry)
        is_full = len(data) >= FULL_SIZE or len(document.entries) >= FULL_ENTRIES or count_values(data) >= FULL_VALUES
    new = [text for entry, text in moved if entry not in known[entry.id]]
    return {path: document.with_texts(new)} if new else {}


def _movable(host: Host, snapshot: Snapshot, entries: Sequence[Message]) -> list[int]:
    """Return the indices of the entries that can be moved.

    An answer stays in the mailbox as long as its request.
    """
    movability = _Movability(host, snapshot, entries)
    open_keys: set[tuple[str, str]] = set()
    chosen = []
    for index, entry in enumerate(entries):
        if movability.is_movable(index) and key_of(entry) not in open_keys:
            chosen.append(index)
        elif entry.type == "request" or entry.needs:
            open_keys.update(keys_of(entry))
    return chosen


class _Movability:
    """Determines which entries of the mailbox can be moved."""

    def __init__(self, host: Host, snapshot: Snapshot, entries: Sequence[Message]) -> None:
        self._host = host
        self._entries = entries
        self._everyone = set(host.fleet.ids(host.seen_servers(snapshot)))
        self._ledgers = [own_ledger(host, mark) for mark in (READ, ACKNOWLEDGED)]
        waiting = Outbox(host.state).read().items
        self._waiting = {message_id for item in waiting for write in item.writes for message_id in write.marked}
        self._newest = self._newest_of_each()
        requests = [entry for entry in entries if (entry.type == "request" or entry.needs) and self._is_read(entry)]
        self._answers = Answers(host, snapshot, requests, entries)

    def _newest_of_each(self) -> dict[str, int]:
        """Return the index of the newest message of each sender."""
        indices: dict[str, list[int]] = defaultdict(list)
        for index, entry in enumerate(self._entries):
            indices[entry.sender].append(index)
        return {sender: self._newest_of(own) for sender, own in indices.items()}

    def _newest_of(self, indices: list[int]) -> int:
        """Return the index of the newest message of a sender, by signed sequence numbers.

        :param indices: the indices of its messages.
        """
        numbered = [index for index in indices if self._entries[index].seq]
        numbered.sort(key=lambda index: self._entries[index].seq, reverse=True)
        if not self._host.signers.repository:
            return numbered[0] if numbered else indices[-1]
        for start in range(0, len(numbered), BATCH):
            batch = numbered[start : start + BATCH]
            verifications = verify_messages(self._host, [self._entries[index] for index in batch])
            genuine = [index for index, one in zip(batch, verifications) if one.verified == TRUE]
            if genuine:
                return genuine[0]
        return indices[-1]

    def is_movable(self, index: int) -> bool:
        """Return whether an entry can be moved, without regard to its request.

        The newest message of each sender stays in the mailbox, because its sequence number is needed for the next
        message and to detect gaps.
        """
        entry = self._entries[index]
        age = _age(self._host, entry)
        if age <= MIN_AGE or self._newest[entry.sender] == index or entry.id in self._waiting:
            return False
        if self._is_undeliverable(entry):
            return age > MAX_WAIT and entry.is_read_by_any_server()
        if not self._is_read(entry) or entry.waits_for_acknowledgement:
            return False
        if entry.needs or (entry.type == "request" and age <= MAX_WAIT):
            return bool(self._answers.to(entry))
        return True

    def _is_read(self, entry: Message) -> bool:
        """Return whether all recipients have read an entry, this one by its ledger.

        Without a fleet file, the recipients of a message to all are not known, so the result is false.
        """
        if ALL in entry.recipients(self._host.fleet) and not self._host.fleet.expected:
            return False
        if entry.recipients(self._host.fleet) == {OPERATOR}:  # he runs no service
            is_own = entry.sender_in(self._host.fleet) == self._host.id
            return is_own and entry.is_marked_read(OPERATOR, self._host.fleet)
        if not entry.is_for(self._host.id, self._host.fleet) or not self._ledgers[0].has(entry):
            return False
        if any(ledger.marked_by_other(entry) for ledger in self._ledgers):
            return False
        recipients = readers_of(self._host, entry, self._everyone)
        if self._host.fleet.expected:
            recipients &= self._everyone
        return all(entry.is_marked_read(server, self._host.fleet) for server in recipients)

    def _is_undeliverable(self, entry: Message) -> bool:
        """Return whether an entry is addressed to no server of the fleet."""
        return self._host.fleet.expected and not entry.has_recipient(self._host.fleet)


def _age(host: Host, entry: Message) -> timedelta:
    """Return the age of an entry by the clock of this host; zero without a valid time."""
    written = entry.sent_at
    return host.clock() - written if written else timedelta()


def _month(entry: Message) -> str:
    """Return the month of an entry with a valid time, as in ``2026-11``."""
    return str(entry.sent_at)[: len("2026-11")]
