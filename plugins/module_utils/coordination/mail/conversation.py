# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a conversation of this server goes on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from ..identity.host import Host
from ..timestamps import is_ahead, parse_time
from .answers import key_of, keys_of
from .message import is_for, type_of, wants_acknowledgement

AFTER_MESSAGE = timedelta(minutes=5)
"""How long another message is expected after a message to or from this server."""
FOR_ANSWER = timedelta(minutes=30)
"""How long the answer to a message of this server is expected."""


def conversation_end(host: Host, entries: Collection[dict[str, Any]]) -> datetime | None:
    """Return the time until which mail for this server is expected soon, None if it has no messages.

    It is expected after each message to or from this server, and for longer after a request, or a message that asks
    for an acknowledgement, of this server without an answer. Signatures are not considered.

    :param entries: the entries of the mailbox.
    """
    now = host.clock()
    answered = {key_of(entry) for entry in entries if not _is_own(host, entry)}
    ends = []
    for entry in entries:
        sent = parse_time(entry.get("timestamp"))
        own = _is_own(host, entry)
        if sent is not None and not is_ahead(sent, now) and (own or is_for(entry, host.id, host.fleet)):
            ends.append(sent + (FOR_ANSWER if own and _awaits_answer(entry, answered) else AFTER_MESSAGE))
    return max(ends, default=None)


def _is_own(host: Host, entry: dict[str, Any]) -> bool:
    return host.fleet.server_of(entry.get("from")) == host.id


def _awaits_answer(entry: dict[str, Any], answered: Collection[tuple[str, str]]) -> bool:
    """Return whether a message asks for an answer and has neither one nor an acknowledgement."""
    wants = type_of(entry) == "request" or wants_acknowledgement(entry)
    return wants and not entry.get("acknowledged_by") and not any(key in answered for key in keys_of(entry))
