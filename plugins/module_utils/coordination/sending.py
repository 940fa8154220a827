# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending messages and replies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Callable

from .documents import EntryList
from .errors import InvalidInput, KeyConflict
from .fleet import ALL
from .guarding import REDACT, REFUSE, guarded, own_token
from .host import MESSAGES, Host
from .mailbox import Mail, find_addressed, note_activity, read_archives, read_mailbox
from .marking import read_marks
from .messages import MAX_SUBJECT, Draft, check_draft, compose, content, id_of, new_id, reply_subject, thread_of
from .numbering import Numbering
from .own_marks import OwnMarks, announce
from .secret_scan import redact
from .sent_keys import SentKeys
from .snapshot import Change, Receipt, Snapshot
from .verdicts import TRUE, Judge


def send(host: Host, draft: Draft, recipients: Sequence[str] | None = None, secrets: str = REFUSE) -> Receipt:
    """Send a message to each recipient, in one commit.

    :param recipients: server ids or ``all``; this server's partner when None.
    :param secrets: what is done with a text that looks like a secret, as :mod:`.guarding` says.
    :return: a receipt whose result is the list of entries, one for each recipient.
    :raises InvalidInput: when the message or a recipient cannot be used.
    :raises UnknownServer: when the fleet does not have a recipient.
    :raises KeyConflict: when the key was used with other content.
    :raises SecretFound: when a text holds a secret.
    """
    check_draft(draft)
    draft = guarded_draft(host, draft, secrets)
    check_draft(draft)
    if recipients is not None:
        _check_recipients(host, recipients)
    now = host.clock()
    ids = [new_id(now) for _recipient in recipients or [ALL]]

    numbering = Numbering(host)

    def function(snapshot: Snapshot) -> Change:
        names = list(dict.fromkeys(recipients or [host.fleet.default_recipient(host.id, host.seen_servers(snapshot))]))
        new = [compose(draft, message_id, host.id, name, now) for message_id, name in zip(ids, names)]
        return _add(host, snapshot, read_mailbox(snapshot), new, {}, numbering)

    return _sent(host, function, numbering, draft.key)


def reply(host: Host, message_id: str, draft: Draft, secrets: str = REFUSE) -> Receipt:
    """Answer a message to its sender, in its thread, and mark it read, in one commit.

    :param draft: the answer; its subject is made from the original's.
    :param secrets: as for :func:`send`.
    :return: as :func:`send`.
    :raises UnknownMessage: when there is no such message to this server.
    :raises SecretFound: when a text holds a secret.
    """
    check_draft(replace(draft, subject="Re:"))
    draft = guarded_draft(host, draft, secrets)
    now = host.clock()
    answer_id = new_id(now)
    numbering = Numbering(host)

    def function(snapshot: Snapshot) -> Change:
        mailbox = read_mailbox(snapshot)
        original = find_addressed(host, snapshot, mailbox, message_id)
        answer = answer_to(host, original, draft)
        marks = read_marks(host, snapshot, mailbox, [message_id])
        if marks and not host.check_mode:
            announce(host.state, [message_id])
        new = [compose(answer, answer_id, host.id, str(original.get("from")), now)]
        return _add(host, snapshot, mailbox, new, marks, numbering)

    return _sent(host, function, numbering, draft.key, [message_id])


def answer_to(host: Host, original: dict[str, Any], draft: Draft) -> Draft:
    """An answer with what it has from the message that it answers: its subject and its thread.

    :raises InvalidInput: when it cannot be sent.
    :raises UnknownServer: when the fleet does not have the sender of the original.
    """
    subject = redact(str(original.get("subject") or ""), own_token(host.repository.pat_file))[0]
    answer = replace(draft, subject=reply_subject(subject), in_reply_to=id_of(original), thread=thread_of(original))
    _check_recipient(host, str(original.get("from")))
    check_draft(answer)
    return answer


def guarded_draft(host: Host, draft: Draft, policy: str) -> Draft:
    """A draft as it may be published, as :func:`.guarding.guarded` says.

    :raises SecretFound: when a text holds a secret.
    """
    texts = {"subject": draft.subject, "body": draft.body, "facts": list(draft.facts)}
    clean = guarded(host, {**texts, "request": draft.request, "key": draft.key}, policy)
    if len(clean["subject"]) > MAX_SUBJECT and policy == REDACT:
        clean["subject"] = clean["subject"][: MAX_SUBJECT - 1] + "…"
    return replace(draft, **{**clean, "facts": tuple(clean["facts"])})


def _check_recipients(host: Host, recipients: Sequence[str]) -> None:
    if not recipients:
        raise InvalidInput("The list of recipients is empty.", "Name one, or leave 'to' out for this server's partner.")
    if ALL in recipients and set(recipients) != {ALL}:
        raise InvalidInput("'all' stands beside other recipients.", "Give 'all' alone: it means every other server.")
    for recipient in recipients:
        _check_recipient(host, recipient)


def _check_recipient(host: Host, recipient: str) -> None:
    if recipient == host.id:
        raise InvalidInput(f"{recipient} is this server.", "Name another recipient.")
    if recipient != ALL:
        host.fleet.check_recipient(recipient)


def _add(
    host: Host,
    snapshot: Snapshot,
    mailbox: EntryList,
    new: list[dict[str, Any]],
    marks: dict[int, dict[str, Any]],
    numbering: Numbering,
) -> Change:
    """The change that adds entries, unless they were added before under the same key or id."""
    earlier = _sent_before(host, snapshot, mailbox, new)
    added = [] if earlier else numbering.signed(snapshot, new)
    files = {MESSAGES: mailbox.splice(marks, added)} if added or marks else {}
    recipients = ", ".join(entry["to"] for entry in new)
    summary = f"{host.id}: {new[0]['type']} to {recipients}: {new[0]['subject']}"
    return Change(Mail(earlier or added, mailbox.entries), files, summary, tuple(entry["id"] for entry in added))


def _sent_before(host: Host, snapshot: Snapshot, mailbox: EntryList, new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries that are there already under the key, or the ids, of the new ones.

    Ids are looked for only where the remote was asked: before that, nothing of this write can be there.
    """
    key = new[0].get("key")
    earlier = _own(host, snapshot, mailbox, "key", key) if key else []
    if key and _contents(earlier) != _contents(new):
        earlier = SentKeys(host.state, host.clock()).get(key) or earlier
    if snapshot.fresh and not earlier:
        earlier = [found for entry in new for found in _own(host, snapshot, mailbox, "id", entry["id"])]
    if earlier and _contents(earlier) != _contents(new):
        used = f"the key {key!r}" if key else "the id"
        raise KeyConflict(
            f"{host.id} has used {used} for another message ({id_of(earlier[0])}).",
            "Use a new key for new content.",
        )
    return earlier


def _own(host: Host, snapshot: Snapshot, mailbox: EntryList, name: str, value: str) -> list[dict[str, Any]]:
    """This server's entries whose ``name`` is ``value``, from the mailbox and the archives.

    Where trust is set up, those that it has signed, or has a record of: others may write in its name.
    """
    entries = [*read_archives(snapshot, value), *mailbox.entries]
    own = [entry for entry in entries if entry.get(name) == value and entry.get("from") == host.id]
    if host.signers.repository:
        known = {id_of(entry) for entry in SentKeys(host.state, host.clock()).get(value)}
        verdicts = Judge(host).judge([(entry, host.id) for entry in own])
        own = [entry for entry, one in zip(own, verdicts) if one.verified == TRUE or id_of(entry) in known]
    return list({id_of(entry): entry for entry in own}.values())


def _sent(
    host: Host,
    function: Callable[[Snapshot], Change],
    numbering: Numbering,
    key: str | None,
    read: Sequence[str] = (),
) -> Receipt:
    ledger = OwnMarks(host.state, host.id)
    with numbering.held():
        receipt = host.write(function)
        if receipt.commit:
            with host.after_write():
                numbering.record(receipt.result.entries)
    entries = receipt.result.entries
    if not host.check_mode:
        with host.after_write():
            if key:
                SentKeys(host.state, host.clock()).add(key, entries)
            if read:
                ledger.record(read, receipt.result.mailbox, host.clock())
            note_activity(host)
    return replace(receipt, result=entries)


def _contents(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted((content(entry) for entry in entries), key=lambda same: str(same["to"]))
