# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a message at one of its recipients: this server, or another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

from ..identity.fleet import OPERATOR
from ..identity.host import Host
from ..mail.actionable import REMEMBERED, ActedLedger
from ..mail.inbox import read_inbox
from ..mail.message import Message
from ..mail.pages import first_page_with
from ..mail.read_ledger import ACKNOWLEDGED, READ, Mark, MarkLedger, own_ledger
from ..mail.shown_ledger import shown_ids
from ..store.file_history import Appearance
from ..text import short
from .finding import Finding, done, known, not_known, not_yet
from .heartbeat import ServerHeartbeat
from .mail_progress import Progress, read_progress
from .message_history import MessageHistory

STEPS_OF_RECIPIENT = ("seen", "shown", "read", "acted", "answered")
"""The steps of each recipient. If an acknowledgement is requested or given, ``acknowledged`` follows ``read``."""
LEDGER = "ledger of this host"


@dataclass(frozen=True)
class OnRemote:
    """A message that is on the remote.

    :param entry: the message.
    :param number: its number, 0 if its sender has not signed it.
    :param is_archived: whether it is in an archive.
    :param history: its commits.
    :param tip: the name of the commit that was read, for the source of what is not there.
    :param answers: the answers of its recipients.
    """

    entry: Message
    number: int
    is_archived: bool
    history: MessageHistory
    tip: str
    answers: Sequence[Message]


def recipient_findings(
    host: Host, message: OnRemote, server: str, heartbeat: ServerHeartbeat | None
) -> dict[str, Finding]:
    """Return what is known about each step of a recipient.

    :param server: the recipient.
    :param heartbeat: its newest heartbeat, None if it has none.
    """
    entry = message.entry
    at_server = _OwnSteps(host, message) if server == host.id else _RemoteSteps(host, message, server, heartbeat)
    wants_acknowledgement = entry.ack_required or ACKNOWLEDGED.is_marked(entry, server, host.fleet)
    steps: dict[str, Callable[[], Finding]] = {
        "seen": at_server.seen,
        "shown": at_server.shown,
        "read": lambda: at_server.marked(READ),
        **({"acknowledged": lambda: at_server.marked(ACKNOWLEDGED)} if wants_acknowledgement else {}),
        "acted": at_server.acted,
        "answered": lambda: _answered(host, message, server),
    }
    return {name: known(find) for name, find in steps.items()}


def by_commit(host: Host, message: OnRemote, found: Appearance | None) -> Finding:
    """Return the finding that a step was taken with a commit.

    :param found: the commit, None if it is not known.
    """
    if found is None:
        return done(message.tip, None)
    return done(commit_name(host, found.commit), found.at, found.is_oldest)


def commit_name(host: Host, commit: str) -> str:
    """Return the name of a commit of the branch as a source."""
    return f"commit {commit[:12]} on {host.repository.branch}"


def _marked_on_remote(host: Host, message: OnRemote, mark: Mark, server: str) -> Finding:
    if not mark.is_marked(message.entry, server, host.fleet):
        return not_yet(message.tip)
    return by_commit(host, message, message.history.marked(mark, server))


def _answered(host: Host, message: OnRemote, server: str) -> Finding:
    answers = [entry for entry in message.answers if entry.sender_in(host.fleet) == server]
    if not answers:
        return not_yet(message.tip)
    return done(f"message {short(answers[0].id)}", answers[0].sent_at)


class _OwnSteps:
    """The steps at this server, by its own files."""

    def __init__(self, host: Host, message: OnRemote) -> None:
        self._host = host
        self._message = message

    def seen(self) -> Finding:
        inbox, pushed = read_inbox(self._host.state), self._message.history.pushed
        if inbox is None or inbox.commit is None:
            return not_known("the service of this host has recorded nothing")
        if pushed is None:
            return not_known("this host does not know the commit of the message")
        source = "record of the service of this host"
        if self._host.repository.is_ancestor(pushed.commit, str(inbox.commit)):
            return done(source, inbox.looked_at, at_latest=True)
        return not_yet(source, inbox.looked_at)

    def shown(self) -> Finding:
        message_id = self._message.entry.id
        if message_id in shown_ids(self._host.state):
            page = first_page_with(self._host.state, message_id)
            return (
                done(f"page {page.handle} of this host", page.shown_at, at_latest=True) if page else done(LEDGER, None)
            )
        if self._ledger(READ).has(self._message.entry):
            return not_known("it was marked read, and this host has no record that it was shown")
        return not_yet(LEDGER)

    def marked(self, mark: Mark) -> Finding:
        ledger = self._ledger(mark)
        if not ledger.has(self._message.entry):
            return not_yet(LEDGER)
        time = ledger.marked_at(self._message.entry)
        return done(LEDGER, time) if time else _marked_on_remote(self._host, self._message, mark, self._host.id)

    def acted(self) -> Finding:
        entry, now = self._message.entry, self._host.clock()
        time = ActedLedger(self._host).acted_at(entry)
        if time:
            return done(LEDGER, time)
        if entry.sent_at is None or now - entry.sent_at > REMEMBERED:
            return not_known(f"this host records actions for {REMEMBERED.days} days")
        return not_yet(LEDGER)

    def _ledger(self, mark: Mark) -> MarkLedger:
        return own_ledger(self._host, mark, [self._message.entry] if self._message.is_archived else [])


class _RemoteSteps:
    """The steps at another server, by its heartbeat and the marks in the repository."""

    def __init__(self, host: Host, message: OnRemote, server: str, heartbeat: ServerHeartbeat | None) -> None:
        self._host = host
        self._message = message
        self._server = server
        self._heartbeat = heartbeat

    def seen(self) -> Finding:
        return self._by_heartbeat(lambda progress, sender, number: progress.has_seen(sender, number))

    def shown(self) -> Finding:
        def shown(progress: Progress, sender: str, number: int) -> bool | None:
            found = progress.has_shown(sender, number)
            is_read = READ.is_marked(self._message.entry, self._server, self._host.fleet)
            return None if found is False and (is_read or self._message.is_archived) else found

        return self._by_heartbeat(shown)

    def marked(self, mark: Mark) -> Finding:
        return _marked_on_remote(self._host, self._message, mark, self._server)

    def acted(self) -> Finding:
        return not_known(f"{self._server} publishes nothing about it")

    def _by_heartbeat(self, ask: Callable[[Progress, str, int], bool | None]) -> Finding:
        server, heartbeat = self._server, self._heartbeat
        if server == OPERATOR:
            return not_known("the operator publishes no heartbeat")
        if self._host.fleet.expected and server not in self._host.fleet.ids():
            return not_known(f"{server} is not a server of this fleet")
        if heartbeat is None:
            return not_known(f"{server} has no heartbeat")
        if not heartbeat.trusted:
            return not_known(f"the heartbeat of {server} is not trusted")
        if not self._message.number:
            return not_known("the message has no number that its sender has signed")
        progress = read_progress(heartbeat.beat.raw)
        if progress is None:
            return not_known(f"the service of {server} publishes nothing about it")
        found = ask(progress, self._message.entry.sender, self._message.number)
        if found is None:
            return not_known(f"the heartbeat of {server} says nothing about this message")
        source, time = f"heartbeat of {server}", heartbeat.beat.sent_at
        return done(source, time, at_latest=True) if found else not_yet(source, time)
