# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

from ..delivery.deliver import deliver_waiting
from ..delivery.outbox import Outbox
from ..errors import InvalidInput, UnknownMessage
from ..identity.host import Host
from ..identity.signatures import UNSIGNED_KEYS
from ..mail.actionable import assess
from ..mail.audit import recent_alarms
from ..mail.mailbox import SEE_IDS, note_activity, read_all_archives, read_archives, read_mailbox
from ..mail.message import Message
from ..mail.operator_questions import OperatorQuestions, open_questions
from ..mail.pages import MODULE, Page, add_page
from ..mail.read_ledger import own_ledger
from ..mail.shown_ledger import record_shown
from ..store.snapshot import Snapshot
from ..text import clean
from ..timestamps import parse_time


@dataclass(frozen=True)
class Filter:
    """The filters of a listing.

    :param unread: whether to list unread messages only; None lists all messages if ``thread``, ``ids`` or
        ``archived`` is given.
    :param undeliverable: whether to list messages to no server of the fleet instead of those to this server.
    :param needs: ``operator`` to list the questions that he has not answered, read or not, instead of those to this
        server.
    :param since: a time, or the id of a message: only later messages are listed.
    :param text: a text in the subject or the body, in lower or upper case.
    :param archived: whether to list archived messages to this server too, read or not.
    :param newest: whether to list the newest messages first instead of the most urgent ones.
    :param existing: whether an id or a thread that does not exist is an error.
    :param limit: the maximum number of messages; the first ones are listed.
    :param select: filters the list of messages, for example with a JMESPath expression.
    """

    unread: bool | None = None
    undeliverable: bool = False
    needs: str | None = None
    types: Sequence[str] = ()
    senders: Sequence[str] = ()
    thread: str | None = None
    since: str | None = None
    text: str = ""
    archived: bool = False
    newest: bool = False
    existing: bool = False
    limit: int | None = None
    ids: Sequence[str] = ()
    select: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] | None = None

    @property
    def conversation(self) -> bool:
        """Whether a thread or ids are given. Archived and own messages are listed then."""
        return bool(self.thread or self.ids)


@dataclass(frozen=True)
class Listing:
    """Messages, the most urgent first, those of a thread in their order.

    ``unread_count`` is the number of all unread messages of this server, ``undeliverable_count`` that of unread
    messages to no server of the fleet. ``age`` is the number of seconds since the last answer of the remote.
    """

    messages: list[dict[str, Any]]
    unread_count: int
    undeliverable_count: int
    commit: str | None
    age: float

    def data(self) -> dict[str, Any]:
        """Return the listing for programs, as the command and the module print it."""
        return {
            "messages": self.messages,
            "unread_count": self.unread_count,
            "undeliverable_count": self.undeliverable_count,
            "remote_age_seconds": round(self.age),
            "commit": self.commit,
        }


def list_messages(host: Host, chosen: Filter) -> Listing:
    """List messages, and record them as a page of the module, as :func:`record_page`.

    :raises CoordinationError: as :func:`find_messages`.
    """
    listing = find_messages(host, chosen)
    if not host.check_mode:
        record_page(host, MODULE, listing.messages)
    return listing


def find_messages(host: Host, chosen: Filter) -> Listing:
    """List messages, without a record of it.

    The alarms of the last audits are added to the notes.

    :raises InvalidInput: if ``since`` is neither a time nor the id of a message.
    :raises UnknownMessage: if ``existing`` is set, and ``ids`` or ``thread`` name a message that does not exist.
    :raises DocumentDamaged: if the mailbox cannot be parsed.
    :raises RemoteError: if the remote rejects the fetch, or was never reached.
    """
    listing = host.repository.read(lambda snapshot: list_at(host, snapshot, chosen), ahead=True)
    if any(message["queued"] for message in listing.messages) and not host.repository.away:
        deliver_waiting(host)
        listing = host.repository.look(lambda snapshot: list_at(host, snapshot, chosen))
    host.repository.notes += recent_alarms(host)
    return listing


def record_page(host: Host, reader: str, messages: Sequence[dict[str, Any]]) -> Page:
    """Record that messages are shown to a reader.

    :param reader: the name of the reader; see :mod:`.pages`.
    :param messages: the messages of a listing that are shown.
    :raises StateUnusable: if the record cannot be written.
    """
    to_mark = [
        one for one in messages if one["id"] and (one["undeliverable"] or Message(one).is_for(host.id, host.fleet))
    ]
    last = str(messages[-1]["id"]) if messages else ""
    page = add_page(host.state, reader, dict.fromkeys(one["id"] for one in to_mark), last, host.clock())
    record_shown(host.state, [one["id"] for one in to_mark if not one["read"]])
    note_activity(host)
    return page


def list_at(host: Host, snapshot: Snapshot, chosen: Filter) -> Listing:
    """List messages of a snapshot, as :func:`list_messages`, without a record of it."""
    entries = read_mailbox(snapshot).messages
    ledger = own_ledger(host)
    unread = [entry for entry in entries if entry.is_for(host.id, host.fleet) and not ledger.has(entry)]
    undeliverable = [entry for entry in entries if entry.is_undeliverable(host.fleet)]
    waiting = _waiting(host) if chosen.conversation else []
    if chosen.thread:
        chosen = replace(chosen, thread=_thread_named(snapshot, chosen, [*entries, *waiting]))
    selective = chosen.conversation or chosen.archived
    unread_only = not selective if chosen.unread is None else chosen.unread
    archived = [] if unread_only or not selective else _archived(snapshot, chosen, entries)
    if chosen.existing and not unread_only:
        _check_ids(chosen.ids, [*archived, *entries, *waiting])
    if chosen.needs:
        pool = open_questions(entries, host)
    elif chosen.undeliverable:
        all_undeliverable = [entry for entry in entries if not entry.has_recipient(host.fleet)]
        pool = undeliverable if unread_only else all_undeliverable
    elif unread_only:
        pool = unread
    else:
        everything = [*archived, *entries]
        pool = [entry for entry in everything if chosen.conversation or entry.is_for(host.id, host.fleet)]
    pool = [entry for entry in _after(snapshot, pool, entries, chosen.since) if _is_selected(entry, chosen)]
    listed = {entry.id for entry in pool}
    queued = [] if unread_only else [one for one in waiting if _is_selected(one, chosen) and one.id not in listed]
    selected = [entry for entry in (*pool, *queued) if matches(host, entry, chosen)]
    if chosen.newest:
        selected.reverse()
    elif not chosen.thread:
        selected.sort(key=lambda entry: entry.urgency)
    found = shown(host, selected, archived, queued, [*archived, *entries, *waiting])
    if chosen.select:
        found = chosen.select(found)
    return Listing(found[: chosen.limit], len(unread), len(undeliverable), snapshot.commit, snapshot.age)


def shown(
    host: Host,
    entries: Iterable[Message],
    archived: Sequence[Message] = (),
    queued: Sequence[Message] = (),
    context: Iterable[Message] = (),
) -> list[dict[str, Any]]:
    """Return messages as listings show them, for output.

    ``read`` is whether this server has read a message; for its own messages, whether all recipients have.

    :param archived: those of the messages that are from an archive.
    :param queued: those of the messages that are in the outbox.
    :param context: the messages among which to search for the questions to the operator that the messages answer.
    """
    ledger = own_ledger(host, archived=archived)
    questions = OperatorQuestions(host, context)
    waiting = set(map(id, queued))
    found = list(entries)
    messages = []
    for entry, assessment in zip(found, assess(host, found, archived)):
        to_me = entry.is_for(host.id, host.fleet)
        is_undelivered = not entry.has_recipient(host.fleet)
        read = (
            ledger.has(entry)
            if to_me
            else entry.is_read_by_any_server()
            if is_undelivered
            else entry.raw.get("read") is True
        )
        marked_by_other = to_me and ledger.marked_by_other(entry)
        marks = {"read": read, "marked_by_other": marked_by_other, "undeliverable": is_undelivered}
        extra = {"other": entry.other, "queued": id(entry) in waiting}
        extra["not_operators"] = questions.has_other_answer(entry, assessment.verified)
        messages.append({**entry.as_dict(), **_addresses(host, entry), **marks, **extra, **assessment._asdict()})
    return messages


def _addresses(host: Host, entry: Message) -> dict[str, str]:
    """Return the ids of the sender and the recipients of a message.

    Unknown names are returned as they are in the message.
    """
    meant = entry.recipients(host.fleet)
    to = {"to": ", ".join(sorted(meant))} if entry.has_recipient(host.fleet) else {}
    return {"from": clean(entry.sender_in(host.fleet)), **to}


def _waiting(host: Host) -> list[Message]:
    """Return the messages in the outbox."""
    return [entry for item in Outbox(host.state).read().items for entry in item.messages]


def _thread_named(snapshot: Snapshot, chosen: Filter, entries: Iterable[Message]) -> str:
    """Return the id of the thread that has the id of a filter, or has a message with it.

    :raises UnknownMessage: if there is none, and the filter requires it.
    """
    name = str(chosen.thread)
    known = [*read_archives(snapshot, name), *entries]
    if any(entry.thread == name for entry in known):
        return name
    for entry in known:
        if entry.id == name:
            return entry.thread
    if chosen.existing:
        raise UnknownMessage(f"There is no thread, and no message, {name!r}.", SEE_IDS)
    return name


def _check_ids(ids: Iterable[str], entries: Iterable[Message]) -> None:
    known = {entry.id for entry in entries}
    for name in ids:
        if name not in known:
            raise UnknownMessage(f"There is no message {name!r}.", SEE_IDS)


def _archived(snapshot: Snapshot, chosen: Filter, mailbox: Iterable[Message]) -> list[Message]:
    """Return the selected archived messages, except copies of others."""
    found: dict[str, Message] = {}
    names = [chosen.thread, *chosen.ids] if chosen.thread else chosen.ids
    for entry in read_archives(snapshot, *names) if chosen.conversation else read_all_archives(snapshot):
        if _is_selected(entry, chosen):
            found.setdefault(_signed_content(entry), entry)
    in_mailbox = {_signed_content(entry) for entry in mailbox if _is_selected(entry, chosen)}
    return [entry for content, entry in found.items() if content not in in_mailbox]


def _signed_content(entry: Message) -> str:
    """Return the content of a message without its marks, to detect copies."""
    return json.dumps({name: value for name, value in entry.raw.items() if name not in UNSIGNED_KEYS}, sort_keys=True)


def _is_selected(entry: Message, chosen: Filter) -> bool:
    in_thread = not chosen.thread or chosen.thread in (entry.thread, entry.id)
    return in_thread and (not chosen.ids or entry.id in chosen.ids)


def matches(host: Host, entry: Message, chosen: Filter) -> bool:
    """Return whether a message has the type, the sender and the text of a filter."""
    text = f"{entry.subject}\n{entry.body}".casefold()
    return (
        (not chosen.types or entry.type in chosen.types)
        and (not chosen.senders or clean(entry.sender_in(host.fleet)) in map(host.fleet.server_of, chosen.senders))
        and chosen.text.casefold() in text
    )


def _after(snapshot: Snapshot, pool: list[Message], entries: list[Message], since: str | None) -> list[Message]:
    if since is None:
        return pool
    moment = parse_time(since)
    if moment is not None:
        times = ((entry, entry.sent_at) for entry in pool)
        return [entry for entry, sent in times if sent is None or sent > moment]
    positions = [index for index, entry in enumerate(entries) if entry.id == since]
    if not positions and since not in [entry.id for entry in read_archives(snapshot, since)]:
        raise InvalidInput(
            f"{since!r} is neither a time nor the id of a message.", "Write a time as 2026-11-22T07:11:46Z."
        )
    later = {id(entry) for entry in entries[positions[-1] + 1 if positions else 0 :]}
    return [entry for entry in pool if id(entry) in later]
