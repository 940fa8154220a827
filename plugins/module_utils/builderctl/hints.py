# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next steps that the output names: commands of a shell, or tools of ``builderctl mcp``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hints:
    """How to do what comes next. ``{}`` stands for the id or the handle."""

    whole: str
    after: str
    mark: str
    reply: str
    acknowledge: str
    thread: str


COMMANDS = Hints(
    whole="builderctl read {} --full",
    after="add --after {}",
    mark="builderctl mark-read {}",
    reply="builderctl reply ID TEXT",
    acknowledge="builderctl ack ID",
    thread="builderctl read --thread {}",
)
TOOLS = Hints(
    whole="tool read, ids [{}], full true",
    after="add after {}",
    mark="tool inbox, mark_read [{}]",
    reply="tool reply",
    acknowledge="tool inbox, acknowledge [ID]",
    thread="tool read, thread {}",
)
