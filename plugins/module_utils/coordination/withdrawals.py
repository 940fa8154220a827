# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reporting messages that were on the remote and were taken from it."""

from __future__ import annotations

from .bare_repository import Damaged
from .errors import DocumentDamaged
from .host import Host
from .mailbox import read_archives, read_mailbox
from .messages import id_of


def withdrawal_notes(host: Host) -> list[str]:
    """For each rewind of the remote that this process met: where the old tip is, and which own messages are gone."""
    notes = []
    for old, new in host.repository.withdrawn:
        gone = _gone(host, old, new)
        which = (
            f"Messages of {host.id} that are gone: {', '.join(gone)}." if gone else f"No message of {host.id} is gone."
        )
        notes.append(
            f"The branch of the remote no longer descends from {old[:12]}, the newest commit seen here; it was rewound "
            f"or rewritten. {which} Nothing is sent again by itself. The old commit is kept on this host as "
            f"refs/acs-builders/withdrawn/{old} in {host.repository.private_path}."
        )
    return notes


def _gone(host: Host, old: str, new: str | None) -> list[str]:
    try:
        before = read_mailbox(host.repository.snapshot_of(old))
        now = host.repository.snapshot_of(new)
        there = {id_of(entry) for entry in read_mailbox(now).entries}
        missing = [e for e in before.entries if e.get("from") == host.id and id_of(e) not in there]
        return [id_of(e) for e in missing if id_of(e) and not read_archives(now, id_of(e))]
    except (DocumentDamaged, Damaged):
        return []
