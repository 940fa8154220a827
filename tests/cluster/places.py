"""The folders of rigs and images."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import Failed
from ansible_collections.acs.builders.tests.ram_disk import RAM_DISK, ram_disk

TOP = Path(__file__).resolve().parents[2]
ROOM = 2 << 30
"""Bytes that must be free for the rigs of a run to be created in memory; one rig needs about a tenth of it."""


def cache() -> Path:
    """Return the folder of the files that are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acs-builders"


def homes() -> list[Path]:
    """Return the folders in which this checkout's rigs can be, the best first."""
    ours = hashlib.sha256(str(TOP).encode()).hexdigest()[:8]
    return [RAM_DISK / "acs-builders" / ours, cache() / "rigs" / ours]


def place(name: str) -> Path:
    """Return the folder of a rig: the existing one, or that of a new rig."""
    folders = [home / name for home in homes()]
    return next((folder for folder in folders if folder.exists()), folders[0] if ram_disk(ROOM) else folders[-1])


def make_home(rig: Path) -> None:
    """Create the parent of a rig's folder.

    :raises Failed: if it belongs to another user.
    """
    for folder in (rig.parent.parent, rig.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            raise Failed(f"The folder {folder} is a symbolic link or belongs to another user.")
