# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``builderctl mcp``, which serves the Model Context Protocol to a client without a shell."""

from __future__ import annotations

import sys
from argparse import Namespace
from importlib import metadata

from ..coordination.errors import DependencyMissing
from .command import AddCommand

ENVIRONMENT = "/usr/local/lib/acs-builders/mcp"
"""The Python environment with the SDK, which the role build_manager creates."""
MAJOR_VERSION = "2"
"""The major version of the SDK, the package mcp, whose interface is used."""
PYTHON = (3, 10)
"""The oldest Python on which the SDK runs."""


def add(command: AddCommand) -> None:
    """Add the command."""
    command(
        "mcp",
        "serve inbox, read, send, reply, wait and health as tools of the Model Context Protocol",
        ["builderctl mcp", "claude mcp add --scope user builders -- builderctl mcp"],
        "A client without a shell starts this, and ends it by closing standard input. It needs the SDK for Python,\n"
        "which the setup installs if build_manager_mcp is true.",
    )


def run(args: Namespace) -> int:
    """Serve until standard input ends.

    :return: the exit code.
    :raises DependencyMissing: if the SDK is not installed.
    """
    _find_sdk()
    from .mcp_server import serve

    serve(args.config)
    return 0


def _find_sdk() -> None:
    """Make the SDK importable: that of its own environment, or else that of this Python.

    :raises DependencyMissing: if there is none, or its version is another one.
    """
    own = ".".join(map(str, sys.version_info[:2]))
    if sys.version_info < PYTHON:
        oldest = ".".join(map(str, PYTHON))
        raise DependencyMissing(
            f"The SDK of the Model Context Protocol needs Python {oldest} or later, and this server has Python {own}.",
            "Use the other commands of builderctl, see 'builderctl guide'.",
        )
    sys.path.insert(0, f"{ENVIRONMENT}/lib/python{own}/site-packages")
    try:
        found = metadata.version("mcp")
    except metadata.PackageNotFoundError:
        found = ""
    if found.partition(".")[0] != MAJOR_VERSION:
        state = f"is version {found}, not {MAJOR_VERSION}" if found else "is not installed"
        raise DependencyMissing(
            f"The SDK of the Model Context Protocol for Python {own} {state}.",
            "Set build_manager_mcp: true in the inventory, and run on the controller: ansible-playbook setup.yml",
        )
