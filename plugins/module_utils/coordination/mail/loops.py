# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loops: two servers that answer each other in turn, without anything new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from shlex import quote

from ..errors import ThreadLoops
from ..identity.fleet import NO_FLEET, Fleet
from ..identity.host import Host
from ..identity.verification import TRUE
from .mailbox import verify_messages
from .message import Message

MAX_TURNS = 6
"""The maximum number of messages without content that two servers send in turn within ``WINDOW``."""
WINDOW = timedelta(minutes=10)


def refuse_loop(host: Host, mailbox: Iterable[Message], answer: Message) -> None:
    """Refuse an answer that continues a loop. Only messages with verified senders count.

    :param mailbox: the messages of the mailbox.
    :raises ThreadLoops: if the answer is refused.
    """
    messages = [message for message in mailbox if message.thread == answer.thread]
    if has_content(answer) or len(messages) < MAX_TURNS:
        return
    verified = zip(messages, verify_messages(host, messages))
    genuine = [message for message, one in verified if one.verified == TRUE or not host.signers.repository]
    partner = answer.raw["to"]
    if turns(genuine, host.id, partner, host.clock(), host.fleet) >= MAX_TURNS:
        raise ThreadLoops(
            f"{host.id} and {partner} have sent {MAX_TURNS} messages in turn in the thread {answer.thread} within "
            f"{WINDOW.total_seconds() / 60:.0f} minutes, without a request, an error or facts.",
            f"If there is nothing new, run 'builderctl mark-read {quote(answer.in_reply_to)}' instead. Otherwise add "
            "the facts with --fact NAME=VALUE, or add --continue (to a module continue_thread=true).",
        )


def has_content(message: Message) -> bool:
    """Return whether a message is a request or an error, or has facts. Such a message continues no loop."""
    return message.type in ("request", "error") or bool(message.raw.get("facts"))


def turns(thread: Sequence[Message], server: str, partner: str, now: datetime, fleet: Fleet = NO_FLEET) -> int:
    """Count the messages that two servers have sent in turn at the end of a thread, the last one by ``partner``.

    A message with content, or one that is older than ``WINDOW``, ends the count.

    :param thread: the messages of the thread, the oldest first.
    :param now: the time in UTC.
    """
    count = 0
    for message in reversed(thread):
        is_turn = message.sender_in(fleet) == (server if count % 2 else partner)
        sent = message.sent_at
        if not is_turn or has_content(message) or sent is None or now - sent >= WINDOW:
            break
        count += 1
    return count
