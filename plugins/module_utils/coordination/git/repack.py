# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the objects of a repository are to be packed, so that it stays small for years."""

from __future__ import annotations

import time
from pathlib import Path

from .process import GitCommand

MOST_PACKS = 50
"""Packs before they are made one (Git's own limit, gc.autoPackLimit)."""
MOST_LOOSE = 8_000_000
"""Bytes on disk of loose objects before they are packed, those of some two hundred messages."""
SAMPLE = "?7"
"""The folders in which they are counted, sixteen of 256."""
UNPACKABLE = "acs-builders-unpackable"
"""File in a clone's Git folder: packing did not help, since nothing refers to what is loose."""
A_DAY = 86400
"""Seconds after which it is tried again."""


def has_many_loose(folder: Path) -> bool:
    """Whether the loose objects of a repository take much room."""
    sizes = [path.lstat().st_blocks * 512 for path in folder.glob(f"objects/{SAMPLE}/*")]
    return 16 * sum(sizes) > MOST_LOOSE


def has_many_packs(folder: Path) -> bool:
    """Whether a repository has many packs."""
    return len(list(folder.glob("objects/pack/*.pack"))) > MOST_PACKS


def pack_clone(command: GitCommand, folder: Path) -> None:
    """Pack the objects of a clone where people work. Nothing is thrown away, and no lock is taken.

    :param folder: its Git folder.
    :raises OSError: when it cannot be looked at.
    """
    if has_many_packs(folder):
        command.run("repack", "-a", "-d", "-k", "-n", "-q")
    mark = folder / UNPACKABLE
    if not has_many_loose(folder) or (mark.exists() and time.time() - mark.stat().st_mtime < A_DAY):
        return
    command.run("repack", "-d", "-n", "-q")
    if has_many_loose(folder):
        mark.touch()
