"""The state of a host: obstacles to its work, and its resource usage."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.tests.ansible_runner import TOP
from ansible_collections.acs.builders.tests.builders import Builders, git

UNFINISHED = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
MARK = "ACS_BUILDERS_RIG"
"""The environment variable that marks the processes of actors; its value is the folder of their world."""


def obstacles(builders: Builders, server: str) -> list[str]:
    """Return what prevents a server from working, even after a repair of the clone."""
    if _obstacles(builders, server):
        _repair(builders, server)
    return _obstacles(builders, server)


def _repair(builders: Builders, server: str) -> None:
    """Repair the clone as the recovery does, once the locks of killed Git processes are old enough."""
    clone = builders.clone(server)
    for lock in (clone / ".git").rglob("*.lock"):
        os.utime(lock, (time.time() - 3600,) * 2)
    program = TOP / "roles" / "build_repository" / "files" / "repair-clone"
    url = git("config", "remote.origin.url", cwd=clone)
    subprocess.run([sys.executable, program, clone, url, "main"], check=True, stdout=subprocess.DEVNULL)


def _obstacles(builders: Builders, server: str) -> list[str]:
    """Return locks and unfinished operations of Git, and unexpected changes in the clone."""
    clone, state = builders.clone(server), builders.state(server)
    found = [f"lock {path.relative_to(state.parent)}" for path in _git_locks(clone / ".git", state)]
    found += [f"clone: {name}" for name in UNFINISHED if (clone / ".git" / name).exists()]
    if not found:
        changes = git("status", "--porcelain", cwd=clone, check=False)
        found += [f"clone changed: {changes}"] if changes else []
    return found


def usage(builders: Builders, server: str) -> dict[str, int]:
    """Return the bytes on disk of a server, and the bytes in memory, descriptors and children of this process."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "disk": _size(builders.state(server).parent),
        "memory": int(status["VmRSS"].split()[0]) * 1024,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "children": len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
    }


def strays(folder: Path) -> list[str]:
    """Return the commands of all running processes that actors of a world have started."""
    found = []
    mark = f"{MARK}={folder}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                found.append(f"{process.name}: {words.strip() or '(ended)'}"[:200])
        except OSError:
            continue  # the process has ended
    return found


def _git_locks(clone: Path, state: Path) -> list[Path]:
    """Return the lock files of Git, without the empty files that this collection keeps beside its repositories."""
    repositories = [clone, *state.glob("repos/*.git"), *state.glob("beats.git")]
    return [lock for repository in repositories for lock in repository.rglob("*.lock")]


def _size(folder: Path) -> int:
    return sum(_blocks(path) for path in folder.rglob("*"))


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0


def inspect(builders: Builders, server: str) -> dict[str, Any]:
    """Return :func:`obstacles` and :func:`usage`."""
    return {"obstacles": obstacles(builders, server), **usage(builders, server)}
