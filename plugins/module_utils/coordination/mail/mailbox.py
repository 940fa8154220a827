# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailbox of the Build repository: the entries in it and in its archives, and who they are for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..documents.json_document import EntryList, new_document
from ..errors import UnknownMessage
from ..identity.fleet import ALL
from ..identity.host import ACTIVITY_FILE, MESSAGES, Host
from ..identity.verification import TRUE, Verifier
from ..store.snapshot import Snapshot
from ..timestamps import utc_text
from .message import id_of, is_for

ARCHIVE = "coordination/archive"
SEE_IDS = "See the ids that there are: builderctl read --all"
"""What to do about an id that no message has."""

OLD_ARCHIVE = "coordination/archives"
"""Another folder for them: that of an old script which took the whole mailbox away."""

_ARCHIVE_NAME = re.compile(
    r"(?:messages-)?(\d{4})-(\d{2})(?:-(\d{1,6}))?\.json|messages_(\d{4})(\d{2})\.json"
    r"|messages_archive_(\d{4})(\d{2})\d{2}_\d{6}\.json"
)
"""The names of archives: those that are written here, and those of three old scripts."""


class Mail(NamedTuple):
    """The result of a transaction on the mailbox: the entries it is about, and the mailbox before it."""

    entries: list[dict[str, Any]]
    mailbox: list[dict[str, Any]]


def read_mailbox(snapshot: Snapshot) -> EntryList:
    """The mailbox of a snapshot, empty when there is none.

    :raises DocumentDamaged: when it cannot be read.
    """
    mailbox = snapshot.load(MESSAGES, read_entries)
    return mailbox or read_entries(new_document({"messages": []}), MESSAGES)


def read_archives(snapshot: Snapshot, *texts: str) -> list[dict[str, Any]]:
    """The archived messages of all months, oldest first, from the files that hold one of some texts, and maybe others.

    :raises DocumentDamaged: when one of these files cannot be read.
    """
    if not any(texts):
        return []
    forms = {form for text in texts for form in (text.encode("utf-8", "replace"), json.dumps(text)[1:-1].encode())}
    entries: list[dict[str, Any]] = []
    for path in _archives(snapshot):
        archive = snapshot.load(path, read_entries, lambda data: any(form in data for form in forms))
        entries += archive.entries if archive else []
    return entries


def _archives(snapshot: Snapshot) -> list[str]:
    """The paths of the archives of all months, the oldest first."""
    found = []
    for folder in (OLD_ARCHIVE, ARCHIVE):
        for match in filter(None, map(_ARCHIVE_NAME.fullmatch, snapshot.names(folder))):
            year, month, part, *others = match.groups()
            when = f"{year}-{month}" if year else "-".join(filter(None, others))
            found.append((when, int(part or 1), f"{folder}/{match.group()}"))
    return [path for _month, _part, path in sorted(found)]


def archive_path(month: str, part: int) -> str:
    """The path of an archive.

    :param month: as in ``2026-11``.
    :param part: 1 for its first file, 2 for the one that follows when that is full, and so on.
    """
    return f"{ARCHIVE}/{month}.json" if part == 1 else f"{ARCHIVE}/{month}-{part}.json"


def old_archive_paths(month: str) -> tuple[str, ...]:
    """The paths of the archives of a month that the old archivers have written."""
    return f"{ARCHIVE}/messages-{month}.json", f"{ARCHIVE}/messages_{month.replace('-', '')}.json"


def read_entries(data: bytes, path: str) -> EntryList:
    """Parse a mailbox or an archive.

    :raises DocumentDamaged: when it cannot be read.
    """
    return EntryList(data, path, "messages")


def find_addressed(host: Host, snapshot: Snapshot, mailbox: EntryList, message_id: str) -> dict[str, Any]:
    """The message to this server that has an id, from the mailbox or the archives; of several the one that is verified.

    :raises UnknownMessage: when there is none, or it is for others.
    """
    same_id = [entry for entry in mailbox.entries if message_id and id_of(entry) == message_id]
    found = _genuine(host, same_id)
    if not found:
        same_id += [entry for entry in read_archives(snapshot, message_id) if id_of(entry) == message_id]
        found = _genuine(host, same_id) or [entry for entry in same_id if is_mine_to_read(host, entry)]
    if found:
        return found[0]
    if not same_id:
        raise UnknownMessage(f"There is no message {message_id!r}.", SEE_IDS)
    raise UnknownMessage(
        f"The message {message_id} is not addressed to {host.id}.", "Only its recipient can answer or mark it."
    )


def is_mine_to_read(host: Host, entry: dict[str, Any]) -> bool:
    """Whether this server may answer and mark an entry: it is for it, or for no server."""
    return is_for(entry, host.id, host.fleet) or not host.fleet.has_recipient(entry.get("to"))


def find_sent(host: Host, entries: Iterable[dict[str, Any]], message_id: str) -> dict[str, Any]:
    """The message that this server has sent under an id; of several the one that is verified.

    :raises UnknownMessage: when there is none.
    """
    own = [entry for entry in entries if message_id and id_of(entry) == message_id and entry.get("from") == host.id]
    if not own:
        raise UnknownMessage(
            f"{host.id} has sent no message {message_id!r}.", "Give the id that was returned when it was sent."
        )
    return (_verified(host, own) or own)[0]


def _genuine(host: Host, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those to this server that are from who they say they are; all to it where no trust is set up."""
    mine = [entry for entry in entries if is_mine_to_read(host, entry)]
    return _verified(host, mine) if host.signers.repository else mine


def _verified(host: Host, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    verdicts = Verifier(host).verify([(entry, str(entry.get("from"))) for entry in entries])
    return [entry for entry, verdict in zip(entries, verdicts) if verdict.verified == TRUE]


def recipients_of(host: Host, snapshot: Snapshot, entry: dict[str, Any]) -> set[str]:
    """The servers that an entry is for, whether the fleet has them or not."""
    if ALL in host.fleet.recipients(entry.get("to")):
        return readers_of(host, entry, host.fleet.ids(host.seen_servers(snapshot)))
    return readers_of(host, entry, ())


def readers_of(host: Host, entry: dict[str, Any], everyone: Iterable[str]) -> set[str]:
    """As :func:`recipients_of`.

    :param everyone: the servers that there are.
    """
    meant = host.fleet.recipients(entry.get("to"))
    return set(everyone) - {host.fleet.server_of(entry.get("from"))} if ALL in meant else set(meant)


def note_activity(host: Host) -> None:
    """Record that this server's manager reads or writes messages."""
    if not host.check_mode:
        host.state.write_json(ACTIVITY_FILE, {"last_active": utc_text(host.clock())})
