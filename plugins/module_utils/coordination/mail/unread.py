# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unread mail of this server, for the record of the service."""

from __future__ import annotations

from collections.abc import Sequence

from ..identity.host import Host
from ..text import as_line
from ..timestamps import utc_text
from .actionable import ACTED_FILE, Assessment, assess
from .inbox import MAX_LISTED, Inbox, UnreadMessage
from .message import Message
from .operator_questions import OperatorQuestions
from .read_ledger import READ, own_ledger

LEDGERS = (f"{READ.name}.json", ACTED_FILE)
"""The ledgers on which the unread mail depends."""


def unread_mail(host: Host, commit: str | None, messages: Sequence[Message]) -> Inbox:
    """Return the unread mail of this server.

    :param commit: the commit that was read; None if the branch is empty.
    :param messages: those of its mailbox, the oldest first.
    :raises StateUnusable: if a ledger cannot be read.
    """
    ledger = own_ledger(host)
    unread = [message for message in messages if message.is_for(host.id, host.fleet) and not ledger.has(message)]
    newest = unread[-MAX_LISTED:]
    questions = OperatorQuestions(host, messages)
    listed = tuple(
        _listed(host, message, result, questions.has_other_answer(message, result.verified))
        for message, result in zip(newest, assess(host, newest))
    )
    return Inbox(host.id, commit, utc_text(host.clock()), len(unread), listed)


def _listed(host: Host, message: Message, assessment: Assessment, not_operators: bool) -> UnreadMessage:
    return UnreadMessage(
        sender=as_line(message.sender_in(host.fleet)),
        timestamp=as_line(message.raw.get("timestamp")),
        verified=assessment.verified,
        actionable=assessment.actionable,
        not_operators=not_operators,
        **{
            name: getattr(message, name)
            for name in ("id", "type", "priority", "subject", "thread", "in_reply_to", "ack_required")
        },
    )
