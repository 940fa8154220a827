"""A small file system for this process only, which can be made full or read-only. Needs root.

It is mounted over one folder, in a separate mount namespace, so it is unmounted when the process ends.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

MEGABYTES = 48
_CLONE_NEWNS = 0x00020000
_FILLER = "filler"


def cannot() -> str:
    """Return why this cannot be done on this machine; empty if it can."""
    if os.geteuid() != 0:
        return "needs root, to mount a small file system"
    if not shutil.which("mount") or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        return "needs permission to create a mount namespace"
    return ""


def cover(folder: Path) -> None:
    """Mount a small file system over a folder, with the same content."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _mount("--make-rprivate", "/")
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, Path(copy) / "all", symlinks=True)
        _mount("-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0700", "tmpfs", str(folder))
        shutil.copytree(Path(copy) / "all", folder, symlinks=True, dirs_exist_ok=True)


def fill(folder: Path, left: int) -> None:
    """Fill the file system over a folder, except for some bytes, in whole blocks.

    :raises RuntimeError: without filling anything, if this process has not mounted it with :func:`cover`.
    """
    if not folder.is_mount():
        raise RuntimeError(f"{folder} is on the disk of this machine, which must not be filled")
    with (folder / _FILLER).open("wb") as filler:
        free = os.statvfs(folder)
        os.posix_fallocate(filler.fileno(), 0, max(1, free.f_bavail * free.f_bsize - left))


def free(folder: Path) -> None:
    """Undo :func:`fill`."""
    (folder / _FILLER).unlink(missing_ok=True)


def set_read_only(folder: Path, read_only: bool) -> None:
    """Mount the file system read-only, or writable again."""
    _mount("-o", "remount,ro" if read_only else "remount,rw", str(folder))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
