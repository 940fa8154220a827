# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection of messages that this server has sent before."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import KeyConflict
from ..identity.host import Host
from ..identity.verification import TRUE
from ..store.snapshot import Snapshot
from .mailbox import Mailbox, read_archives, verify_messages
from .message import Message
from .sent_keys import SentKeys

SERIES_FILE = "series.json"

Entries = Sequence[Message]


def find_duplicates(host: Host, snapshot: Snapshot, mailbox: Mailbox, new: Entries, archived: bool) -> Entries:
    """Find messages in the repository with the idempotency key or the ids of new ones.

    :param new: the new messages.
    :param archived: whether to search the archives for the ids too.
    :return: the messages in the repository, or in the record of sent keys; an empty list if the new ones were not sent.
    :raises KeyConflict: if they have other content.
    """
    key = new[0].key
    earlier: Entries = (
        _own(host, [one for one in (*read_archives(snapshot, key), *mailbox.messages) if one.key == key], key)
        if key
        else []
    )
    if key and contents(earlier) != contents(new):
        earlier = SentKeys(host.state, host.clock()).get(key) or earlier
    if not earlier:
        ids = [entry.id for entry in new]
        same_id = [one for one in mailbox.messages if one.raw.get("id") in ids]
        earlier = _own(host, same_id)
        if archived and len(earlier) < len(ids):
            archive = [one for one in read_archives(snapshot, *ids) if one.raw.get("id") in ids]
            earlier = _own(host, [*archive, *same_id])
    if earlier and contents(earlier) != contents(new):
        used = f"the key {key!r}" if key else "the id"
        raise KeyConflict(
            f"{host.id} has used {used} for another message ({earlier[0].id}).",
            "Use a new key for new content.",
        )
    return earlier


def contents(entries: Iterable[Message]) -> list[dict[str, Any]]:
    """Return the contents of messages, sorted by recipient."""
    return sorted((entry.content for entry in entries), key=lambda same: str(same["to"]))


def series_key(host: Host, series: str, new: Entries) -> str:
    """Return the idempotency key of the next messages of a series.

    It is the key of the last ones if the content is the same, so that they are sent once. A new key is recorded before
    it is used: if this server stops before the messages are sent, the next call sends them with the same key.

    :param series: the name of the series.
    :param new: the new messages.
    :raises StateUnusable: if the record cannot be read or written.
    """
    digest = hashlib.sha256(json.dumps(contents(new), sort_keys=True).encode()).hexdigest()
    key = f"{series[:180]}-{os.urandom(8).hex()}"
    with contextlib.nullcontext() if host.check_mode else host.state.lock("series.lock"):
        known = host.state.read(SERIES_FILE, _parse_series) or {}
        if known.get(series, {}).get("content") == digest:
            return known[series]["key"]
        if not host.check_mode:
            host.state.write_json(SERIES_FILE, {**known, series: {"content": digest, "key": key}})
    return key


def _parse_series(record: Any) -> dict[str, dict[str, str]]:
    """Parse the file: for each series the digest of its last content, and the key that was used for it."""
    return {str(name): {"content": str(last["content"]), "key": str(last["key"])} for name, last in record.items()}


def _own(host: Host, entries: Entries, key: str = "") -> Entries:
    """Return those of some messages that this server has sent.

    With trusted keys, these are only messages that it has signed or recorded, because others can write in its name.

    :param key: their idempotency key.
    """
    own = [entry for entry in entries if entry.sender == host.id]
    if own and host.signers.repository:
        known = {entry.id for entry in SentKeys(host.state, host.clock()).get(key)} if key else set()
        verified = zip(own, verify_messages(host, own))
        own = [entry for entry, one in verified if one.verified == TRUE or entry.id in known]
    return list({entry.id: entry for entry in own}.values())
