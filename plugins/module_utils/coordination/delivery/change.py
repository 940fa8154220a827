# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change of the documents for all writes of this server that wait, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from ..identity.host import Host
from ..store.snapshot import Change, Snapshot
from ..timestamps import parse_time
from .batch import Batch
from .outbox import Item

MAX_SUMMARIES = 50
"""Writes that the message of a commit names."""


def combine(host: Host, snapshot: Snapshot, items: Sequence[Item], last: int | None) -> Change:
    """The change that carries out items, each exactly once; its result is a :class:`Combined`.

    :param last: the number of the last message that this host knows to be delivered.
    :raises KeyConflict: when a key was used for something else.
    :raises InvalidInput: when a status report does not fit the status.
    :raises DocumentDamaged: when a document that is to be changed cannot be read.
    :raises SigningFailed: when this server cannot sign.
    """
    batch = Batch(host, snapshot, last)
    for item in items:
        for write in item.writes:
            write.apply(batch, item.id, parse_time(item.accepted_at))
    return batch.change(_summary(host, items))


def _summary(host: Host, items: Sequence[Item]) -> str:
    if len(items) == 1:
        return f"{host.id}: {items[0].summary}"
    lines = [item.summary for item in items[:MAX_SUMMARIES]]
    more = [f"and {len(items) - MAX_SUMMARIES} more"] if len(items) > MAX_SUMMARIES else []
    return "\n".join([f"{host.id}: {len(items)} writes", "", *lines, *more])
