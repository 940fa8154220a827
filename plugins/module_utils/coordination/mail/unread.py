# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unread mail of this server, for the record of the service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..identity.host import Host
from ..text import as_line
from ..timestamps import utc_text
from .actionable import ACTED_FILE, Assessment, assess
from .inbox import MAX_LISTED, Inbox, UnreadMessage
from .message import is_for, normalise
from .read_ledger import READ, own_ledger

LEDGERS = (f"{READ.name}.json", ACTED_FILE)
"""The ledgers on which the unread mail depends."""


def unread_mail(host: Host, commit: str | None, entries: Iterable[dict[str, Any]]) -> Inbox:
    """Return the unread mail of this server.

    :param commit: the commit that was read; None if the branch is empty.
    :param entries: the entries of its mailbox, the oldest first.
    :raises StateUnusable: if a ledger cannot be read.
    """
    ledger = own_ledger(host)
    unread = [entry for entry in entries if is_for(entry, host.id, host.fleet) and not ledger.has(entry)]
    newest = unread[-MAX_LISTED:]
    messages = tuple(_message(host, entry, result) for entry, result in zip(newest, assess(host, newest)))
    return Inbox(host.id, commit, utc_text(host.clock()), len(unread), messages)


def _message(host: Host, entry: dict[str, Any], assessment: Assessment) -> UnreadMessage:
    message = normalise(entry)
    return UnreadMessage(
        sender=as_line(host.fleet.server_of(entry.get("from"))),
        verified=assessment.verified,
        actionable=assessment.actionable,
        **{
            name: message[name]
            for name in ("id", "type", "priority", "subject", "timestamp", "thread", "in_reply_to", "ack_required")
        },
    )
