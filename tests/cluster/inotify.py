"""The inotify instances, of which the kernel gives all processes of root together a limited number (inotify(7))."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import Failed

LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
PROCESSES = "[0-9]*"
"""The names of the folders of processes in /proc."""
NEEDED = 10
"""The number for a host: 7 when it has booted, and those of its path units and of what runs in it for a moment."""


def require_instances(hosts: int) -> None:
    """Stop when fewer inotify instances are left than hosts need: a unit of theirs would fail at any moment.

    :param hosts: how many hosts are to be booted.
    """
    limit, used = int(LIMIT.read_text()), sum(map(_used, Path("/proc").glob(PROCESSES)))
    if limit - used < hosts * NEEDED:
        raise Failed(
            f"{hosts} hosts need {hosts * NEEDED} inotify instances, but {used} of {limit} are in use. Stop what uses "
            f"them, such as another cluster, or raise the limit: sysctl fs.inotify.max_user_instances={limit * 2}"
        )


def _used(process: Path) -> int:
    count = 0
    with suppress(OSError):  # the process has gone
        for file in process.joinpath("fd").iterdir() if process.stat().st_uid == 0 else ():
            with suppress(OSError):  # the file was closed
                count += os.readlink(file) == "anon_inode:inotify"
    return count
