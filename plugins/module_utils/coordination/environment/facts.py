# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of this machine: packages, kernel, toolchain, commits."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import ObservationFailed
from ..machine import disk, memory
from ..timestamps import utc_text

TIMEOUT = 10
"""Maximum of seconds for a program to print its version, or for Git to print a commit."""
DPKG_TIMEOUT = 60
"""Maximum of seconds for dpkg-query."""
DPKG_INFO = Path("/var/lib/dpkg/info")
TOOLS = {
    "java": (("java", "-version"), r'version "([^"]+)"'),
    "maven": (("mvn", "--version"), r"Apache Maven ([0-9][\w.+-]*)"),
    "git": (("git", "--version"), r"git version ([0-9][\w.+-]*)"),
    "python": (("python3", "--version"), r"Python ([0-9][\w.+-]*)"),
    "node": (("node", "--version"), r"(?m)^v([0-9][\w.+-]*)"),
}
"""The command that prints the version of each program, and the pattern of the version in its output."""
_PACKAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_FORMAT = r"--showformat=${Package}\t${Version}\t${Status}\t${Architecture}\n"
_PROVIDES = r"--showformat=${Package}\t${Version}\t${Status}\t${Architecture}\t${Provides}\n"


def observe(packages: Sequence[str] | None, paths: Sequence[str], toolchain: bool = True) -> dict[str, Any]:
    """Return the environment of this machine.

    :param packages: the names of the packages to return; None for all installed ones.
    :param paths: folders, each with a Git repository; other folders are omitted from the result.
    :param toolchain: whether to run the programs of ``TOOLS`` for their versions.
    :return: the return value ``builders_environment`` of build_environment_fact; sizes in GB.
    :raises ObservationFailed: if dpkg-query fails.
    """
    return {
        "observed_at": utc_text(datetime.now(timezone.utc)),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "os": _operating_system(),
        "toolchain": _toolchain() if toolchain else {},
        "packages": _packages(packages),
        "disk": disk(),
        "memory": memory(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "commits": _commits(paths),
    }


def is_installed(status: str) -> bool:
    """Return whether a status of dpkg means that a package is installed.

    A package with pending triggers is installed, too (dpkg-query(1)).
    """
    return status.endswith((" installed", " triggers-awaited", " triggers-pending"))


def _operating_system() -> str:
    """Return the name of the operating system, from os-release(5)."""
    for path in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        with suppress(OSError, ValueError):
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("PRETTY_NAME="):
                    return "".join(shlex.split(line.partition("=")[2]))
    return platform.system()


def _toolchain() -> dict[str, str]:
    """Return the version of each installed program of ``TOOLS``."""
    versions = {}
    for tool, (command, pattern) in TOOLS.items():
        done = _run(command, TIMEOUT)
        found = re.search(pattern, done.stdout + done.stderr) if done and done.returncode == 0 else None
        if found:
            versions[tool] = found[1]
    return versions


def _packages(wanted: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    names = None if wanted is None else [name for name in wanted if _PACKAGE_NAME.fullmatch(name)]
    if names == [] or shutil.which("dpkg-query") is None:
        return {}
    found: dict[str, dict[str, Any]] = {}
    native = ""
    for name, version, status, architecture in _dpkg_query(_FORMAT, "--", *(names or [])):
        if status.endswith(" not-installed") or (names is None and not is_installed(status)):
            continue
        if name in found:
            native = native or _native_architecture()
            if architecture != native:
                continue
        found[name] = {
            "version": version,
            "status": status,
            "architecture": architecture,
            "installed_at": _installed_at(name, architecture) if is_installed(status) else None,
        }
    missing = {name for name in names or [] if not is_installed(found.get(name, {}).get("status", ""))}
    return {**found, **(_provided(missing) if missing else {})}


def _provided(names: set[str]) -> dict[str, dict[str, Any]]:
    """Return the packages that provide others, by the name that they provide."""
    provided: dict[str, dict[str, Any]] = {}
    for package, version, status, architecture, provides in sorted(_dpkg_query(_PROVIDES)):
        for name in names & {one.split("(")[0].strip() for one in provides.split(",")} - provided.keys():
            if is_installed(status):
                provided[name] = {
                    "version": version,
                    "status": status,
                    "architecture": architecture,
                    "installed_at": _installed_at(package, architecture),
                    "provided_by": package,
                }
    return provided


def _dpkg_query(*arguments: str) -> list[list[str]]:
    """Return the lines of ``dpkg-query --show``, each as a list of its fields.

    :raises ObservationFailed: if it fails.
    """
    done = _run(["dpkg-query", "--show", *arguments], DPKG_TIMEOUT)
    if done is None or done.returncode not in (0, 1):  # 1: a name is unknown
        output = f"no result within {DPKG_TIMEOUT} s" if done is None else " ".join(done.stderr.split())
        raise ObservationFailed(
            f"dpkg-query cannot list the installed packages ({output}).",
            "Run 'dpkg --audit', and correct the problems that it prints.",
        )
    return [line.split("\t") for line in done.stdout.splitlines()]


def _native_architecture() -> str:
    done = _run(["dpkg", "--print-architecture"], TIMEOUT)
    return done.stdout.strip() if done else ""


def _installed_at(name: str, architecture: str) -> str | None:
    """Return the time of the installation of a package.

    It is that of the list of files that dpkg wrote. The list of a multi-arch package has its architecture.
    """
    for path in (DPKG_INFO / f"{name}:{architecture}.list", DPKG_INFO / f"{name}.list"):
        with suppress(OSError):
            return utc_text(datetime.fromtimestamp(path.stat().st_mtime, timezone.utc))
    return None


def _commits(paths: Sequence[str]) -> dict[str, dict[str, str | None]]:
    commits = {}
    for path in paths:
        with suppress(ValueError):  # a null byte, which no path has
            commit = commit_of(os.path.realpath(path))
            if commit:
                commits[path] = commit
    return commits


def commit_of(folder: str) -> dict[str, str | None] | None:
    """Return the commit that is checked out in a folder.

    ``git rev-parse`` runs no program from the configuration of that repository, neither hooks nor a file system
    monitor.

    :return: ``commit`` and ``branch`` (None if detached); None if the folder is not the top of a repository, or Git
        rejects its owner (safe.directory).
    """
    done = _run(
        ["git", "-C", folder, "rev-parse", "HEAD", "--symbolic-full-name", "HEAD"],
        TIMEOUT,
        GIT_CEILING_DIRECTORIES=os.path.dirname(folder),
    )
    if done is None or done.returncode != 0:
        return None
    commit, reference = done.stdout.split()
    branch = reference[len("refs/heads/") :] if reference.startswith("refs/heads/") else None
    return {"commit": commit, "branch": branch}


def _run(command: Sequence[str], timeout: float, **variables: str) -> subprocess.CompletedProcess[str] | None:
    """Run a program with English output.

    It is killed with its children after ``timeout`` seconds.

    :param variables: environment variables to add.
    :return: None if it cannot be run, or was killed.
    """
    inherited: Mapping[str, str] = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={**inherited, "LC_ALL": "C", **variables},
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except (OSError, ValueError):
        return None
    with process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return None
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
