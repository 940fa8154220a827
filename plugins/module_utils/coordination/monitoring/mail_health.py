# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages in the health of the fleet: how many there are, and which of them wait for too long."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..delivery.outbox import Outbox
from ..identity.host import Host
from ..mail.answers import Answers
from ..mail.mailbox import read_mailbox, verify_messages
from ..mail.message import Message
from ..mail.operator_questions import open_questions
from ..mail.read_ledger import own_ledger
from ..store.snapshot import Snapshot

NOT_READABLE: dict[str, Any] = {
    "total": None,
    "unread": {},
    "operator_questions": [],
    "overdue_requests": [],
    "overdue_mail": [],
    "undeliverable": [],
}
"""The result if the mailbox is damaged."""


def look_at_mail(host: Host, snapshot: Snapshot, ids: list[str], reply_deadline: int) -> dict[str, Any]:
    """Return the member ``messages`` of the health.

    The mail of this server is counted by its own ledger, that of others by the marks in the repository.

    :param ids: the servers whose unread messages are counted.
    :param reply_deadline: seconds after which a message is overdue.
    :raises DocumentDamaged: if the mailbox, or an archive that is needed, cannot be parsed.
    """
    entries = read_mailbox(snapshot).messages
    ledger, fleet, now = own_ledger(host), host.fleet, host.clock()
    unread = {
        server: [e for e in entries if e.is_for(server, fleet) and not e.is_marked_read(server, fleet)]
        for server in ids
    }
    unread[host.id] = [e for e in entries if e.is_for(host.id, fleet) and not ledger.has(e)]
    requests = [entry for entry in entries if entry.type == "request" and entry.is_late(now, reply_deadline)]
    undeliverable = [entry for entry in entries if entry.is_undeliverable(fleet)]
    queued = [entry for item in Outbox(host.state).read().items for entry in item.messages]
    answers = Answers(host, snapshot, requests, [*entries, *queued])
    questions = open_questions(entries, host)
    return {
        "total": len(entries),
        "unread": {server: len(waiting) for server, waiting in unread.items()},
        "operator_questions": [
            {**_named(e, now, "id", "from", "to", "subject", "timestamp"), "verified": one.verified}
            for e, one in zip(questions, verify_messages(host, questions))
        ],
        "overdue_requests": [_named(e, now, "id", "from", "to", "subject") for e in requests if answers.is_open(e)],
        "overdue_mail": [
            _named(e, now, "id", "from", "type", "subject", "timestamp")
            for e in unread[host.id]
            if e.is_late(now, reply_deadline)
        ],
        "undeliverable": [_named(e, now, "id", "from", "to", "type", "subject", "timestamp") for e in undeliverable],
    }


def undeliverable_mail(messages: dict[str, Any]) -> list[str]:
    """Return a sentence about messages to no server of the fleet; the list is empty if there are none."""
    count = len(messages["undeliverable"])
    number = "1 message is" if count == 1 else f"{count} messages are"
    return [f"{number} addressed to no server of this fleet. See: builderctl read --undeliverable"] if count else []


def _named(entry: Message, now: datetime, *names: str) -> dict[str, Any]:
    """Return some members of a message, and its age in seconds, None without a valid time in the past."""
    message, sent = entry.as_dict(), entry.sent_at
    age = None if sent is None or sent > now else round((now - sent).total_seconds())
    return {**{name: message[name] for name in names}, "age_seconds": age}
