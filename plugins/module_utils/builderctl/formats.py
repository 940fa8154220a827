# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of single values in the output of builderctl: words, ages and colours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Callable

from ..coordination.text import one_line
from ..coordination.timestamps import duration, parse_time

Paint = Callable[[str, str], str]
"""A function that colours a text by the name of a type of message or of a state of a server."""

COLOURS = {"error": 31, "stale": 31, "missing": 31, "warning": 33, "aging": 33, "request": 36, "ok": 32}
"""SGR numbers (ECMA-48, section 8.3.117): 31 red, 32 green, 33 yellow, 36 cyan."""

_WORD = re.compile(r"[\w.:@/+~=%-]+", re.ASCII)
_SPECIAL = re.compile(r'(\\*)(["$`]|$)')
"""What a shell interprets in double quotes (POSIX.1-2017, Shell Command Language, section 2.2.3)."""


def painter(colours: bool) -> Paint:
    """Return a function that colours texts, or returns them unchanged."""

    def paint(text: str, name: str) -> str:
        return f"\x1b[{COLOURS[name]}m{text}\x1b[0m" if colours and name in COLOURS else text

    return paint


def word(value: Any) -> str:
    """Render a value on one line; a text that is not a plain word is quoted, also for a shell."""
    if not isinstance(value, str):
        return one_line(json.dumps(value, ensure_ascii=False))
    if _WORD.fullmatch(value):
        return value
    escaped = _SPECIAL.sub(lambda found: found[1] * 2 + (f"\\{found[2]}" if found[2] else ""), one_line(value))
    return f'"{escaped}"'


def words(values: Iterable[Any]) -> str:
    """Render values from the repository, with commas between them."""
    return ", ".join(map(word, values))


def age(timestamp: Any, now: datetime) -> str:
    """Render the age of a timestamp, or how far it is ahead; empty if it is invalid."""
    moment = parse_time(timestamp)
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"{duration(-seconds)} ahead"
