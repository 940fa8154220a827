# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for whom: requests without an answer, and acknowledgements that are pending."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ..identity.fleet import OPERATOR
from ..identity.host import Host
from ..identity.verification import is_trusted
from ..mail.answers import Answers
from ..mail.mailbox import readers_of, verify_messages
from ..mail.message import MAX_ID, Message
from ..store.snapshot import Snapshot
from ..text import clean, short
from ..timestamps import is_ahead, utc_text

READ_AGE = timedelta(days=7)
"""How long a server waits for the answer to a message that its recipient has read. The recipient may have decided not
to answer."""
ANSWER, ACKNOWLEDGEMENT = "answer", "acknowledgement"


def open_waits(host: Host, snapshot: Snapshot, entries: Sequence[Message]) -> list[dict[str, Any]]:
    """Return who waits for whom, the longest wait first.

    A message of which it is not known that its sender wrote it is left out.

    :param entries: the messages of the mailbox.
    :return: for each wait ``from`` and ``to``, the ids of the servers, ``for``, which is ``ANSWER`` or
        ``ACKNOWLEDGEMENT``, ``read``, whether the recipient has read the message, and its ``since``, ``id``,
        ``thread`` and ``subject``.
    """
    asking = [entry for entry in entries if _asks(entry) or entry.waits_for_acknowledgement]
    everyone = host.fleet.ids(host.seen_servers(snapshot))
    now = host.clock()
    pending = [(entry, _pending(host, entry, everyone, now)) for entry in asking]
    pending = [(entry, servers) for entry, servers in pending if servers]
    asked = [entry for entry, _servers in pending]
    answers = Answers(host, snapshot, asked, entries)
    waits = []
    for (entry, servers), verification in zip(pending, verify_messages(host, asked)):
        sender = entry.sender_in(host.fleet)
        if not is_trusted(host, sender, verification):
            continue
        answered = {answer.sender_in(host.fleet) for answer in answers.to(entry)}
        is_request = _asks(entry) and not answered
        for server in servers:
            if is_request or (entry.waits_for_acknowledgement and server not in answered):
                waits.append(_wait(host, entry, sender, server, ANSWER if is_request else ACKNOWLEDGEMENT))
    return sorted(waits, key=lambda wait: wait["since"])


def _asks(entry: Message) -> bool:
    return entry.type == "request" or bool(entry.needs)


def _pending(host: Host, entry: Message, everyone: Sequence[str], now: datetime) -> list[str]:
    """Return the recipients that have not acknowledged a message, without those that read it long ago.

    Of a question to the operator this is the operator, until he answers.
    """
    if entry.needs:
        return [OPERATOR]
    sent = entry.sent_at
    is_recent = sent is not None and not is_ahead(sent, now) and now - sent < READ_AGE
    return [
        server
        for server in sorted(readers_of(host, entry, everyone))
        if not entry.is_marked_acknowledged(server) and (is_recent or not entry.is_marked_read(server, host.fleet))
    ]


def _wait(host: Host, entry: Message, sender: str, server: str, kind: str) -> dict[str, Any]:
    message = entry.as_dict()
    return {
        "from": short(clean(sender)),
        "to": server,
        "for": kind,
        "read": entry.is_marked_read(server, host.fleet),
        "since": utc_text(entry.sent_at) if entry.sent_at else "",
        **{name: short(message[name], MAX_ID) for name in ("id", "thread", "subject")},
    }
