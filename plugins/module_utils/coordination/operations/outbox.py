# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing items from the outbox, and retrying rejected ones."""

from __future__ import annotations

from dataclasses import replace

from ..delivery.outbox import Item, Outbox
from ..identity.host import Host
from ..state_dir import PATIENCE


def drop(host: Host, name: str) -> Item:
    """Remove an item from the outbox.

    :param name: the id of the item or of one of its messages.
    :return: the item.
    :raises InvalidInput: if there is no such item.
    :raises Locked: if another process of this host writes for too long.
    """
    with host.repository.writing(PATIENCE), Outbox(host.state).changing() as contents:
        return contents.pop([*contents.items, *contents.rejected], name)


def retry(host: Host, name: str) -> Item:
    """Move a rejected item back to the end of the outbox.

    :param name: as for :func:`drop`.
    :return: the item.
    :raises InvalidInput: if there is no such item.
    :raises OutboxFull: if the outbox is full.
    """
    with Outbox(host.state).changing() as contents:
        item = contents.pop(contents.rejected, name)
        contents.accept(replace(item, reason=""), host.clock())
    return item
