"""Where temporary files go: a RAM disk where there is one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

RAM_DISK = Path("/dev/shm")  # noqa: S108 (made by the kernel's or the system's start, tmpfs(5))
NEEDED = 4 * 1024**3
"""Bytes that must be free there."""


def scratch_parent() -> Path | None:
    """The RAM disk, when it has room and programs on it can be run; None where temporary files usually go."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        is_ram_disk = any(mount[1:3] == [str(RAM_DISK), "tmpfs"] for mount in mounts)
        can_execute = not os.statvfs(RAM_DISK).f_flag & os.ST_NOEXEC
        has_room = shutil.disk_usage(RAM_DISK).free >= NEEDED
    except OSError:
        return None
    return RAM_DISK if is_ram_disk and can_execute and has_room and os.access(RAM_DISK, os.W_OK) else None
