# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed on this machine: packages, kernel, toolchain, and the commits of its repositories."""

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

PATIENCE = 10
"""Seconds that a program has to tell its version, or Git to tell a commit."""
DPKG_PATIENCE = 60
"""Seconds that dpkg-query has."""
DPKG_INFO = Path("/var/lib/dpkg/info")
TOOLS = {
    "java": (("java", "-version"), r'version "([^"]+)"'),
    "maven": (("mvn", "--version"), r"Apache Maven ([0-9][\w.+-]*)"),
    "git": (("git", "--version"), r"git version ([0-9][\w.+-]*)"),
    "python": (("python3", "--version"), r"Python ([0-9][\w.+-]*)"),
    "node": (("node", "--version"), r"(?m)^v([0-9][\w.+-]*)"),
}
"""How each program of the toolchain is asked, and where its answer has the version."""
_PACKAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_FORMAT = r"--showformat=${Package}\t${Version}\t${Status}\t${Architecture}\n"
_PROVIDES = r"--showformat=${Package}\t${Version}\t${Status}\t${Architecture}\t${Provides}\n"


def observe(packages: Sequence[str] | None, paths: Sequence[str]) -> dict[str, Any]:
    """What is on this machine now.

    :param packages: the packages to look for; None for all that are installed.
    :param paths: folders with a Git repository each. What is none is left out.
    :raises ObservationFailed: when dpkg-query fails.
    """
    return {
        "observed_at": utc_text(datetime.now(timezone.utc)),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "os": _operating_system(),
        "toolchain": _toolchain(),
        "packages": _packages(packages),
        "disk": disk(),
        "memory": memory(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "commits": _commits(paths),
    }


def is_installed(status: str) -> bool:
    """Whether a package with this status of dpkg can be used; with triggers to be run it can."""
    return status.endswith((" installed", " triggers-awaited", " triggers-pending"))


def _operating_system() -> str:
    """The name of the operating system, as os-release(5) has it."""
    for path in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        with suppress(OSError, ValueError):
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("PRETTY_NAME="):
                    return "".join(shlex.split(line.partition("=")[2]))
    return platform.system()


def _toolchain() -> dict[str, str]:
    versions = {}
    for tool, (command, pattern) in TOOLS.items():
        done = _run(command, PATIENCE)
        found = re.search(pattern, done.stdout + done.stderr) if done and done.returncode == 0 else None
        if found:
            versions[tool] = found[1]
    return versions


def _packages(wanted: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    names = None if wanted is None else [name for name in wanted if _PACKAGE_NAME.fullmatch(name)]
    if names == [] or shutil.which("dpkg-query") is None:
        return {}
    found: dict[str, dict[str, Any]] = {}
    own = ""
    for name, version, status, architecture in _dpkg_query(_FORMAT, "--", *(names or [])):
        if status.endswith(" not-installed") or (names is None and not is_installed(status)):
            continue
        if name in found:
            own = own or _own_architecture()
            if architecture != own:
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
    """What is installed in the place of packages that are not: those that provide a virtual or a renamed one."""
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
    """The lines that dpkg-query shows, each with its fields.

    :raises ObservationFailed: when it fails.
    """
    done = _run(["dpkg-query", "--show", *arguments], DPKG_PATIENCE)
    if done is None or done.returncode not in (0, 1):  # 1: a name is unknown
        said = "no answer in time" if done is None else " ".join(done.stderr.split())
        raise ObservationFailed(
            f"dpkg-query does not tell what is installed ({said}).",
            "See what 'dpkg-query --show' and 'dpkg --audit' say.",
        )
    return [line.split("\t") for line in done.stdout.splitlines()]


def _own_architecture() -> str:
    done = _run(["dpkg", "--print-architecture"], PATIENCE)
    return done.stdout.strip() if done else ""


def _installed_at(name: str, architecture: str) -> str | None:
    """When dpkg wrote its list of the package's files; the list of a multi-arch package has its architecture."""
    for path in (DPKG_INFO / f"{name}:{architecture}.list", DPKG_INFO / f"{name}.list"):
        with suppress(OSError):
            return utc_text(datetime.fromtimestamp(path.stat().st_mtime, timezone.utc))
    return None


def _commits(paths: Sequence[str]) -> dict[str, dict[str, str | None]]:
    commits = {}
    for path in paths:
        with suppress(ValueError):  # a text that no path can be
            commit = commit_of(os.path.realpath(path))
            if commit:
                commits[path] = commit
    return commits


def commit_of(folder: str) -> dict[str, str | None] | None:
    """What is checked out in a folder that is itself a repository, whose owner Git accepts; None for another.

    Nothing that the settings of that repository name is run: ``git rev-parse`` runs no hook and no monitor.
    """
    done = _run(
        ["git", "-C", folder, "rev-parse", "HEAD", "--symbolic-full-name", "HEAD"],
        PATIENCE,
        GIT_CEILING_DIRECTORIES=os.path.dirname(folder),
    )
    if done is None or done.returncode != 0:
        return None
    commit, reference = done.stdout.split()
    branch = reference[len("refs/heads/") :] if reference.startswith("refs/heads/") else None
    return {"commit": commit, "branch": branch}


def _run(command: Sequence[str], patience: float, **more: str) -> subprocess.CompletedProcess[str] | None:
    """Run a program to its end, in English; None when it cannot be run or is ended, with its children, as too slow."""
    kept: Mapping[str, str] = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={**kept, "LC_ALL": "C", **more},
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except (OSError, ValueError):
        return None
    with process:
        try:
            stdout, stderr = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return None
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
