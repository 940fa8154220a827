# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the unread mail of this server, for readers that must not use the network.

The service writes it after each look that changed it. Hooks, ``builderctl wait`` and the summary at login read it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import unusable
from ..state_dir import StateDirectory

INBOX_FILE = "inbox.json"
UNREAD_FILE = "unread"
"""An empty file that exists while there is unread mail, for tests by a shell."""
MAX_LISTED = 200
"""The maximum number of messages in the record, the newest ones; ``unread_count`` counts all."""


@dataclass(frozen=True)
class UnreadMessage:
    """An unread message, with sanitized texts.

    ``sender`` is the id of its sender. ``verified`` is one of :data:`..identity.verification.VERIFIED`. ``actionable``
    is whether it may be acted upon automatically, ``not_operators`` whether it answers a question to the operator
    without his signature.
    """

    id: str
    sender: str
    type: str
    priority: str
    subject: str
    timestamp: str
    thread: str
    in_reply_to: str
    verified: str
    actionable: bool
    ack_required: bool
    not_operators: bool = False


@dataclass(frozen=True)
class Inbox:
    """The unread mail of a server as of the last look of its service.

    ``commit`` is the commit that was read; None if the branch is empty. ``looked_at`` is a time as text in UTC.
    ``messages`` are the newest unread messages, the oldest of them first.
    """

    server: str
    commit: str | None
    looked_at: str
    unread_count: int
    messages: tuple[UnreadMessage, ...]


_CHOICES = ("actionable", "ack_required", "not_operators")
"""The members of a message that are true or false."""


def read_inbox(state: StateDirectory) -> Inbox | None:
    """Return the record, None if the service has not written one.

    :raises StateUnusable: if it cannot be read.
    """
    return state.read(INBOX_FILE, _parse)


def inbox_version(state: StateDirectory) -> tuple[int, ...] | None:
    """Return what identifies a version of the record, which each write replaces; None if there is none.

    :raises StateUnusable: if its folder cannot be read.
    """
    path = state.path / INBOX_FILE
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unusable(error, path) from error
    return status.st_ino, status.st_mtime_ns


def write_inbox(state: StateDirectory, inbox: Inbox) -> None:
    """Replace the record, and create or remove the file ``UNREAD_FILE``.

    The file is there before a record with unread mail: systemd tests it as soon as the record changes.

    :raises StateUnusable: if it cannot be written.
    """
    flag = state.make() / UNREAD_FILE
    try:
        if inbox.unread_count:
            flag.touch(mode=0o600)
        state.write_json(INBOX_FILE, asdict(inbox))
        if not inbox.unread_count:
            flag.unlink(missing_ok=True)
    except OSError as error:
        raise unusable(error, flag) from error


def _parse(record: Any) -> Inbox:
    messages = tuple(UnreadMessage(**message) for message in record["messages"])
    for message in messages:
        texts = (value for name, value in asdict(message).items() if name not in _CHOICES)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a message has a member that is not a text")
    return Inbox(
        str(record["server"]), record["commit"], str(record["looked_at"]), int(record["unread_count"]), messages
    )
