"""The package repository that the Git host serves, the only one that the hosts use."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import run


def write_index(folder: Path) -> None:
    """Write the index of the packages in a folder for apt."""
    entries = []
    for package in sorted(folder.glob("*.deb")):
        content = package.read_bytes()
        fields = {
            "Filename": f"./{package.name}",
            "Size": len(content),
            "SHA256": hashlib.sha256(content).hexdigest(),
        }
        lines = [run("dpkg-deb", "--field", package), *(f"{name}: {value}" for name, value in fields.items())]
        entries.append("\n".join(lines) + "\n")
    (folder / "Packages").write_text("\n".join(entries))


def make_package(folder: Path, name: str, version: str, postinst: str = "", provides: str = "") -> Path:
    """Add a package with one text file to a repository, and return its path.

    :param postinst: shell commands that run when it is installed.
    :param provides: the name of a package that it provides.
    """
    package = folder / f"{name}_{version}_all.deb"
    with tempfile.TemporaryDirectory() as scratch:
        content = Path(scratch) / f"usr/share/{name}/version"
        content.parent.mkdir(parents=True)
        content.write_text(f"{version}\n")
        control = Path(scratch) / "DEBIAN/control"
        control.parent.mkdir()
        control.write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
            f"Maintainer: tests <root@localhost>\nDescription: made for a test\n"
            + (f"Provides: {provides}\n" if provides else "")
        )
        if postinst:
            script = control.with_name("postinst")
            script.write_text(f"#!/bin/sh\n{postinst}\n")
            script.chmod(0o755)
        Path(scratch).chmod(0o755)
        run("dpkg-deb", "--build", "--root-owner-group", scratch, package)
    write_index(folder)
    return package
