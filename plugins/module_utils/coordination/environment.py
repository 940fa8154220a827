# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed on this machine and how it is: the facts that servers tell each other."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .messages import utc_text
from .system import disk_facts, memory_facts

TOOL_SECONDS = 20
"""Seconds after which a program that does not tell its version is left out."""
TOOLS = {
    "java": (["java", "-version"], r'version "([^"\s]+)"'),
    "maven": (["mvn", "--batch-mode", "-version"], r"Apache Maven (\S+)"),
    "git": (["git", "--version"], r"git version (\S+)"),
    "python": (["python3", "--version"], r"Python (\S+)"),
    "node": (["node", "--version"], r"v(\S+)"),
}
"""How each program of the toolchain tells its version."""
INSTALLED = "ok installed"
"""How the status of a package ends that is there, as dpkg-query(1) has it: desired action, error, package status."""

_DPKG = Path("/var/lib/dpkg/info")
_FIELDS = r"${Package}\t${Architecture}\t${Version}\t${Status}\n"


def observe(packages: Sequence[str] | None, paths: Sequence[str], now: datetime) -> dict[str, Any]:
    """Observe this machine.

    :param packages: names to look up; all that are installed when None. Those that dpkg does not know are left out.
    :param paths: of Git repositories whose commit is told; what is none is left out.
    :return: observed_at (UTC), kernel, machine, os, toolchain, packages, disk and memory in GB (10⁹ bytes), load and
        commits.
    """
    return {
        "observed_at": utc_text(now),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "os": _os_name(),
        "toolchain": _toolchain(),
        "packages": _packages(packages),
        "disk": disk_facts(),
        "memory": memory_facts(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "commits": {path: found for path, found in ((path, commit_of(path)) for path in paths) if found},
    }


def commit_of(path: str) -> dict[str, str | None]:
    """The commit of a Git repository and its branch (None when it has none checked out); empty when it is none."""
    commit = _printed(["git", "-C", path, "rev-parse", "--verify", "--quiet", "HEAD"]).strip()
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return {}
    branch = _printed(["git", "-C", path, "symbolic-ref", "--short", "--quiet", "HEAD"]).strip()
    return {"commit": commit, "branch": branch or None}


def _toolchain() -> dict[str, str]:
    found = {tool: re.search(pattern, _printed(command)) for tool, (command, pattern) in TOOLS.items()}
    return {tool: version.group(1) for tool, version in found.items() if version}


def _packages(names: Sequence[str] | None) -> dict[str, dict[str, str | None]]:
    if names is not None and not names:
        return {}
    output = _printed(["dpkg-query", "--show", f"--showformat={_FIELDS}", "--", *(names or [])])
    rows = [line.split("\t") for line in output.splitlines() if line.count("\t") == 3]
    found: dict[str, dict[str, str | None]] = {}
    native = _printed(["dpkg", "--print-architecture"]).strip()
    for name, architecture, version, status in sorted(rows, key=lambda row: (row[0], row[1] in (native, "all"))):
        if names is not None or status.endswith(INSTALLED):
            found[name] = {
                "version": version,
                "status": status,
                "architecture": architecture,
                "installed_at": _installed_at((f"{name}.list", f"{name}:{architecture}.list")),
            }
    return found


def _installed_at(names: Iterable[str]) -> str | None:
    """When dpkg has written the list of a package's files."""
    for name in names:
        try:
            return utc_text(datetime.fromtimestamp((_DPKG / name).stat().st_mtime, timezone.utc))
        except OSError:
            continue
    return None


def _os_name() -> str:
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return platform.system()
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)"?$', text, re.MULTILINE)
    return found.group(1) if found else platform.system()


def _printed(command: list[str]) -> str:
    """All that a program prints; empty when there is none, or it does not end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=TOOL_SECONDS,
            env={**kept, "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"},
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")
