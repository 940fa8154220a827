# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``builderctl guide``: docs/agents.md as it is for this server."""

from __future__ import annotations

import re
from pathlib import Path

from ..coordination.errors import CoordinationError, StateUnusable
from ..coordination.identity.config import Config
from ..coordination.identity.fleet import identify, load_fleet
from ..coordination.state_dir import StateDirectory
from .command import AddCommand, Outcome
from .layout import DOCUMENT

PAGES = (Path(__file__).parents[1] / "agents.md", Path(__file__).parents[3] / "docs" / "agents.md")
"""The page: that of the installed command, or that of a clone of the collection."""


def add(command: AddCommand) -> None:
    """Add the command."""
    command(
        "guide",
        "print the manual for the manager of this server",
        ["builderctl guide", "builderctl guide --json"],
        "It has the ids and the paths of this server.",
    )


def run(config: Config) -> Outcome:
    """Return the page with the ids and the paths of this server, without access to the network.

    :raises CoordinationError: if this host cannot be identified, or the page is missing.
    """
    page = next((path for path in PAGES if path.is_file()), None)
    if page is None:
        raise StateUnusable(
            f"{PAGES[0]} does not exist.", "Install it again from the controller: ansible-playbook setup.yml"
        )
    text = fill(page.read_text(encoding="utf-8"), values(config)).rstrip("\n")
    return Outcome({"guide": text}, lambda _paint: text, layout=DOCUMENT)


def values(config: Config) -> dict[str, str]:
    """Return what the placeholders of the page mean on this server.

    :raises CoordinationError: if this host cannot be identified.
    """
    state = StateDirectory(config.state_dir)
    fleet = load_fleet(state)
    own_id = identify(fleet, state)
    try:
        partner = fleet.default_recipient(own_id)
    except CoordinationError:
        partner = "all"
    return {
        "SERVER_ID": own_id,
        "PARTNER_ID": partner,
        "TOKEN_FILE": config.pat_file,
        "CLONE_PATH": config.repo,
        "LOG_FOLDER": config.log_folder,
    }


def fill(text: str, meanings: dict[str, str]) -> str:
    """Return a text with its placeholders replaced."""
    return re.sub(rf"\b({'|'.join(meanings)})\b", lambda found: meanings[found[0]], text)
