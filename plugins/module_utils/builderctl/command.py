# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command of builderctl consists of: its arguments and its result."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any, Callable, NamedTuple

from .formats import Paint
from .layout import PROSE

AddCommand = Callable[..., argparse.ArgumentParser]
"""A function that adds a command: its name, its summary, its examples and further text."""


def module(name: str) -> Any:
    """Import a module of this package that only some commands need, because a start takes time."""
    return import_module(f".{name}", __package__)


class Outcome(NamedTuple):
    """The result of a command.

    :param data: the result for programs, a JSON object.
    :param text: a function that renders the result for people.
    :param code: the exit code.
    :param layout: how the text is wrapped, see :mod:`.layout`.
    """

    data: dict[str, Any]
    text: Callable[[Paint], str]
    code: int = 0
    layout: str = PROSE
