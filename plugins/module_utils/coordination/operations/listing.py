# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listing messages, and waiting for one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

from ..delivery.deliver import deliver_waiting
from ..delivery.outbox import Outbox
from ..errors import InvalidInput, NoAnswer
from ..identity.host import Host
from ..identity.signatures import UNSIGNED_KEYS
from ..mail.actionable import standings
from ..mail.answers import Answers
from ..mail.audit import recent_alarms
from ..mail.lenient_fields import not_understood
from ..mail.mailbox import find_sent, note_activity, read_archives, read_mailbox, recipients_of
from ..mail.message import id_of, is_for, is_read_by_anybody, is_undeliverable, normalise, thread_of, urgency
from ..mail.read_ledger import own_marks
from ..store.snapshot import Snapshot
from ..text import clean
from ..timestamps import parse_time

LISTED_FILE = "listed.json"


@dataclass(frozen=True)
class Filter:
    """What a listing shows. ``unread`` None means: unread ones, or all when ``thread`` or ``ids`` is given.

    :param undeliverable: whether to show those that no server is a recipient of, in place of this server's.
    :param since: a time, or the id of a message: what is later, or stands behind it.
    :param limit: how many at most, the most urgent ones.
    :param select: narrows the list of messages down, for example with a JMESPath expression.
    """

    unread: bool | None = None
    undeliverable: bool = False
    types: Sequence[str] = ()
    senders: Sequence[str] = ()
    thread: str | None = None
    since: str | None = None
    limit: int | None = None
    ids: Sequence[str] = ()
    select: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] | None = None

    @property
    def conversation(self) -> bool:
        """Whether messages are asked for by name: then this server's own and archived ones are shown too."""
        return bool(self.thread or self.ids)


@dataclass(frozen=True)
class Listing:
    """Messages, the most urgent first (a thread in its order).

    ``unread_count`` counts all unread messages of this server, ``undeliverable_count`` those that no server is a
    recipient of and nobody has read, ``age`` is that of what was read, in seconds.
    """

    messages: list[dict[str, Any]]
    unread_count: int
    undeliverable_count: int
    commit: str | None
    age: float


def list_messages(host: Host, chosen: Filter) -> Listing:
    """List the messages of this server and remember which, for marking them read without naming them.

    What was done to the messages of late, and found by a look at the health, is noted.

    :raises InvalidInput: when ``since`` is neither a time nor the id of a message.
    :raises DocumentDamaged: when the mailbox cannot be read.
    """
    listing = host.repository.read(lambda snapshot: _list(host, snapshot, chosen), ahead=True)
    if any(message["queued"] for message in listing.messages) and not host.repository.away:
        deliver_waiting(host)
        listing = host.repository.look(lambda snapshot: _list(host, snapshot, chosen))
    host.repository.notes += recent_alarms(host)
    if not host.check_mode:
        shown_here = [one for one in listing.messages if one["undeliverable"] or is_for(one, host.id, host.fleet)]
        ids = [message["id"] for message in shown_here if message["id"]]
        host.state.write_json(LISTED_FILE, {"ids": ids})
        note_activity(host)
    return listing


def last_listed(host: Host) -> list[str]:
    """The ids that were listed last on this server.

    :raises InvalidInput: when nothing was.
    """
    ids = host.state.read(LISTED_FILE, lambda record: [str(message_id) for message_id in record["ids"]])
    if ids is None:
        raise InvalidInput(
            "Nothing was listed on this server yet.", "List the messages first ('builderctl read'), or give their ids."
        )
    return ids


def wait_for_answer(host: Host, message_id: str, timeout: float, interval: float) -> Listing:
    """Wait for the reply to a message of this server, or its acknowledgement.

    :param timeout: seconds to wait.
    :param interval: seconds between two looks.
    :raises UnknownMessage: when this server has sent no such message.
    :raises NoAnswer: when the time is over.
    """

    def answered(snapshot: Snapshot) -> Listing:
        found = _answers(host, snapshot, message_id)
        return replace(_list(host, snapshot, Filter()), messages=found)

    return _wait(host, answered, f"answer to {message_id}", timeout, interval)


def wait_for_message(host: Host, chosen: Filter, timeout: float, interval: float) -> Listing:
    """Wait for a message that a filter selects, as :func:`wait_for_answer`."""
    return _wait(host, lambda snapshot: _list(host, snapshot, chosen), "such message", timeout, interval)


def _wait(host: Host, look: Callable[[Snapshot], Listing], what: str, timeout: float, interval: float) -> Listing:
    deadline = time.monotonic() + timeout
    while True:
        found = host.repository.read(look)
        deliver_waiting(host)
        if found.messages:
            note_activity(host)
            return found
        left = deadline - time.monotonic()
        if left <= 0:
            raise NoAnswer(
                f"No {what} came within {timeout:.0f} s.",
                "See with build_heartbeat_fact whether the other server is alive, and wait again.",
            )
        time.sleep(min(interval, left))


def _list(host: Host, snapshot: Snapshot, chosen: Filter) -> Listing:
    entries = read_mailbox(snapshot).entries
    ledger = own_marks(host)
    unread = [entry for entry in entries if is_for(entry, host.id, host.fleet) and not ledger.has(entry)]
    undeliverable = [entry for entry in entries if is_undeliverable(entry, host.fleet)]
    unread_only = not chosen.conversation if chosen.unread is None else chosen.unread
    archived = [] if unread_only or not chosen.conversation else _archived(snapshot, chosen, entries)
    if chosen.undeliverable:
        nobodys = [entry for entry in entries if not host.fleet.has_recipient(entry.get("to"))]
        pool = undeliverable if unread_only else nobodys
    elif unread_only:
        pool = unread
    elif chosen.conversation:
        pool = [*archived, *entries]
    else:
        pool = [entry for entry in entries if is_for(entry, host.id, host.fleet)]
    pool = [entry for entry in _after(snapshot, pool, entries, chosen.since) if _is_meant(entry, chosen)]
    queued = _queued(host, chosen, pool) if chosen.conversation and not unread_only else []
    found = [message for message in shown(host, [*pool, *queued], archived, queued) if _matches(host, message, chosen)]
    if not chosen.thread:
        found.sort(key=urgency)
    if chosen.select:
        found = chosen.select(found)
    return Listing(found[: chosen.limit], len(unread), len(undeliverable), snapshot.commit, snapshot.age)


def shown(
    host: Host,
    entries: Iterable[dict[str, Any]],
    archived: Sequence[dict[str, Any]] = (),
    queued: Sequence[dict[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Entries as a listing shows them: ``read`` says whether this server has read one, for its own whether all have.

    :param archived: those of them that are from an archive.
    :param queued: those of them that wait in the outbox.
    """
    ledger = own_marks(host, archived=archived)
    waiting = set(map(id, queued))
    found = list(entries)
    messages = []
    for entry, standing in zip(found, standings(host, found, archived)):
        to_me = is_for(entry, host.id, host.fleet)
        nobodys = not host.fleet.has_recipient(entry.get("to"))
        read = ledger.has(entry) if to_me else is_read_by_anybody(entry) if nobodys else entry.get("read") is True
        marked_by_other = to_me and ledger.marked_by_other(entry)
        marks = {"read": read, "marked_by_other": marked_by_other, "undeliverable": nobodys}
        odd = {"other": not_understood(entry), "queued": id(entry) in waiting}
        messages.append({**normalise(entry), **_who(host, entry), **marks, **odd, **standing._asdict()})
    return messages


def _who(host: Host, entry: dict[str, Any]) -> dict[str, str]:
    """The sender and the recipients of an entry by their ids, as far as these are known; the rest as it was written."""
    meant = host.fleet.recipients(entry.get("to"))
    to = {"to": ", ".join(sorted(meant))} if host.fleet.has_recipient(entry.get("to")) else {}
    return {"from": clean(host.fleet.server_of(entry.get("from"))), **to}


def _queued(host: Host, chosen: Filter, there: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages of this server that are meant and wait in the outbox."""
    known = set(map(id_of, there))
    waiting = [entry for item in Outbox(host.state).read().items for entry in item.messages]
    return [entry for entry in waiting if _is_meant(entry, chosen) and id_of(entry) not in known]


def _archived(snapshot: Snapshot, chosen: Filter, mailbox: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The archived messages that are meant, each once, and none that is in the mailbox too."""
    found: dict[str, dict[str, Any]] = {}
    for entry in read_archives(snapshot, *filter(None, [chosen.thread, *chosen.ids])):
        if _is_meant(entry, chosen):
            found.setdefault(_said(entry), entry)
    there = {_said(entry) for entry in mailbox if _is_meant(entry, chosen)}
    return [entry for said, entry in found.items() if said not in there]


def _said(entry: dict[str, Any]) -> str:
    """What an entry says, without its marks, by which a copy of it is known."""
    return json.dumps({name: value for name, value in entry.items() if name not in UNSIGNED_KEYS}, sort_keys=True)


def _is_meant(entry: dict[str, Any], chosen: Filter) -> bool:
    in_thread = not chosen.thread or chosen.thread in (thread_of(entry), id_of(entry))
    return in_thread and (not chosen.ids or id_of(entry) in chosen.ids)


def _matches(host: Host, message: dict[str, Any], chosen: Filter) -> bool:
    of_type = not chosen.types or message["type"] in chosen.types
    return of_type and (not chosen.senders or message["from"] in map(host.fleet.server_of, chosen.senders))


def _after(
    snapshot: Snapshot, pool: list[dict[str, Any]], entries: list[dict[str, Any]], since: str | None
) -> list[dict[str, Any]]:
    if since is None:
        return pool
    moment = parse_time(since)
    if moment is not None:
        times = ((entry, parse_time(entry.get("timestamp"))) for entry in pool)
        return [entry for entry, sent in times if sent is None or sent > moment]
    positions = [index for index, entry in enumerate(entries) if id_of(entry) == since]
    if not positions and since not in map(id_of, read_archives(snapshot, since)):
        raise InvalidInput(
            f"{since!r} is neither a time nor the id of a message.", "Write a time as 2026-11-22T07:11:46Z."
        )
    later = {id(entry) for entry in entries[positions[-1] + 1 if positions else 0 :]}
    return [entry for entry in pool if id(entry) in later]


def _answers(host: Host, snapshot: Snapshot, message_id: str) -> list[dict[str, Any]]:
    archived, mailbox = read_archives(snapshot, message_id), read_mailbox(snapshot).entries
    waiting = [entry for item in Outbox(host.state).read().items for entry in item.messages]
    asked = find_sent(host, [*mailbox, *waiting, *archived], message_id)
    entries = [*archived, *mailbox]
    found = [
        entry for entry in Answers(host, snapshot, [asked], entries).to(asked) if is_for(entry, host.id, host.fleet)
    ]
    if not found and recipients_of(host, snapshot, asked) & set(
        map(host.fleet.server_of, normalise(asked)["acknowledged_by"])
    ):
        found = [asked]
    return shown(host, found, archived)
