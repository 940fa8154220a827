"""Control groups: a host's processes are those of its group, so none but its own is ever stopped.

Without a group of its own, each nspawn takes the group of its parent, and the hosts' systemd would share one.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import Failed
from ansible_collections.acs.builders.tests.cluster.network import PREFIX

GRACE_SECONDS = 30.0  # for a host to shut down


def make_groups(name: str) -> list[Path]:
    """Make a host's groups, one in each hierarchy that systemd uses, and return where they are."""
    made = [place / f"{PREFIX}{name}" for place in _hierarchies()]
    for group in made:
        group.mkdir(exist_ok=True)
    return made


def stop_groups() -> None:
    """Stop all hosts: nspawn shuts them down in order, and what is there after it is killed. Then remove the groups."""
    _signal(signal.SIGTERM, "supervisor")
    _wait_for_end(GRACE_SECONDS, "supervisor")
    for _attempt in range(10):
        _signal(signal.SIGKILL)
        if _wait_for_end(1):
            break
    else:
        raise Failed(f"These processes of the hosts cannot be killed: {sorted(_processes())}.")
    for group in _groups():
        for folder, _folders, _files in os.walk(group, topdown=False):
            os.rmdir(folder)


def _hierarchies() -> list[Path]:
    """Where systemd keeps its units: one place, or two on a machine that has both versions of control groups."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [
        Path(place)
        for _source, place, kind, options, *_rest in mounts
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(","))
    ]


def _groups() -> list[Path]:
    return [group for place in _hierarchies() for group in place.glob(f"{PREFIX}*/")]


def _processes(part: str = "") -> set[int]:
    """The processes of all hosts, or those in one part of each group."""
    found: set[int] = set()
    for group in _groups():
        for folder, _folders, _files in os.walk(group / part):
            with suppress(OSError):  # the folder goes away meanwhile
                found.update(map(int, Path(folder, "cgroup.procs").read_text().split()))
    return found


def _signal(number: signal.Signals, part: str = "") -> None:
    for pid in _processes(part):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _wait_for_end(seconds: float, part: str = "") -> bool:
    """Wait until the hosts have no process there any more, and return whether it is so."""
    deadline = time.monotonic() + seconds
    while _processes(part):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
