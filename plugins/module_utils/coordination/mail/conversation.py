# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a conversation of this server goes on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from ..identity.host import Host
from ..timestamps import is_ahead
from .answers import key_of, keys_of
from .message import Message

AFTER_MESSAGE = timedelta(minutes=5)
"""How long another message is expected after a message to or from this server."""
FOR_ANSWER = timedelta(minutes=30)
"""How long the answer to a message of this server is expected."""


def conversation_end(host: Host, messages: Collection[Message]) -> datetime | None:
    """Return the time until which mail for this server is expected soon, None if it has no messages.

    It is expected after each message to or from this server, and for longer after a request, or a message that asks
    for an acknowledgement, of this server without an answer. Signatures are not considered.

    :param messages: those of the mailbox.
    """
    now = host.clock()
    answered = {key_of(message) for message in messages if message.sender_in(host.fleet) != host.id}
    ends = []
    for message in messages:
        sent = message.sent_at
        own = message.sender_in(host.fleet) == host.id
        if sent is not None and not is_ahead(sent, now) and (own or message.is_for(host.id, host.fleet)):
            ends.append(sent + (FOR_ANSWER if own and _awaits_answer(message, answered) else AFTER_MESSAGE))
    return max(ends, default=None)


def _awaits_answer(message: Message, answered: Collection[tuple[str, str]]) -> bool:
    """Return whether a message asks for an answer and has neither one nor an acknowledgement."""
    wants = message.type == "request" or message.ack_required
    return wants and not message.acknowledged_by and not any(key in answered for key in keys_of(message))
