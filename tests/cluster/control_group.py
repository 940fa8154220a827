"""Control groups of a rig: one for each host, and one for the programs that work with the rig on the controller.

Without a separate group, each nspawn takes the group of its parent, and the systemd of all hosts would share it. The
groups also identify all processes of a rig, however they were started, so that only these are ended.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import Failed
from ansible_collections.acs.builders.tests.cluster.network import prefix
from ansible_collections.acs.builders.tests.waiting import LIMIT


def make_groups(rig: Path, name: str) -> list[Path]:
    """Create a host's groups, one in each hierarchy that systemd uses, and return their folders."""
    made = [place / f"{prefix(rig)}-{name}" for place in _hierarchies()]
    for group in made:
        group.mkdir(exist_ok=True)
    return made


def join(rig: Path) -> None:
    """Make this process and its children part of the rig: :func:`kill_processes` ends them."""
    (group, *_others) = make_groups(rig, "controller")
    _enter(group)


def runs(rig: Path) -> bool:
    """Return whether a host of the rig is up."""
    return bool(_processes(rig, "payload"))


def stop_hosts(rig: Path) -> None:
    """Shut all hosts down cleanly, and wait until they have stopped."""
    for pid in _processes(rig, "supervisor"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + LIMIT
    while left := _processes(rig, "payload") | _processes(rig, "supervisor"):
        if time.monotonic() > deadline:
            raise Failed(f"The hosts did not shut down within {LIMIT} s. These processes are left: {sorted(left)}.")
        time.sleep(0.05)


def kill_processes(rig: Path) -> None:
    """Kill all processes of a rig except this one, and remove its groups."""
    for place in _hierarchies():
        if _processes(rig) & {os.getpid()}:
            _enter(place)
    deadline = time.monotonic() + LIMIT
    while left := _processes(rig):
        if time.monotonic() > deadline:
            raise Failed(f"These processes of the rig cannot be killed: {sorted(left)}.")
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    while groups := _groups(rig):
        if time.monotonic() > deadline:
            raise Failed(f"These control groups of the rig cannot be removed: {groups}.")
        for group in groups:
            for folder, _folders, _files in os.walk(group, topdown=False):
                with suppress(OSError):  # a process that has ended is counted for another moment
                    os.rmdir(folder)
        time.sleep(0.02)


def _enter(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


def _hierarchies() -> list[Path]:
    """Return the mounts that systemd uses: one, or two on a machine that has both versions of control groups."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [
        Path(place)
        for _source, place, kind, options, *_rest in mounts
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(","))
    ]


def _groups(rig: Path) -> list[Path]:
    return [group for place in _hierarchies() for group in place.glob(f"{prefix(rig)}-*/")]


def _processes(rig: Path, part: str = "") -> set[int]:
    """Return the processes of a rig, or those in one part of each host's group."""
    found: set[int] = set()
    for group in _groups(rig):
        for folder, _folders, _files in os.walk(group / part):
            with suppress(OSError):  # the folder was removed
                found.update(map(int, Path(folder, "cgroup.procs").read_text().split()))
    return found
