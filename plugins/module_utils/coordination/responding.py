# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answering many messages in one commit, each once, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .documents import EntryList
from .errors import InvalidInput
from .guarding import REDACT
from .host import MESSAGES, Host
from .mailbox import Mail, find_addressed, read_archives, read_mailbox
from .marking import acknowledge_marks, read_marks
from .messages import MAX_BODY, MAX_DATA, Draft, check_draft, compose, id_of, new_id
from .numbering import Numbering
from .own_marks import ACKNOWLEDGED, READ, OwnMarks, announce
from .sending import answer_to, guarded_draft
from .snapshot import Change, Receipt, Snapshot
from .verdicts import TRUE, Judge


@dataclass(frozen=True)
class Response:
    """What is done about one message.

    :param draft: the answer; its subject is made from the original's. None when only marks are set.
    """

    message_id: str
    draft: Draft | None = None
    acknowledge: bool = False
    mark_read: bool = True


def respond(host: Host, responses: Sequence[Response]) -> Receipt:
    """Answer, acknowledge and mark messages, all in one commit.

    A message that this server has answered before is not answered again. Machines write these answers, so what looks
    like a secret is redacted, and what is too long is cut. They are no sign of life of this server's manager.

    :return: a receipt whose result is the list of answers that were sent.
    :raises UnknownMessage: when one of the messages is not known; nothing is done then.
    :raises InvalidInput: when an answer cannot be sent.
    """
    ready = [replace(one, draft=_ready(host, one.draft) if one.draft else None) for one in responses]
    if len({one.message_id for one in ready}) < len(ready):
        raise InvalidInput("A message is named twice.", "Give one response for each message.")
    now = host.clock()
    new_ids = [new_id(now) for _response in ready]
    numbering = Numbering(host)

    def function(snapshot: Snapshot) -> Change:
        mailbox = read_mailbox(snapshot)
        answered = answered_ids(host, snapshot, {one.message_id for one in ready if one.draft})
        new = []
        for response, answer_id in zip(ready, new_ids):
            if response.draft and response.message_id not in answered:
                original = find_addressed(host, snapshot, mailbox, response.message_id)
                answer = answer_to(host, original, response.draft)
                new.append(compose(answer, answer_id, host.id, str(original.get("from")), now))
        return _change(host, mailbox, numbering.signed(snapshot, new), _marks(host, snapshot, mailbox, ready))

    with numbering.held():
        receipt = host.write(function)
        if receipt.commit:
            with host.after_write():
                numbering.record(receipt.result.entries)
    if not host.check_mode:
        with host.after_write():
            for mark, ids in ((READ, _read(ready)), (ACKNOWLEDGED, _acknowledged(ready))):
                if ids:
                    OwnMarks(host.state, host.id, mark).record(ids, receipt.result.mailbox, host.clock())
    return replace(receipt, result=receipt.result.entries)


def answered_ids(host: Host, snapshot: Snapshot, ids: Iterable[str]) -> set[str]:
    """Those of some messages that this server has answered, as its own signed answers say."""
    asked = {message_id for message_id in ids if message_id}
    pools = [read_mailbox(snapshot).entries, *(read_archives(snapshot, message_id) for message_id in asked)]
    own = [e for pool in pools for e in pool if e.get("from") == host.id and e.get("in_reply_to") in asked]
    verdicts = Judge(host).judge([(entry, host.id) for entry in own])
    return {str(entry["in_reply_to"]) for entry, verdict in zip(own, verdicts) if verdict.verified == TRUE}


def _ready(host: Host, draft: Draft) -> Draft:
    """An answer that can be sent: one that is too long, or empty, must not keep the others back."""
    body = draft.body if draft.body.strip() else "(no text)"
    if len(body) > MAX_BODY:
        body = f"{body[: MAX_BODY - 1]}…"
    facts = list(draft.facts)
    while len(json.dumps(facts)) > MAX_DATA * 3 // 4:
        facts = facts[: len(facts) // 2]
    if len(facts) < len(draft.facts):
        facts.append({"name": "facts left out", "value": len(draft.facts) - len(facts)})
    ready = guarded_draft(host, replace(draft, subject="Re:", body=body, facts=tuple(facts)), REDACT)
    check_draft(ready)
    return ready


def _read(responses: Iterable[Response]) -> list[str]:
    return [one.message_id for one in responses if one.mark_read]


def _acknowledged(responses: Iterable[Response]) -> list[str]:
    return [one.message_id for one in responses if one.acknowledge]


def _marks(
    host: Host, snapshot: Snapshot, mailbox: EntryList, responses: Sequence[Response]
) -> dict[int, dict[str, Any]]:
    marks = read_marks(host, snapshot, mailbox, _read(responses))
    for index, mark in acknowledge_marks(host, snapshot, mailbox, _acknowledged(responses)).items():
        marks[index] = {**marks.get(index, {}), **mark}
    return marks


def _change(host: Host, mailbox: EntryList, new: list[dict[str, Any]], marks: dict[int, dict[str, Any]]) -> Change:
    if marks and not host.check_mode:
        announce(host.state, [id_of(mailbox.entries[index]) for index in marks])
    files = {MESSAGES: mailbox.splice(marks, new)} if new or marks else {}
    answers = "1 answer" if len(new) == 1 else f"{len(new)} answers"
    summary = f"{host.id}: {answers}, {len(marks)} marked"
    return Change(Mail(new, mailbox.entries), files, summary, tuple(entry["id"] for entry in new))
