# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids of messages as a manager writes them: whole, or their beginning or end, as Git names commits.

The modules accept whole ids only, because a program has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..coordination.delivery.outbox import Outbox
from ..coordination.errors import InvalidInput, UnknownMessage
from ..coordination.identity.host import Host
from ..coordination.mail.mailbox import SEE_IDS, read_archives, read_mailbox
from ..coordination.mail.message import Message
from ..coordination.store.snapshot import Snapshot
from ..coordination.text import short
from .formats import word

MIN_LENGTH = 4
"""The minimum number of characters of an abbreviation, as in Git."""
MAX_CANDIDATES = 5
"""The maximum number of ids that an error lists."""

_WHOLE = re.compile(r"msg_[0-9]+_[0-9a-f]{16}")
"""The ids of this collection, which need no search."""


def whole_id(host: Host, given: str) -> str:
    """Return the id of the one message or thread that a text names.

    The newest known documents of this host are searched; the network is used only if they have no such id.

    :param given: an id, or a part of one: the beginning of its random digits, its end, or its beginning; at least
        ``MIN_LENGTH`` characters, not counting ``msg_``.
    :raises UnknownMessage: if there is no such message.
    :raises InvalidInput: if it names several.
    """
    if _WHOLE.fullmatch(given):
        return given
    return host.repository.look(lambda snapshot: choose(given, _known_ids(host, snapshot, given)))


def whole_ids(host: Host, given: Iterable[str]) -> list[str]:
    """Return the ids that some texts name, as :func:`whole_id`."""
    return [whole_id(host, one) for one in given]


def choose(given: str, known: Iterable[str]) -> str:
    """Return the id that a text names, as :func:`whole_id`.

    :param known: all ids.
    """
    ids = set(known) - {""}
    if given in ids:
        return given
    found = sorted(one for one in ids if _is_abbreviation(given, one))
    if not found:
        raise UnknownMessage(f"There is no message {given!r}.", SEE_IDS)
    if len(found) > 1:
        named = ", ".join(word(short(one, 60)) for one in found[:MAX_CANDIDATES])
        more = f" and {len(found) - MAX_CANDIDATES} more" if len(found) > MAX_CANDIDATES else ""
        raise InvalidInput(f"{given!r} names {len(found)} messages: {named}{more}.", "Write more characters of the id.")
    return found[0]


def _is_abbreviation(given: str, whole: str) -> bool:
    digits = whole.rpartition("_")[2]
    prefix, underscore, rest = given.partition("_")
    return len(rest if underscore else prefix) >= MIN_LENGTH and (
        whole.startswith(given) or digits.startswith(given) or whole.endswith(given)
    )


def _known_ids(host: Host, snapshot: Snapshot, given: str) -> Iterable[str]:
    """Return the ids of all messages and threads that contain a text."""
    queued = [message for item in Outbox(host.state).read().items for message in item.messages]
    known: list[Message] = [*read_mailbox(snapshot).messages, *queued, *read_archives(snapshot, given)]
    return {name for message in known for name in (message.id, message.thread) if given in name}
