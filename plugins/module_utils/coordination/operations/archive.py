# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving messages that everyone concerned is done with from the mailbox to the archives, in one commit.

A message to one server is moved by that server, and one to all by any of its recipients: what this server has read it
knows from its own ledger, whatever others have marked in its name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ..delivery.deliver import PATIENCE
from ..delivery.outbox import Outbox
from ..documents.json_document import MAX_NESTING, EntryList, count_values, nesting, new_document
from ..identity.fleet import ALL
from ..identity.host import MESSAGES, Host
from ..identity.verification import TRUE, Verifier
from ..mail.answers import Answers, key_of, keys_of
from ..mail.mailbox import archive_path, old_archive_paths, read_entries, read_mailbox, readers_of, recipients_of
from ..mail.message import id_of, is_for, is_marked_read, is_read_by_anybody, type_of, wants_acknowledgement, word_of
from ..mail.read_ledger import ACKNOWLEDGED, READ, own_marks
from ..mail.sequence import number_of
from ..store.snapshot import Change, Receipt, Snapshot
from ..timestamps import parse_time, utc_text

MIN_AGE = timedelta(days=7)
"""How old a message is that is moved: what people still talk about is in the mailbox, and none can be acted upon."""
MAX_WAIT = timedelta(days=30)
"""The age from which a request needs no answer to be moved, what is for no server of the fleet needs any one reader,
and nothing waits for others to be moved with it."""
NOTICE = timedelta(days=1)
"""How long before a host archives for the first time it is told: an old mailbox then loses half of its messages at
once, and somebody may want them to stay."""
NOTICE_FILE = "archiving.json"
MIN_MOVED = 50
"""Messages that are worth a commit."""
MAX_MOVED = 2_000
"""Messages in one commit."""
MAX_MOVED_SIZE = 8_000_000
"""Bytes of messages in one commit."""
MAX_MOVED_VALUES = 250_000
"""Objects and arrays in the messages of one commit, as :data:`.json_document.MAX_VALUES` counts them."""
FULL_SIZE, FULL_ENTRIES, FULL_VALUES = 16_000_000, 25_000, 500_000
"""Bytes, entries, and objects and arrays with which an archive is full, and another one of the month follows. With what
one commit adds it is far below what can be read."""
PORTION = 5
"""Messages of a sender that are judged at once to find its newest one, those with the highest numbers first."""
DEEPEST = MAX_NESTING - 2
"""Levels of an entry that can be read in an archive, which is an object with an array."""


def archive(host: Host) -> Receipt:
    """Move messages from the mailbox to the archives, if enough can be moved to be worth a commit.

    :return: a receipt whose result is the list of the entries that were moved.
    :raises DocumentDamaged: when the mailbox, or an archive to which one would go, cannot be read.
    :raises Locked: when another process of this host writes for too long.
    :raises CoordinationError: when the remote does not take it; nothing was moved then.
    """
    if host.check_mode:
        return host.preview(lambda snapshot: _moved(host, snapshot))
    with host.repository.writing(PATIENCE):
        return host.write(lambda snapshot: _moved(host, snapshot))


def first_notice(host: Host) -> str:
    """What has to be told before this host archives for the first time; empty when that was told a day ago, or there is
    nothing to be moved. The first call that finds something begins the day.

    :raises DocumentDamaged: when the mailbox cannot be read.
    :raises StateUnusable: when this host's record of it cannot be read or written.
    """
    told = host.state.read(NOTICE_FILE, lambda record: parse_time(record["announced_at"]))
    if told and told > host.clock():  # the clock was ahead, and is right now
        told = None
    if told and host.clock() - told >= NOTICE:
        return ""
    number = len(host.repository.look(lambda snapshot: _moved(host, snapshot)).result)
    if not number:
        return ""
    if not told:
        told = host.clock()
        host.state.write_json(
            NOTICE_FILE, {"announced_at": utc_text(told), "from": utc_text(told + NOTICE), "messages": number}
        )
    what = "1 message is" if number == 1 else f"{number} messages are"
    return (
        f"{what} read, answered and old: from {utc_text(told + NOTICE)} on this server moves such messages from the "
        "mailbox to coordination/archive, where they are still found. To keep them in the mailbox, set "
        "build_heartbeat_archive to false in the inventory and run the set-up (ansible-playbook setup.yml)."
    )


def _moved(host: Host, snapshot: Snapshot) -> Change:
    mailbox = read_mailbox(snapshot)
    chosen = _that_fit(mailbox, _done_with(host, snapshot, mailbox.entries))
    entries = [mailbox.entries[index] for index in chosen]
    if len(chosen) < MIN_MOVED and all(_age(host, entry) <= MAX_WAIT for entry in entries):
        return Change([])
    months: dict[str, list[tuple[dict[str, Any], str]]] = defaultdict(list)
    for entry, text in zip(entries, mailbox.texts(chosen)):
        months[_month(entry)].append((entry, text))
    files = {MESSAGES: mailbox.without(set(chosen))}
    for month, moved in months.items():
        files.update(_filed(snapshot, month, moved))
    number = "1 message" if len(entries) == 1 else f"{len(entries)} messages"
    return Change(entries, files, f"{host.id}: archive {number}")


def _that_fit(mailbox: EntryList, chosen: Sequence[int]) -> list[int]:
    """Those of some entries that go into one commit."""
    fitting: list[int] = []
    room, values = MAX_MOVED_SIZE, MAX_MOVED_VALUES
    for index, text in zip(chosen, mailbox.texts(chosen)):
        data = text.encode("utf-8")
        is_flat = nesting(mailbox.entries[index]) <= DEEPEST
        if is_flat and len(data) <= room and count_values(data) <= values and len(fitting) < MAX_MOVED:
            fitting.append(index)
            room -= len(data)
            values -= count_values(data)
    return fitting


def _filed(snapshot: Snapshot, month: str, moved: Sequence[tuple[dict[str, Any], str]]) -> dict[str, bytes]:
    """The last archive of a month with entries at its end; without those that are in one of that month already.

    :param moved: the entries, each with its text.
    """
    known = defaultdict(list)
    for old in (snapshot.load(path, read_entries) for path in old_archive_paths(month)):
        for entry in old.entries if old else ():
            known[id_of(entry)].append(entry)
    part = 0
    is_full = True
    while is_full:
        part += 1
        path = archive_path(month, part)
        there = snapshot.load(path, read_entries) or read_entries(new_document({"messages": []}), path)
        data = there.encode()
        for entry in there.entries:
            known[id_of(entry)].append(entry)
        is_full = len(data) >= FULL_SIZE or len(there.entries) >= FULL_ENTRIES or count_values(data) >= FULL_VALUES
    new = [text for entry, text in moved if entry not in known[id_of(entry)]]
    return {path: there.with_texts(new)} if new else {}


def _done_with(host: Host, snapshot: Snapshot, entries: Sequence[dict[str, Any]]) -> list[int]:
    """Which entries everyone concerned is done with. An answer stays as long as the request that it answers."""
    settled = _Settled(host, snapshot, entries)
    awaited: set[tuple[str, str]] = set()
    chosen = []
    for index, entry in enumerate(entries):
        if settled.is_settled(index) and key_of(entry) not in awaited:
            chosen.append(index)
        elif type_of(entry) == "request":
            awaited.update(keys_of(entry))
    return chosen


class _Settled:
    """What tells of the entries of the mailbox whether somebody still needs them there."""

    def __init__(self, host: Host, snapshot: Snapshot, entries: Sequence[dict[str, Any]]) -> None:
        self._host = host
        self._entries = entries
        self._everyone = recipients_of(host, snapshot, {"to": ALL})
        self._ledgers = [own_marks(host, mark) for mark in (READ, ACKNOWLEDGED)]
        waiting = Outbox(host.state).read().items
        self._waiting = {message_id for item in waiting for write in item.writes for message_id in write.marked}
        self._newest = self._newest_of_each()
        requests = [entry for entry in entries if type_of(entry) == "request" and self._is_read(entry)]
        self._answers = Answers(host, snapshot, requests, entries)

    def _newest_of_each(self) -> dict[str, int]:
        """The place of the newest message of each sender."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, entry in enumerate(self._entries):
            places[str(entry.get("from"))].append(place)
        return {sender: self._newest_of(sender, own) for sender, own in places.items()}

    def _newest_of(self, sender: str, places: list[int]) -> int:
        """The newest of a sender's messages: by their numbers, which only the sender can set where it signs."""
        numbered = [place for place in places if number_of(self._entries[place])]
        numbered.sort(key=lambda place: number_of(self._entries[place]), reverse=True)
        if not self._host.signers.repository:
            return numbered[0] if numbered else places[-1]
        for start in range(0, len(numbered), PORTION):
            portion = numbered[start : start + PORTION]
            verdicts = Verifier(self._host).verify([(self._entries[place], sender) for place in portion])
            genuine = [place for place, one in zip(portion, verdicts) if one.verified == TRUE]
            if genuine:
                return genuine[0]
        return places[-1]

    def is_settled(self, index: int) -> bool:
        """Whether an entry may be moved, others aside.

        The newest message of each sender stays: by its number the next one is counted, and gaps are found.
        """
        entry = self._entries[index]
        age = _age(self._host, entry)
        if age <= MIN_AGE or self._newest[str(entry.get("from"))] == index or id_of(entry) in self._waiting:
            return False
        if self._is_to_nobody(entry):
            return age > MAX_WAIT and is_read_by_anybody(entry)
        if not self._is_read(entry) or self._waits_for_acknowledgement(entry):
            return False
        return type_of(entry) != "request" or age > MAX_WAIT or bool(self._answers.to(entry))

    def _waits_for_acknowledgement(self, entry: dict[str, Any]) -> bool:
        status = word_of(entry.get("ack_status"))
        return status == "pending" or (wants_acknowledgement(entry) and status != "completed")

    def _is_read(self, entry: dict[str, Any]) -> bool:
        """Whether all recipients have read an entry, this server among them by its own ledger.

        Who all are is known by the fleet alone.
        """
        if ALL in self._host.fleet.recipients(entry.get("to")) and not self._host.fleet.expected:
            return False
        if not is_for(entry, self._host.id, self._host.fleet) or not self._ledgers[0].has(entry):
            return False
        if any(ledger.marked_by_other(entry) for ledger in self._ledgers):
            return False
        recipients = readers_of(self._host, entry, self._everyone)
        if self._host.fleet.expected:
            recipients &= self._everyone
        return all(is_marked_read(entry, server, self._host.fleet) for server in recipients)

    def _is_to_nobody(self, entry: dict[str, Any]) -> bool:
        """Whether an entry is for no server that the fleet has."""
        return self._host.fleet.expected and not self._host.fleet.has_recipient(entry.get("to"))


def _age(host: Host, entry: dict[str, Any]) -> timedelta:
    """How old an entry is by this host's clock; nothing when its time cannot be read."""
    written = parse_time(entry.get("timestamp"))
    return host.clock() - written if written else timedelta()


def _month(entry: dict[str, Any]) -> str:
    """The month of an entry that has a time, as in ``2026-11``."""
    return str(parse_time(entry["timestamp"]))[: len("2026-11")]
