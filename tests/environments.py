"""Programs that replace those of this machine, so that each server on it has its own environment."""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.acs.builders.tests.builders import Builders

ABSENT = "exit 127"


def install(builders: Builders, server: str, **scripts: str) -> Path:
    """Install programs for a server that replace those of this machine, and return their folder."""
    folder = builders.folder / server / "bin"
    folder.mkdir(exist_ok=True)
    python = f'PATH="{folder}:$PATH" exec {sys.executable} "$@"'
    for name, script in {"python": python, "java": ABSENT, "mvn": ABSENT, **scripts}.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return folder


def installed(**packages: str) -> str:
    """Return a script that prints packages as dpkg-query does."""
    return "\n".join(
        f"printf '{name}\\t{version}\\tinstall ok installed\\tall\\n'" for name, version in packages.items()
    )
