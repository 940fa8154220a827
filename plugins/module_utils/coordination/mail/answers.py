# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers to messages. Only answers of recipients count, and to a question to the operator only his."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from ..identity.fleet import OPERATOR
from ..identity.host import Host
from ..identity.signatures import signing_key
from ..identity.verification import TRUE, UNSIGNED
from ..store.snapshot import Snapshot
from ..timestamps import MAX_AHEAD
from .mailbox import read_archives, read_mailbox, readers_of, verify_messages
from .message import Message


class Answers:
    """The answers to messages, verified together.

    With trusted keys, only signed answers count. Of the operator, only signed answers ever count.

    :param asked: the messages.
    :param entries: the messages among which to search for answers.
    """

    def __init__(self, host: Host, snapshot: Snapshot, asked: Sequence[Message], entries: Sequence[Message]) -> None:
        self._host = host
        self._everyone = set(host.fleet.ids(host.seen_servers(snapshot)))
        wanted = {key for entry in asked for key in keys_of(entry)}
        answers = [entry for entry in entries if key_of(entry) in wanted]
        self._found: dict[tuple[str, tuple[str, str]], list[tuple[int, Message]]] = defaultdict(list)
        for place, (entry, verification) in enumerate(zip(answers, verify_messages(host, answers))):
            sender = entry.sender_in(host.fleet)
            needs_no_key = not host.signers.repository and sender != OPERATOR
            if verification.verified == TRUE or (verification.verified == UNSIGNED and needs_no_key):
                self._found[sender, key_of(entry)].append((place, entry))

    def to(self, asked: Message) -> list[Message]:
        """Return the answers to one of the messages, in the order of the entries."""
        found = sorted(found for key in self._keys(asked) for found in self._found.get(key, []))
        return [entry for _place, entry in found if not asked.needs or is_operators_answer(self._host, entry, asked)]

    def is_open(self, asked: Message) -> bool:
        """Return whether a message has no answer, and not all recipients have read it.

        A question to the operator is open until he answers, whoever has read it.
        """
        if self.to(asked):
            return False
        recipients = readers_of(self._host, asked, self._everyone)
        return bool(asked.needs) or not all(asked.is_marked_read(one, self._host.fleet) for one in recipients)

    def _keys(self, asked: Message) -> list[tuple[str, tuple[str, str]]]:
        """Return the sender and the key that each answer to a message can have."""
        if asked.needs:
            return [(OPERATOR, ("id", asked.id))]
        return [(server, key) for server in readers_of(self._host, asked, self._everyone) for key in keys_of(asked)]


def answered_ids(host: Host, snapshot: Snapshot, ids: Collection[str]) -> set[str]:
    """Return the ids of the messages that have a signed answer of this server.

    :param ids: the ids to search for.
    """
    asked = {message_id for message_id in ids if message_id}
    if not asked:
        return set()
    entries = [*read_mailbox(snapshot).messages, *read_archives(snapshot, *asked)]
    own = [entry for entry in entries if entry.sender == host.id and entry.in_reply_to in asked]
    return {entry.in_reply_to for entry, one in zip(own, verify_messages(host, own)) if one.verified == TRUE}


def is_operators_answer(host: Host, answer: Message, asked: Message) -> bool:
    """Return whether a verified answer to a question to the operator is his, and an answer to this question.

    The answer is addressed to the server that asks, because another server may copy the id of a question that he has
    answered. Whoever has an expired key of his can date an answer back, so that an answer with such a key counts only
    if it is not dated before the question.
    """
    signer = host.signers.find(signing_key(answer.raw) or "")
    if signer is None or signer.server != OPERATOR:
        return False
    if asked.sender_in(host.fleet) not in answer.recipients(host.fleet):
        return False
    dated, asked_at = answer.sent_at, asked.sent_at
    is_later = dated is not None and asked_at is not None and asked_at - dated <= MAX_AHEAD
    return is_later or signer.is_valid(host.clock())


def key_of(answer: Message) -> tuple[str, str]:
    """Return the key by which an answer refers to its message.

    The old scripts refer to the message by the subject alone.
    """
    message_id = answer.in_reply_to
    return ("id", message_id) if message_id else ("subject", str(answer.raw.get("subject")))


def keys_of(asked: Message) -> list[tuple[str, str]]:
    """Return the keys that an answer to a message can have."""
    return [("id", asked.id), ("subject", f"Re: {asked.raw.get('subject')}")]
