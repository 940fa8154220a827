# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commits with which a message came into the mailbox and was marked, as far as this host knows them."""

from __future__ import annotations

from functools import cached_property
from typing import Callable

from ..identity.host import MESSAGES, Host
from ..mail.mailbox import Mailbox, archive_of, contains
from ..mail.message import Message
from ..mail.read_ledger import Mark
from ..store.file_history import Appearance, FileHistory
from ..store.snapshot import Snapshot


class MessageHistory:
    """The history of a message that is in the mailbox or in an archive.

    :param snapshot: the documents that have the message.
    :param is_archived: whether the message is in an archive. Then its history ends with the commit that moved it there.
    """

    def __init__(self, host: Host, snapshot: Snapshot, entry: Message, is_archived: bool) -> None:
        self._host = host
        self._snapshot = snapshot
        self._entry = entry
        self._is_archived = is_archived
        self._found: dict[str, Message | None] = {}

    @cached_property
    def pushed(self) -> Appearance | None:
        """The commit with which the message came into the mailbox, None if this host does not know it.

        :raises DocumentDamaged: if the mailbox of a commit on the way cannot be parsed.
        """
        return self._appearance(lambda _entry: True)

    def marked(self, mark: Mark, server: str) -> Appearance | None:
        """Return the commit with which a server marked the message, as :attr:`pushed`."""
        return self._appearance(lambda entry: mark.is_marked(entry, server, self._host.fleet))

    def _appearance(self, is_wanted: Callable[[Message], bool]) -> Appearance | None:
        def has_it(commit: str, data: bytes) -> bool:
            if commit not in self._found:
                self._found[commit] = self._find(data)
            entry = self._found[commit]
            return entry is not None and is_wanted(entry)

        return self._mailbox.appearance(has_it)

    @cached_property
    def _mailbox(self) -> FileHistory:
        if not self._is_archived:
            return self._snapshot.history(MESSAGES)
        path = archive_of(self._snapshot, self._entry)
        archive = self._snapshot.history(path) if path else None
        moved = archive.appearance(lambda _commit, data: self._find(data) is not None) if archive else None
        return self._snapshot.history(MESSAGES, moved.commit if moved else None)

    def _find(self, data: bytes) -> Message | None:
        """Return the message in the content of a mailbox or an archive, None if it is missing."""
        if not contains(data, self._entry.id):
            return None
        entries = Mailbox(data, MESSAGES).messages
        return next((one for one in entries if one.id == self._entry.id and one.digest == self._entry.digest), None)
