# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The new mail of this server: its log, the record of unread mail, and how long a conversation goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..coordination.errors import StateUnusable
from ..coordination.identity.host import Host
from ..coordination.mail.conversation import conversation_end
from ..coordination.mail.inbox import Inbox, write_inbox
from ..coordination.mail.message import Message
from ..coordination.mail.unread import LEDGERS, unread_mail
from .mail_log import log_new_mail


class NewMail:
    """The mail of this server as of the last look.

    :param log_folder: the folder of the log of messages.

    ``expected_until`` is the time until which mail is expected soon, None if it is not.
    """

    def __init__(self, log_folder: str) -> None:
        self.expected_until: datetime | None = None
        self._log_folder = log_folder
        self._handled: tuple[Any, ...] = ()
        self._inbox: Inbox | None = None

    def is_handled(self, host: Host, commit: str | None) -> bool:
        """Return whether the mail at a commit was handled, and no ledger has changed since."""
        return self._handled == _version(host, commit)

    def handle(self, host: Host, commit: str | None, messages: Sequence[Message] | None) -> str:
        """Record the unread mail, and log new messages.

        :param commit: the commit that was read; None if the branch is empty.
        :param messages: those of its mailbox; None if it is damaged.
        :return: the problem of this host because of which the next call repeats it, empty if there is none.
        """
        version = _version(host, commit)
        path = Path(self._log_folder, f"build-messages-{host.id}.log")
        try:
            if messages is not None:
                self.expected_until = conversation_end(host, messages)
                self._record(host, unread_mail(host, commit, messages))
                log_new_mail(host, messages, path)
        except StateUnusable as error:
            return error.what
        except OSError as error:
            return f"{path} cannot be written ({error.strerror})"
        self._handled = version
        return ""

    def _record(self, host: Host, inbox: Inbox) -> None:
        """Write the record if it has changed, because a new version wakes those who wait for mail."""
        if self._inbox is None or replace(inbox, looked_at=self._inbox.looked_at) != self._inbox:
            write_inbox(host.state, inbox)
            self._inbox = inbox


def _version(host: Host, commit: str | None) -> tuple[Any, ...]:
    return (commit, *map(host.state.version, LEDGERS))
