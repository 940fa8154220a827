# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a message.

While the heartbeat service runs, a wait does not use the network: the service looks at the remote more often, and
replaces the record of the unread mail after each change. Without the service, a wait looks at the remote itself.
"""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import replace
from functools import partial
from typing import Any, Callable

from ..delivery.deliver import deliver_waiting
from ..delivery.outbox import Outbox
from ..errors import NoAnswer, RemoteUnreachable, StateUnusable
from ..identity.host import Host
from ..mail.answers import Answers
from ..mail.inbox import inbox_version
from ..mail.mailbox import find_sent, note_activity, read_archives, read_mailbox, recipients_of
from ..mail.message import Message
from ..mail.shown_ledger import record_shown, shown_ids
from ..mail.waiting import service_runs, waiting
from ..store.snapshot import Snapshot
from ..text import one_line
from .listing import Filter, Listing, list_at, matches, shown
from .polling import wait_until

Look = Callable[[Snapshot], Listing]

LOOK_EVERY = 5
"""Seconds between two looks at the remote by a wait without the service."""
JITTER = 0.2
"""The fraction by which this time is randomly shorter or longer, so that servers do not look at once."""
CHECK_EVERY = 0.25
"""Seconds between two checks whether the service has news."""
FRESH = 60
"""Seconds since the last answer of the remote after which a wait that found nothing looks at the remote itself."""
MAX_NEWS = 20
"""The maximum number of messages that one wait returns."""


def wait_for_answer(host: Host, message_id: str, timeout: float, interval: float) -> Listing:
    """Wait for the reply to a message of this server, or its acknowledgement.

    :param timeout: the maximum wait in seconds.
    :param interval: the time between two fetches in seconds, without the service.
    :raises UnknownMessage: if this server has sent no such message.
    :raises NoAnswer: if there is no answer within the timeout.
    :raises RemoteUnreachable: if the remote could not be read at the end of the timeout.
    """

    def answered(snapshot: Snapshot) -> Listing:
        found = _answers(host, snapshot, message_id, Filter()) or _acknowledged(host, snapshot, message_id)
        return replace(list_at(host, snapshot, Filter()), messages=found)

    return _wait(host, answered, f"answer to {message_id}", timeout, interval)


def wait_for_message(host: Host, chosen: Filter, timeout: float, interval: float) -> Listing:
    """Wait for a message that a filter selects, as :func:`wait_for_answer`."""
    return _wait(host, lambda snapshot: list_at(host, snapshot, chosen), "such message", timeout, interval)


def wait_for_news(host: Host, chosen: Filter, reply_to: str | None, timeout: float) -> Listing:
    """Wait for messages that the manager was not shown before, and record that they are shown.

    Messages that are shown elsewhere during the wait count as new, so that all waits for a message end.

    :param chosen: the filter of the messages.
    :param reply_to: a message of this server; only answers to it count, read or not. None for any unread message.
    :param timeout: the maximum wait in seconds.
    :return: at most ``MAX_NEWS`` messages.
    :raises CoordinationError: as :func:`wait_for_answer`, and if a sender of the filter is not a server of the fleet.
    """
    for sender in chosen.senders:
        host.fleet.check_recipient(sender)
    seen = shown_ids(host.state)
    before: set[str] = set()

    def news(snapshot: Snapshot) -> Listing:
        listing = list_at(host, snapshot, replace(chosen, unread=True))
        found = listing.messages
        if reply_to is not None:
            found = _answers(host, snapshot, reply_to, chosen)
        before.update(one["id"] for one in found if one["id"] in seen)
        new = [one for one in found if one["id"] and one["id"] not in seen]
        return replace(listing, messages=new[:MAX_NEWS])

    what = "new message" if reply_to is None else f"new answer to {reply_to}"
    try:
        found = _wait(host, news, what, timeout, LOOK_EVERY)
    except NoAnswer as error:
        if reply_to is not None and before:
            error.add_detail(f"These answers were shown before: {', '.join(map(one_line, sorted(before)))}.")
        raise
    try:
        record_shown(host.state, [message["id"] for message in found.messages])
    except StateUnusable as error:
        host.repository.notes.append(f"The next wait returns these messages again: {error}")
    return found


def _wait(host: Host, look: Look, what: str, timeout: float, interval: float) -> Listing:
    looks = _Looks(host, look, interval)
    with contextlib.nullcontext() if host.check_mode else waiting(host.state):
        found = wait_until(looks.next, timeout, CHECK_EVERY)
    if found:
        note_activity(host)
        return found
    if looks.failure:
        raise RemoteUnreachable(
            f"Whether the {what} came is not known: {looks.failure}", "Wait again when the remote is back."
        )
    raise NoAnswer(
        f"No {what} came within {timeout:.0f} s.",
        "See with build_heartbeat_fact or 'builderctl health' whether the other server is alive, and wait again.",
    )


class _Looks:
    """The looks of a wait: at what the service has fetched after it had news; without it, at the remote.

    :param interval: seconds between two looks at the remote.

    ``failure`` says why the last look did not reach the remote; it is empty if it did.
    """

    def __init__(self, host: Host, look: Look, interval: float) -> None:
        self.failure = ""
        self._host = host
        self._look = look
        self._interval = interval
        self._next = time.monotonic()
        self._version: tuple[int, ...] | None = ()

    def next(self, last: bool) -> Listing | None:
        """Look if that is due, and return what was found; None if there are no messages.

        :param last: whether this is the last look of the wait, which is always due.
        """
        found = self._look_if_due(last)
        return found if found and found.messages else None

    def _look_if_due(self, last: bool) -> Listing | None:
        if not service_runs(self._host.state):
            return self._read() if last or time.monotonic() >= self._next else None
        version = inbox_version(self._host.state)
        if version == self._version and not last:
            return None
        self._version = version
        found = self._try(self._host.repository.look)
        is_certain = found and (found.messages or found.age <= FRESH)
        return found if is_certain or not last else self._read()

    def _read(self) -> Listing | None:
        """Look at the remote, and deliver the outbox."""
        self._next = time.monotonic() + self._interval * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 (no secret)
        found = self._try(partial(self._host.repository.read, ahead=True))
        if found:
            self.failure = self._host.repository.away
            deliver_waiting(self._host)
        return found

    def _try(self, read: Callable[[Look], Listing]) -> Listing | None:
        """Read, and return what was found; None if the remote was needed and not reached.

        The result of a wait says whether the remote was reached; each look need not note it.
        """
        repository = self._host.repository
        self.failure = ""
        try:
            return read(self._look)
        except RemoteUnreachable as error:
            self.failure = error.what
            return None
        finally:
            repository.notes[:] = [note for note in repository.notes if note != repository.away]


def _answers(host: Host, snapshot: Snapshot, message_id: str, chosen: Filter) -> list[dict[str, Any]]:
    """Return the answers to a message of this server that a filter selects, as :func:`.shown` does."""
    asked, archived, mailbox = _asked(host, snapshot, message_id)
    answers = Answers(host, snapshot, [asked], [*archived, *mailbox]).to(asked)
    mine = [entry for entry in answers if entry.is_for(host.id, host.fleet) and matches(host, entry, chosen)]
    return shown(host, mine, archived, context=[asked])


def _acknowledged(host: Host, snapshot: Snapshot, message_id: str) -> list[dict[str, Any]]:
    """Return a message of this server if a recipient has acknowledged it, unless the operator must answer it."""
    asked, archived, _mailbox = _asked(host, snapshot, message_id)
    if asked.needs:
        return []
    by = set(map(host.fleet.server_of, asked.acknowledged_by))
    return shown(host, [asked], archived) if recipients_of(host, snapshot, asked) & by else []


def _asked(host: Host, snapshot: Snapshot, message_id: str) -> tuple[Message, list[Message], list[Message]]:
    """Return a message of this server, the archived messages that may answer it, and the mailbox.

    :raises UnknownMessage: if this server has sent no such message.
    """
    archived, mailbox = list(read_archives(snapshot, message_id)), read_mailbox(snapshot).messages
    waiting_here = [entry for item in Outbox(host.state).read().items for entry in item.messages]
    return find_sent(host, [*mailbox, *waiting_here, *archived], message_id), archived, mailbox
