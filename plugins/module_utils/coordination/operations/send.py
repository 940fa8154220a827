# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send messages and replies."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..delivery.deliver import QUEUE, new_item, submit
from ..delivery.outbox import Item
from ..delivery.writes import Messages, ReadMarks
from ..documents.secret_policy import REDACT, REFUSE, apply_secret_policy, own_token
from ..errors import DeadlineReached, InvalidInput, NeedsOperator, RemoteUnreachable
from ..identity.fleet import ALL, EVERYONE, OPERATOR, is_server_id
from ..identity.host import Host
from ..mail.draft import MAX_SUBJECT, Draft, check_draft, compose, new_id, reply_subject
from ..mail.idempotency import find_duplicates, series_key
from ..mail.loops import refuse_loop
from ..mail.mailbox import find_addressed, note_activity, read_mailbox
from ..mail.message import Message
from ..mail.read_ledger import own_ledger
from ..mail.sent_keys import SentKeys
from ..secrets.scanner import redact
from ..store.snapshot import Receipt, Snapshot


def send(
    host: Host,
    draft: Draft,
    recipients: Sequence[str] | None = None,
    secrets: str = REFUSE,
    offline: str = QUEUE,
    series: str | None = None,
) -> Receipt[list[Message]]:
    """Send a message to each recipient, in one commit.

    :param recipients: server ids, ``all``, or ``everyone`` for all and the operator; None for the partner of this
        server. A question to the operator is one message, with one recipient or ``all``, and is addressed to him too;
        None is the operator then.
    :param secrets: the policy for secrets, one of :data:`.secret_policy.POLICIES`.
    :param offline: as for :func:`.deliver.submit`.
    :param series: the name of a series, in place of a key: a message of it is sent only if its content differs from
        that of the last one.
    :return: a receipt whose result is the list of messages, one for each recipient.
    :raises InvalidInput: if the message or a recipient is not valid.
    :raises UnknownServer: if a recipient is not in the fleet.
    :raises KeyConflict: if the idempotency key was used for other content.
    :raises SecretFound: if a text contains a secret.
    :raises CoordinationError: as :func:`.deliver.submit`.
    """
    draft = draft if series is None else replace(draft, key=series)
    check_draft(draft)
    draft = apply_policy_to_draft(host, draft, secrets)
    check_draft(draft)
    names = _recipients(host, draft, recipients)
    now = host.clock()
    new = tuple(compose(draft, new_id(now), host.id, name, now) for name in names)
    if series is not None:
        key = series_key(host, series, new)
        new = tuple(Message({**entry.raw, "key": key}) for entry in new)
    item = new_item(host, f"{draft.type} to {', '.join(names)}: {draft.subject}", Messages(new))
    return _sent(host, item, offline)


def reply(
    host: Host,
    message_id: str,
    draft: Draft,
    secrets: str = REFUSE,
    offline: str = QUEUE,
    continue_thread: bool = False,
) -> Receipt[list[Message]]:
    """Answer a message in its thread and mark it as read, in one commit.

    :param draft: the answer; its subject is derived from that of the message.
    :param secrets: as for :func:`send`.
    :param offline: as for :func:`send`.
    :param continue_thread: whether to send an answer that continues a loop.
    :return: as :func:`send`.
    :raises UnknownMessage: if there is no such message to this server.
    :raises ThreadLoops: if the answer continues a loop.
    :raises SecretFound: if a text contains a secret.
    """
    check_draft(replace(draft, subject="Re:"))
    draft = apply_policy_to_draft(host, draft, secrets)
    original, mailbox = host.repository.look(lambda snapshot: _find(host, snapshot, message_id))
    answer = answer_to(host, original, draft)
    now = host.clock()
    to = original.sender_in(host.fleet)
    new = compose(answer, new_id(now), host.id, to, now)
    if not continue_thread:
        refuse_loop(host, mailbox, new)
    ledger = own_ledger(host)
    summary = f"{answer.type} to {to}: {answer.subject}"
    receipt = _sent(host, new_item(host, summary, Messages((new,)), ReadMarks((message_id,))), offline)
    if not host.check_mode and not receipt.commit:  # else it was recorded with the delivery
        with host.after_write():
            ledger.record([message_id], mailbox, host.clock())
    return receipt


def answer_to(host: Host, original: Message, draft: Draft) -> Draft:
    """Return an answer with the subject and the thread of the original message.

    :raises NeedsOperator: if only the operator may answer the message, and this is another member.
    :raises InvalidInput: if the answer is not valid.
    :raises UnknownServer: if the sender of the original is not in the fleet.
    """
    if original.needs and host.id != OPERATOR:
        sender = original.sender_in(host.fleet)
        write = f", or write to its sender: builderctl send --to {sender}" if is_server_id(sender) else "."
        raise NeedsOperator(
            f"Only the operator may answer {original.id}, and this is {host.id}.", f"Wait for his answer{write}"
        )
    subject = redact(str(original.raw.get("subject") or ""), own_token(host.repository.pat_file))[0]
    answer = replace(draft, subject=reply_subject(subject), in_reply_to=original.id, thread=original.thread)
    _check_recipient(host, original.sender_in(host.fleet))
    check_draft(answer)
    return answer


def apply_policy_to_draft(host: Host, draft: Draft, policy: str) -> Draft:
    """Apply a policy for secrets to a draft, as :func:`.apply_secret_policy`.

    :raises SecretFound: if a text contains a secret.
    """
    texts: dict[str, Any] = {"subject": draft.subject, "body": draft.body, "facts": list(draft.facts)}
    texts = {**texts, "request": draft.request, "key": draft.key}
    clean = apply_secret_policy(texts, host.repository.pat_file, host.repository.notes, policy)
    if len(clean["subject"]) > MAX_SUBJECT and policy == REDACT:
        clean["subject"] = clean["subject"][: MAX_SUBJECT - 1] + "…"
    return replace(draft, **{**clean, "facts": tuple(clean["facts"])})


def _default_recipient(host: Host) -> str:
    if host.fleet.expected:
        return host.fleet.default_recipient(host.id)
    return host.repository.look(lambda snapshot: host.fleet.default_recipient(host.id, host.seen_servers(snapshot)))


def _recipients(host: Host, draft: Draft, given: Sequence[str] | None) -> list[str]:
    """Return the recipients of a message, each of which gets a message of its own.

    :param given: as for :func:`send`.
    """
    if draft.needs and host.id == OPERATOR:
        raise InvalidInput("A question of the operator cannot need the operator.", "Omit --needs (a module: needs).")
    if given is None:
        given = [OPERATOR if draft.needs else _default_recipient(host)]
    names = _expanded(host, given)
    _check_recipients(host, names)
    if not draft.needs:
        return names
    host.fleet.check_recipient(OPERATOR)
    others = [name for name in names if name != OPERATOR]
    if len(others) > 1:
        raise InvalidInput(
            "A question to the operator would be sent several times.",
            "Give one recipient: operator, a server that sees it too, or 'all'.",
        )
    return others or [OPERATOR]


def _expanded(host: Host, given: Sequence[str]) -> list[str]:
    """Return recipients with ``everyone`` replaced by what it stands for."""
    everyone = [ALL, *([OPERATOR] if OPERATOR in host.fleet.members() and host.id != OPERATOR else [])]
    return list(dict.fromkeys(name for one in given for name in (everyone if one == EVERYONE else [one])))


def _check_recipients(host: Host, recipients: Sequence[str]) -> None:
    if not recipients:
        raise InvalidInput("The list of recipients is empty.", "Name one, or leave 'to' out for this server's partner.")
    if ALL in recipients and set(recipients) - {ALL, OPERATOR}:
        raise InvalidInput(
            "The recipients are 'all' and other servers.", "Give 'all' alone, which means all other servers."
        )
    for recipient in recipients:
        _check_recipient(host, recipient)


def _check_recipient(host: Host, recipient: str) -> None:
    if recipient == host.id:
        raise InvalidInput(f"{recipient} is this server.", "Name another recipient.")
    if recipient != ALL:
        host.fleet.check_recipient(recipient)


def _find(host: Host, snapshot: Snapshot, message_id: str) -> tuple[Message, list[Message]]:
    mailbox = read_mailbox(snapshot)
    return find_addressed(host, snapshot, mailbox, message_id), mailbox.messages


def _sent(host: Host, item: Item, offline: str) -> Receipt[list[Message]]:
    """Submit messages, unless this host knows that they were sent under their key."""
    earlier = _duplicates(host, item)
    if earlier:
        receipt = Receipt(earlier, None, 0)
    else:
        written = submit(host, item, offline)
        receipt = written.returning(list(written.result.messages[item.id]))
    if not host.check_mode:
        with host.after_write():
            if earlier:
                SentKeys(host.state, host.clock()).add({item.key: earlier})
            note_activity(host)
    return receipt


def _duplicates(host: Host, item: Item) -> list[Message]:
    """Return the messages that were sent under the key of an item."""
    if item.key:
        with contextlib.suppress(RemoteUnreachable, DeadlineReached):
            earlier = host.repository.look(
                lambda s: find_duplicates(host, s, read_mailbox(s), item.messages, archived=False)
            )
            return list(earlier)
    return []
