"""The file system in memory, where temporary files are fastest."""

from __future__ import annotations

import os
from pathlib import Path

RAM_DISK = Path("/dev/shm")
"""The file system in memory that every Linux system has (file-hierarchy(7) of systemd)."""


def ram_disk(needed: int) -> Path | None:
    """Return the RAM disk, if it exists, has enough space and can run programs.

    :param needed: bytes that must be free, on it and in memory.
    """
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    options = [mount[3].split(",") for mount in mounts if mount[1:3] == [str(RAM_DISK), "tmpfs"]]
    if not options or "noexec" in options[-1] or not os.access(RAM_DISK, os.W_OK):
        return None
    disk = os.statvfs(RAM_DISK)
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = min(disk.f_bavail * disk.f_frsize, int(memory["MemAvailable"].split()[0]) * 1024)
    return RAM_DISK if free >= needed else None
