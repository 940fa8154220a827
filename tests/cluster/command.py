"""Running and installing the programs that the rig needs on the controller."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = {
    "dpkg-deb": "dpkg",
    "git": "git",
    "ip": "iproute2",
    "journalctl": "systemd",
    "mmdebstrap": "mmdebstrap",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "ssh": "openssh-client",
    "systemd-nspawn": "systemd-container",
}


class Failed(Exception):
    """An operation of the rig failed; the text says why, in a sentence."""


def run(*command: str | Path, check: bool = True, cwd: Path | None = None, **environment: str) -> str:
    """Run a program and return its standard output.

    TMPDIR is a folder that every root file system has, since some programs run inside of one.

    :raises Failed: with the end of its output, if it fails.
    """
    words = list(map(str, command))
    result = subprocess.run(
        words,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": "/tmp", **environment},
    )
    if check and result.returncode:
        output = "\n".join((result.stdout + result.stderr).strip().splitlines()[-20:])
        raise Failed(f"{' '.join(words)} failed with {result.returncode}: {output}")
    return result.stdout.strip()


def require_root() -> None:
    """Fail if this process does not run as root."""
    if os.geteuid():
        raise Failed("The test rig needs root, because it mounts file systems and creates network interfaces.")


def require_molecule() -> None:
    """Fail if molecule started this process but has ended: Ansible's workers survive a signal to it."""
    if "MOLECULE_SCENARIO_NAME" not in os.environ:
        return
    pid = os.getppid()
    while pid > 1:
        if any(Path(word).name == "molecule" for word in Path(f"/proc/{pid}/cmdline").read_text().split("\0")):
            return
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    raise Failed("Molecule has ended.")


def install_missing() -> None:
    """Install the programs of the rig that are missing."""
    missing = sorted({package for program, package in PACKAGES.items() if not shutil.which(program)})
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise Failed(
            f"The test rig needs these packages, but apt-get is not available to install them: {', '.join(missing)}."
        )
    print(f"controller: installing {', '.join(missing)}", flush=True)
    run("apt-get", "update")
    run("apt-get", "install", "--yes", "--no-install-recommends", *missing, DEBIAN_FRONTEND="noninteractive")


@contextmanager
def timed(what: str, done: str) -> Iterator[None]:
    """Print what was done inside the context, and how long it took."""
    started = time.monotonic()
    yield
    print(f"{what}: {done} in {time.monotonic() - started:.1f} s", flush=True)
