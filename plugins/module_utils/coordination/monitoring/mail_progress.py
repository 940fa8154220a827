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
from heapq import nlargest
from itertools import chain
from typing import Any

from ..errors import StateUnusable
from ..identity.host import Host
from ..identity.verification import TRUE
from ..mail.mailbox import verify_messages
from ..mail.message import MAX_INTEGER, Message
from ..mail.shown_ledger import shown_ids

MAX_RANGES = 10
"""The maximum number of ranges for each sender, the newest ones."""
MAX_VERIFIED = 50
"""The maximum number of messages of a sender that are verified to find its last one, those with the highest numbers."""


@dataclass(frozen=True)
class Progress:
    """The progress of the mail of a server.

    ``seen`` has, for each sender, the number of its last message in the mailbox, whoever the recipient is. ``shown``
    has, for each sender, ranges of numbers, the first and the last one of each: these messages were shown to the
    manager of the server while they were unread. It is None if the server does not know.
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
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < MAX_INTEGER:
        raise ValueError(f"{value!r} is not a number of a message")
    return value


def _range(value: Any) -> tuple[int, int]:
    first, last = map(_number, value)
    return first, last


def _seen(host: Host, messages: Iterable[Message]) -> dict[str, int]:
    """Return, for each server with a key, the number of its last verified message."""
    servers = {signer.server for signer in host.signers.signers}
    of_sender: dict[str, list[Message]] = defaultdict(list)
    for entry in messages:
        if entry.seq and entry.sender in servers:
            of_sender[entry.sender].append(entry)
    highest = [nlargest(MAX_VERIFIED, entries, key=lambda entry: entry.seq) for entries in of_sender.values()]
    numbers = _verified_numbers(host, list(chain.from_iterable(highest)))
    return {sender: max(found) for sender, found in numbers.items()}


def _shown(host: Host, messages: Iterable[Message], ids: set[str]) -> dict[str, list[list[int]]]:
    """Return, for each server with a key, the ranges of its messages to this server that were shown.

    :param ids: the ids of the messages that were shown.
    """
    shown = [entry for entry in messages if entry.seq and entry.id in ids and entry.is_for(host.id, host.fleet)]
    numbers = _verified_numbers(host, shown)
    return {sender: _ranges(sorted(found))[-MAX_RANGES:] for sender, found in numbers.items()}


def _ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Return the ranges of consecutive numbers."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def _verified_numbers(host: Host, entries: Sequence[Message]) -> dict[str, set[int]]:
    """Return the numbers of the verified messages by sender."""
    found: dict[str, set[int]] = defaultdict(set)
    for entry, verification in zip(entries, verify_messages(host, entries)):
        if verification.verified == TRUE:
            found[entry.sender].add(entry.seq)
    return found
