# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this server has sent before, under an idempotency key or the ids of its messages."""

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


def sent_before(host: Host, snapshot: Snapshot, mailbox: EntryList, new: Entries, archived: bool) -> Entries:
    """The entries that are there already under the key, or the ids, of new ones.

    :param archived: whether the ids are looked for in the archives too.
    :raises KeyConflict: when what is there has other content.
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
    """What messages say, apart from when and under which ids, in an order that does not depend on that of sending."""
    return sorted((content(entry) for entry in entries), key=lambda same: str(same["to"]))


def _archived(snapshot: Snapshot, ids: Collection[str]) -> Entries:
    return [entry for entry in read_archives(snapshot, *ids) if id_of(entry) in ids]


def _own(host: Host, entries: Entries, name: str, values: Collection[str]) -> Entries:
    """This server's entries whose ``name`` is one of some values.

    Where trust is set up, those that it has signed, or has a record of: others may write in its name.
    """
    own = [entry for entry in entries if entry.get("from") == host.id and _text(entry.get(name)) in values]
    if own and host.signers.repository:
        keys = SentKeys(host.state, host.clock())
        known = {id_of(entry) for value in values for entry in keys.get(value)}
        verdicts = Verifier(host).verify([(entry, host.id) for entry in own])
        own = [entry for entry, one in zip(own, verdicts) if one.verified == TRUE or id_of(entry) in known]
    return list({id_of(entry): entry for entry in own}.values())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
