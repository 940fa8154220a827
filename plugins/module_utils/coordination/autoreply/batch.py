# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answering several messages in one commit, each of them once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Callable

from ..delivery.deliver import new_item, submit
from ..delivery.outbox import Outbox
from ..delivery.writes import MARKS as MARK_WRITES
from ..delivery.writes import Answers, Write
from ..documents.secret_policy import REDACT
from ..errors import InvalidInput
from ..identity.host import Host
from ..mail.answers import answered_ids
from ..mail.draft import MAX_BODY, MAX_DATA, Draft, check_draft, compose, new_id
from ..mail.mailbox import find_addressed, read_mailbox
from ..mail.message import Message
from ..mail.read_ledger import ACKNOWLEDGED, READ, Mark, own_ledger
from ..operations.send import answer_to, apply_policy_to_draft
from ..store.snapshot import Receipt, Snapshot


@dataclass(frozen=True)
class Response:
    """The response to a message.

    :param message_id: the id of the message.
    :param draft: the answer, whose subject is derived from that of the message; None to set marks only.
    :param acknowledge: whether to acknowledge the message.
    :param mark_read: whether to mark the message read.
    """

    message_id: str
    draft: Draft | None = None
    acknowledge: bool = False
    mark_read: bool = True


MARKS: dict[Mark, Callable[[Response], bool]] = {
    READ: lambda response: response.mark_read,
    ACKNOWLEDGED: lambda response: response.acknowledge,
}
"""The marks that a response can set, each with the function that tells whether it does."""


def respond(host: Host, responses: Sequence[Response]) -> Receipt[list[Message]]:
    """Answer, acknowledge and mark messages in one commit.

    A message that this server has answered is not answered again. Secrets in answers are redacted, and texts that are
    too long are cut. The time of the last activity of the manager does not change.

    :return: a receipt whose result is the list of the answers that were sent.
    :raises UnknownMessage: if a message is not found; then nothing is written.
    :raises InvalidInput: if a message has two responses, or an answer cannot be sent.
    """
    ready = [replace(one, draft=_ready(host, one.draft) if one.draft else None) for one in responses]
    if len({one.message_id for one in ready}) < len(ready):
        raise InvalidInput("A message has two responses.", "Use one response for each message.")
    messages, marks, mailbox = host.repository.look(lambda snapshot: _prepare(host, snapshot, ready))
    ledgers = {mark: own_ledger(host, mark) for mark in MARKS}
    receipt: Receipt[list[Message]] = Receipt([], None, 0)
    if messages or any(marks.values()):
        marked = len({message_id for ids in marks.values() for message_id in ids})
        answers = "1 answer" if len(messages) == 1 else f"{len(messages)} answers"
        writes: list[Write] = [Answers(tuple(messages))] if messages else []
        writes += [kind(tuple(marks[mark])) for mark, kind in MARK_WRITES.items() if marks[mark]]
        item = new_item(host, f"{answers}, {marked} marked", *writes)
        written = submit(host, item)
        receipt = written.returning(list(written.result.messages.get(item.id, ())))
    if not host.check_mode:
        with host.after_write():
            for mark, ledger in ledgers.items():
                ids_of = [one.message_id for one in ready if MARKS[mark](one)]
                if ids_of:
                    ledger.record(ids_of, mailbox, host.clock())
    return receipt


def _prepare(
    host: Host, snapshot: Snapshot, responses: Sequence[Response]
) -> tuple[list[Message], dict[Mark, list[str]], list[Message]]:
    """Return the answers to send, the ids to mark for each mark, and the mailbox.

    :raises UnknownMessage: if a message is not found.
    :raises InvalidInput: if an answer cannot be sent.
    """
    now = host.clock()
    mailbox = read_mailbox(snapshot)
    answered = answered_ids(host, snapshot, {one.message_id for one in responses if one.draft})
    waiting = [write for item in Outbox(host.state).read().items for write in item.writes if isinstance(write, Answers)]
    answered.update(entry.in_reply_to for write in waiting for entry in write.messages)
    messages: list[Message] = []
    marks: dict[Mark, list[str]] = {mark: [] for mark in MARKS}
    for response in responses:
        original = find_addressed(host, snapshot, mailbox, response.message_id)
        for mark, is_wanted in MARKS.items():
            if is_wanted(response) and not mark.is_marked(original, host.id, host.fleet):
                marks[mark].append(response.message_id)
        if response.draft and response.message_id not in answered:
            answer = answer_to(host, original, response.draft)
            messages.append(compose(answer, new_id(now), host.id, original.sender_in(host.fleet), now))
    return messages, marks, mailbox.messages


def _ready(host: Host, draft: Draft) -> Draft:
    """Return an answer in valid form.

    Texts that are too long are cut, so that one answer does not block the others.
    """
    body = draft.body if draft.body.strip() else "(no text)"
    if len(body) > MAX_BODY:
        body = f"{body[: MAX_BODY - 1]}…"
    facts = list(draft.facts)
    while len(json.dumps(facts)) > MAX_DATA * 3 // 4:
        facts = facts[: len(facts) // 2]
    if len(facts) < len(draft.facts):
        facts.append({"name": "facts left out", "value": len(draft.facts) - len(facts)})
    ready = apply_policy_to_draft(host, replace(draft, subject="Re:", body=body, facts=tuple(facts)), REDACT)
    check_draft(ready)
    return ready
