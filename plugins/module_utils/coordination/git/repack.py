# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repacking of repositories, so that they stay small for years."""

from __future__ import annotations

import time
from pathlib import Path

from .process import GitCommand

MAX_PACKS = 50
"""The number of packs above which they are combined, the limit of Git itself (gc.autoPackLimit)."""
MAX_LOOSE = 8_000_000
"""Bytes of loose objects on disk above which they are packed, about two hundred messages."""
SAMPLE = "?7"
"""The folders whose objects are measured, 16 of 256."""
UNPACKABLE = "acs-builders-unpackable"
"""A file in the Git folder of a clone: packing did not help, because the loose objects are unreferenced."""
RETRY_INTERVAL = 86_400
"""Seconds until packing is tried again."""


def has_many_loose(folder: Path) -> bool:
    """Return whether the loose objects of a repository exceed ``MAX_LOOSE``."""
    sizes = [path.lstat().st_blocks * 512 for path in folder.glob(f"objects/{SAMPLE}/*")]
    return 16 * sum(sizes) > MAX_LOOSE


def has_many_packs(folder: Path) -> bool:
    """Return whether a repository has more than ``MAX_PACKS`` packs."""
    return len(list(folder.glob("objects/pack/*.pack"))) > MAX_PACKS


def pack_clone(command: GitCommand, folder: Path) -> None:
    """Pack the objects of a clone where people work, without deleting objects or taking locks.

    :param folder: the Git folder of the clone.
    :raises OSError: if it cannot be read.
    """
    if has_many_packs(folder):
        command.run("repack", "-a", "-d", "-k", "-n", "-q")
    marker = folder / UNPACKABLE
    if not has_many_loose(folder) or (marker.exists() and time.time() - marker.stat().st_mtime < RETRY_INTERVAL):
        return
    command.run("repack", "-d", "-n", "-q")
    if has_many_loose(folder):
        marker.touch()
