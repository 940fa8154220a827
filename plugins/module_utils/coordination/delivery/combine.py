# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change for items of the outbox, in one commit."""

from __future__ import annotations

from collections.abc import Sequence

from ..identity.host import Host
from ..store.snapshot import Change, Snapshot
from ..timestamps import parse_time
from .batch import Batch, Combined
from .outbox import Item

MAX_SUMMARIES = 50
"""The maximum number of writes that the message of a commit names."""


def combine(host: Host, snapshot: Snapshot, items: Sequence[Item], last: int | None) -> Change[Combined]:
    """Return the change for items. Its result is a :class:`.Combined`.

    :param last: the sequence number of the last message that was delivered, None if it is not recorded.
    :raises KeyConflict: if an idempotency key was used for other content.
    :raises CoordinationError: what :meth:`.Batch.change` raises.
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
