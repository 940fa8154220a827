# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of the mail of a server: what its service has seen and its manager was shown, as its heartbeat says.

Messages are named by the numbers that their senders have signed, so only a fleet with trusted keys publishes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import StateUnusable
from ..identity.host import Host
from ..identity.verification import TRUE
from ..mail.mailbox import verify_messages
from ..mail.message import MAX_INTEGER, Message
from ..mail.shown_ledger import shown_ids

MAX_RANGES = 20
"""The maximum number of ranges for each sender, the newest ones."""
MAX_VERIFIED = 50
"""The maximum number of messages of a sender that are verified to find its last one, those with the highest numbers."""


@dataclass(frozen=True)
class Progress:
    """The progress of the mail of a server.

    ``seen`` has, for each sender, the number of its last message in the mailbox, whoever the recipient is. ``shown``
    has, for each sender, ranges of numbers, the first and the last one: all messages to the server with numbers in a
    range were shown to its manager. It is None if the server does not know.
    """

    seen: dict[str, int]
    shown: dict[str, list[tuple[int, int]]] | None

    def has_seen(self, sender: str, number: int) -> bool:
        """Return whether the service of the server has seen a message."""
        return number <= self.seen.get(sender, 0)

    def has_shown(self, sender: str, number: int) -> bool | None:
        """Return whether a message to the server was shown to its manager; None if that is not known."""
        if self.shown is None:
            return None
        ranges = self.shown.get(sender, [])
        if any(first <= number <= last for first, last in ranges):
            return True
        return None if ranges and number < ranges[0][0] else False


def mail_progress(host: Host, messages: Sequence[Message] | None) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the progress of the mail of this server as it is in a heartbeat.

    :param messages: those of the mailbox; None if it is damaged.
    :return: the member ``mail`` of the heartbeat, None if there is nothing to publish; the problems of this server.
    """
    if messages is None or not host.signers.repository:
        return None, []
    seen = {"seen": _seen(host, messages)}
    try:
        return {**seen, "shown": _shown(host, messages, shown_ids(host.state))}, []
    except StateUnusable as error:
        return seen, [error.what]


def read_progress(beat: dict[str, Any]) -> Progress | None:
    """Return the progress of the mail in a heartbeat, None if it has none in a known form."""
    mail = beat.get("mail")
    try:
        seen, shown = mail["seen"], mail.get("shown")  # type: ignore[index,union-attr]
        return Progress(
            {sender: _number(number) for sender, number in seen.items()},
            None if shown is None else {sender: list(map(_range, ranges)) for sender, ranges in shown.items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _number(value: Any) -> int:
    if type(value) is not int or not 0 < value < MAX_INTEGER:
        raise ValueError(f"{value!r} is not a number of a message")
    return value


def _range(value: Any) -> tuple[int, int]:
    first, last = map(_number, value)
    return first, last


def _seen(host: Host, messages: Iterable[Message]) -> dict[str, int]:
    """Return, for each server with a key, the number of its last verified message."""
    of_sender = _by_sender(host, messages)
    highest = [
        entry
        for entries in of_sender.values()
        for entry in sorted(entries, key=lambda entry: entry.seq, reverse=True)[:MAX_VERIFIED]
    ]
    seen: dict[str, int] = {}
    for entry in _verified(host, highest):
        seen[entry.sender] = max(entry.seq, seen.get(entry.sender, 0))
    return seen


def _shown(host: Host, messages: Iterable[Message], ids: set[str]) -> dict[str, list[list[int]]]:
    """Return, for each server with a key, the ranges of its messages to this server that were shown.

    :param ids: the ids of the messages that were shown.
    """
    of_sender = _by_sender(host, (entry for entry in messages if entry.is_for(host.id, host.fleet)))
    in_ledger = [entry for entries in of_sender.values() for entry in entries if entry.id in ids]
    shown = {id(entry) for entry in _verified(host, in_ledger)}
    found = {}
    for sender, entries in of_sender.items():
        ranges: list[list[int]] = []
        is_open = False
        for entry in sorted(entries, key=lambda entry: entry.seq):
            if id(entry) not in shown:
                is_open = False
            elif is_open:
                ranges[-1][1] = entry.seq
            else:
                ranges.append([entry.seq, entry.seq])
                is_open = True
        if ranges:
            found[sender] = ranges[-MAX_RANGES:]
    return found


def _by_sender(host: Host, messages: Iterable[Message]) -> dict[str, list[Message]]:
    """Return the numbered messages of each server that has a key."""
    servers = {signer.server for signer in host.signers.signers}
    found: dict[str, list[Message]] = defaultdict(list)
    for entry in messages:
        if entry.sender in servers and entry.seq:
            found[entry.sender].append(entry)
    return found


def _verified(host: Host, entries: Sequence[Message]) -> list[Message]:
    return [entry for entry, one in zip(entries, verify_messages(host, entries)) if one.verified == TRUE]
