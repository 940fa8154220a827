# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of this machine, read from /proc and the operating system."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

GIGABYTE = 10**9
"""Bytes."""


def system_facts() -> dict[str, float]:
    """Return the load of this machine.

    :return: ``cpu_usage``: the load average of one minute for each core, in percent; ``memory_used_gb`` and
        ``disk_free_gb``, in GB (10⁹ bytes).
    """
    return {
        "cpu_usage": round(100 * os.getloadavg()[0] / (os.cpu_count() or 1), 1),
        "memory_used_gb": memory()["used_gb"],
        "disk_free_gb": disk()["free_gb"],
    }


def hostname() -> str:
    """Return the host name of this machine."""
    return os.uname().nodename


def memory() -> dict[str, float]:
    """Return ``total_gb`` and ``used_gb``, the total and the used memory in GB."""
    return {
        "total_gb": round(_memory("MemTotal") / GIGABYTE, 1),
        "used_gb": round(_memory("MemTotal", "MemAvailable") / GIGABYTE, 1),
    }


def disk() -> dict[str, float]:
    """Return the size and the free space of the root file system.

    :return: ``total_gb`` and ``free_gb``, in GB.
    """
    usage = shutil.disk_usage("/")
    return {"total_gb": round(usage.total / GIGABYTE, 1), "free_gb": round(usage.free / GIGABYTE, 1)}


class Space(NamedTuple):
    """The file system of a path: its number (st_dev), and its free bytes."""

    device: int
    free: int


def free_space(path: str) -> Space | None:
    """Return the free space of the file system of a path; None if the path does not exist or cannot be read."""
    try:
        return Space(os.stat(path).st_dev, shutil.disk_usage(path).free)
    except OSError:
        return None


def capabilities() -> dict[str, int]:
    """Return ``cores`` and ``memory_gb``, the memory in whole GB."""
    return {"cores": os.cpu_count() or 1, "memory_gb": round(_memory("MemTotal") / GIGABYTE)}


def uptime_seconds() -> int:
    """Return the seconds since this machine was booted, from /proc/uptime (proc(5))."""
    return int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]))


def boot_id() -> str:
    """Return the UUID that the kernel generates at each boot (random(4))."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _memory(name: str, less: str = "") -> int:
    """Return a value of /proc/meminfo in bytes; ``less`` is subtracted."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    amounts = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return amounts[name] - amounts.get(less, 0)
