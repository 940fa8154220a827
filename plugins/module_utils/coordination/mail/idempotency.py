# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection of messages that this server has sent before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ..documents.json_document import EntryList
from ..errors import KeyConflict
from ..identity.host import Host
from ..identity.verification import TRUE, Verifier
from ..store.snapshot import Snapshot
from .mailbox import read_archives
from .message import content, id_of
from .sent_keys import SentKeys

Entries = Sequence[dict[str, Any]]


def find_duplicates(host: Host, snapshot: Snapshot, mailbox: EntryList, new: Entries, archived: bool) -> Entries:
    """Find messages in the repository with the idempotency key or the ids of new ones.

    :param new: the new messages.
    :param archived: whether to search the archives for the ids too.
    :return: the messages in the repository, or in the record of sent keys; an empty list if the new ones were not sent.
    :raises KeyConflict: if they have other content.
    """
    key = str(new[0].get("key") or "")
    earlier: Entries = _own(host, [*read_archives(snapshot, key), *mailbox.entries], "key", [key]) if key else []
    if key and contents(earlier) != contents(new):
        earlier = SentKeys(host.state, host.clock()).get(key) or earlier
    if not earlier:
        ids = {id_of(entry) for entry in new}
        earlier = _own(host, mailbox.entries, "id", ids)
        if archived and len(earlier) < len(ids):
            earlier = _own(host, [*_archived(snapshot, ids), *mailbox.entries], "id", ids)
    if earlier and contents(earlier) != contents(new):
        used = f"the key {key!r}" if key else "the id"
        raise KeyConflict(
            f"{host.id} has used {used} for another message ({id_of(earlier[0])}).",
            "Use a new key for new content.",
        )
    return earlier


def contents(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the contents of messages, sorted by recipient."""
    return sorted((content(entry) for entry in entries), key=lambda same: str(same["to"]))


def _archived(snapshot: Snapshot, ids: Collection[str]) -> Entries:
    return [entry for entry in read_archives(snapshot, *ids) if id_of(entry) in ids]


def _own(host: Host, entries: Entries, name: str, values: Collection[str]) -> Entries:
    """Return the messages of this server whose member ``name`` has one of some values.

    With trusted keys, these are only messages that it has signed or recorded, because others can write in its name.
    """
    own = [entry for entry in entries if entry.get("from") == host.id and _text(entry.get(name)) in values]
    if own and host.signers.repository:
        keys = SentKeys(host.state, host.clock())
        known = {id_of(entry) for value in values for entry in keys.get(value)}
        verifications = Verifier(host).verify([(entry, host.id) for entry in own])
        own = [entry for entry, one in zip(own, verifications) if one.verified == TRUE or id_of(entry) in known]
    return list({id_of(entry): entry for entry in own}.values())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
