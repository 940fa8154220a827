# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailbox of the Build repository, its archives, the recipients of messages."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable
from typing import Any, Callable

from ..documents.json_document import EntryList, new_document
from ..errors import DocumentDamaged, UnknownMessage
from ..identity.fleet import ALL, OPERATOR
from ..identity.host import ACTIVITY_FILE, MESSAGES, Host
from ..identity.verification import TRUE, Verification, Verifier
from ..store.snapshot import Snapshot
from ..timestamps import utc_text
from .message import Message

ARCHIVE = "coordination/archive"
SEE_IDS = "List the ids: builderctl read --all"
"""The remedy for an unknown message id."""

OLD_ARCHIVE = "coordination/archives"
"""The archive folder of an old script, which moved the whole mailbox."""

_ARCHIVE_NAME = re.compile(
    r"(?:messages-)?(\d{4})-(\d{2})(?:-(\d{1,6}))?\.json|messages_(\d{4})(\d{2})\.json"
    r"|messages_archive_(\d{4})(\d{2})\d{2}_\d{6}\.json"
)
"""The names of the archives of this collection and of three old scripts."""

_REPEATED = ("from", "to", "type", "priority")
"""The members with the same few texts in all messages."""


class Mailbox(EntryList):
    """The mailbox or an archive.

    :raises DocumentDamaged: if it cannot be parsed.
    """

    def __init__(self, data: bytes, path: str) -> None:
        super().__init__(data, path, "messages")
        _share_texts(self.entries)
        self.messages = [Message(entry) for entry in self.entries]


def _share_texts(entries: Iterable[dict[str, Any]]) -> None:
    """Replace equal texts of messages by one object, because a mailbox can have thousands of messages."""
    texts: dict[str, str] = {}
    for entry in entries:
        for name in _REPEATED:
            text = entry.get(name)
            if isinstance(text, str):
                entry[name] = texts.setdefault(text, text)


def read_mailbox(snapshot: Snapshot) -> Mailbox:
    """Return the mailbox of a snapshot, empty if it does not exist.

    :raises DocumentDamaged: if it cannot be parsed.
    """
    mailbox = snapshot.load(MESSAGES, Mailbox)
    return mailbox or Mailbox(new_document({"messages": []}), MESSAGES)


def readable_messages(snapshot: Snapshot) -> list[Message] | None:
    """Return the messages of the mailbox of a snapshot, None if it is damaged."""
    with contextlib.suppress(DocumentDamaged):
        return read_mailbox(snapshot).messages
    return None


def read_archives(snapshot: Snapshot, *texts: str) -> list[Message]:
    """Return the archived messages from the files that contain one of some texts.

    The files are parsed only if they contain a text, so other messages in them are returned too.

    :return: the messages, the oldest file first.
    :raises DocumentDamaged: if one of these files cannot be parsed.
    """
    if not any(texts):
        return []
    return _archived(snapshot, lambda data: contains(data, *texts))


def read_all_archives(snapshot: Snapshot) -> list[Message]:
    """Return all archived messages, the oldest file first.

    :raises DocumentDamaged: if an archive cannot be parsed.
    """
    return _archived(snapshot, lambda _data: True)


def archive_of(snapshot: Snapshot, entry: Message) -> str | None:
    """Return the path of the oldest archive that has a message, None if none has it.

    :raises DocumentDamaged: if an archive that contains its id cannot be parsed.
    """
    for path in _archives(snapshot):
        archive = snapshot.load(path, Mailbox, lambda data: contains(data, entry.id))
        if archive and any(one.id == entry.id and one.digest == entry.digest for one in archive.messages):
            return path
    return None


def contains(data: bytes, *texts: str) -> bool:
    """Return whether a file contains one of some texts, as they are or escaped as in JSON."""
    forms = {form for text in texts for form in (text.encode("utf-8", "replace"), json.dumps(text)[1:-1].encode())}
    return any(form in data for form in forms)


def _archived(snapshot: Snapshot, is_wanted: Callable[[bytes], bool]) -> list[Message]:
    """Return the messages of the archives whose content is wanted."""
    messages: list[Message] = []
    for path in _archives(snapshot):
        archive = snapshot.load(path, Mailbox, is_wanted)
        messages += archive.messages if archive else []
    return messages


def _archives(snapshot: Snapshot) -> list[str]:
    """Return the paths of all archives, the oldest first."""
    found = []
    for folder in (OLD_ARCHIVE, ARCHIVE):
        for match in filter(None, map(_ARCHIVE_NAME.fullmatch, snapshot.names(folder))):
            year, month, part, *others = match.groups()
            when = f"{year}-{month}" if year else "-".join(filter(None, others))
            found.append((when, int(part or 1), f"{folder}/{match.group()}"))
    return [path for _month, _part, path in sorted(found)]


def archive_path(month: str, part: int) -> str:
    """Return the path of an archive.

    :param month: the month, as in ``2026-11``.
    :param part: the number of the file in this month, from 1.
    """
    return f"{ARCHIVE}/{month}.json" if part == 1 else f"{ARCHIVE}/{month}-{part}.json"


def old_archive_paths(month: str) -> tuple[str, ...]:
    """Return the paths of the archives of a month that old scripts have written."""
    return f"{ARCHIVE}/messages-{month}.json", f"{ARCHIVE}/messages_{month.replace('-', '')}.json"


def find_addressed(host: Host, snapshot: Snapshot, mailbox: Mailbox, message_id: str) -> Message:
    """Find the message to this server that has an id, in the mailbox or the archives.

    Of several messages with this id, a verified one is returned.

    :raises UnknownMessage: if there is none, or it is addressed to other servers.
    """
    same_id = [entry for entry in mailbox.messages if message_id and entry.id == message_id]
    found = _genuine(host, same_id)
    if not found:
        same_id += [entry for entry in read_archives(snapshot, message_id) if entry.id == message_id]
        found = _genuine(host, same_id) or [entry for entry in same_id if is_mine_to_read(host, entry)]
    if found:
        return found[0]
    if not same_id:
        raise UnknownMessage(f"There is no message {message_id!r}.", SEE_IDS)
    raise UnknownMessage(
        f"The message {message_id} is not addressed to {host.id}.", "Only its recipient can answer or mark it."
    )


def is_mine_to_read(host: Host, entry: Message) -> bool:
    """Return whether this server may answer and mark a message.

    It may if the message is addressed to it, or to no server of the fleet.
    """
    return entry.is_for(host.id, host.fleet) or not entry.has_recipient(host.fleet)


def find_sent(host: Host, entries: Iterable[Message], message_id: str) -> Message:
    """Find the message of this server that has an id.

    Of several messages with this id, a verified one is returned.

    :raises UnknownMessage: if there is none.
    """
    own = [entry for entry in entries if message_id and entry.id == message_id and entry.sender == host.id]
    if not own:
        raise UnknownMessage(
            f"{host.id} has sent no message {message_id!r}.", "Give the id that was returned when it was sent."
        )
    return (_verified(host, own) or own)[0]


def _genuine(host: Host, entries: list[Message]) -> list[Message]:
    """Return the verified messages to this server; all to it without trusted keys."""
    mine = [entry for entry in entries if is_mine_to_read(host, entry)]
    return _verified(host, mine) if host.signers.repository else mine


def _verified(host: Host, entries: list[Message]) -> list[Message]:
    return [entry for entry, one in zip(entries, verify_messages(host, entries)) if one.verified == TRUE]


def verify_messages(host: Host, messages: Iterable[Message]) -> list[Verification]:
    """Verify the senders of messages, and return the results in their order."""
    return Verifier(host).verify([(message.raw, message.sender) for message in messages])


def recipients_of(host: Host, snapshot: Snapshot, entry: Message) -> set[str]:
    """Return the recipients of a message, also those that are not in the fleet."""
    if ALL in entry.recipients(host.fleet):
        return readers_of(host, entry, host.fleet.ids(host.seen_servers(snapshot)))
    return readers_of(host, entry, ())


def readers_of(host: Host, entry: Message, everyone: Iterable[str]) -> set[str]:
    """Return the recipients of a message, as :func:`recipients_of`.

    :param everyone: the ids of all servers.
    """
    meant = set(entry.recipients(host.fleet))
    if ALL not in meant:
        return meant
    return (set(everyone) | (meant & {OPERATOR})) - {entry.sender_in(host.fleet)}


def note_activity(host: Host) -> None:
    """Record the time at which the manager of this server read or wrote messages."""
    if not host.check_mode:
        host.state.write_json(ACTIVITY_FILE, {"last_active": utc_text(host.clock())})
