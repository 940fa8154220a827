# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine measures of itself, from the kernel's own files."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

GIGABYTE = 10**9


def open_standard_streams() -> None:
    """Open /dev/null for each of standard input, output and error that is closed, as Git does when it starts.

    Else what is opened next gets its number: a program that is given this would read or write something else.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        os.set_inheritable(descriptor, True)
        descriptor = os.dup(descriptor)
    os.close(descriptor)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 (it stays)


def system_facts() -> dict[str, float]:
    """The load of one minute for each core in percent (cpu_usage), used memory and free disk in GB (10⁹ bytes)."""
    return {
        "cpu_usage": round(100 * os.getloadavg()[0] / (os.cpu_count() or 1), 1),
        "memory_used_gb": memory()["used_gb"],
        "disk_free_gb": disk()["free_gb"],
    }


def hostname() -> str:
    """The name of this machine."""
    return os.uname().nodename


def memory() -> dict[str, float]:
    """The memory of this machine and how much of it is used, in GB."""
    return {
        "total_gb": round(_memory("MemTotal") / GIGABYTE, 1),
        "used_gb": round(_memory("MemTotal", "MemAvailable") / GIGABYTE, 1),
    }


def disk() -> dict[str, float]:
    """The size of the root file system and its free room, in GB."""
    usage = shutil.disk_usage("/")
    return {"total_gb": round(usage.total / GIGABYTE, 1), "free_gb": round(usage.free / GIGABYTE, 1)}


def capabilities() -> dict[str, int]:
    """What this machine has: cores, and memory in whole GB."""
    return {"cores": os.cpu_count() or 1, "memory_gb": round(_memory("MemTotal") / GIGABYTE)}


def uptime_seconds() -> int:
    """Seconds since the machine started."""
    return int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]))


def boot_id() -> str:
    """The kernel's name for this run of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _memory(total: str, less: str = "") -> int:
    """Bytes, from /proc/meminfo, which counts in kB."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    amounts = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return amounts[total] - amounts.get(less, 0)
