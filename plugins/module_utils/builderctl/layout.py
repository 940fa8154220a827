# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of the output for people: lines that fit the terminal."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from typing import TextIO

WIDTH = 80
"""The width where standard output is not a terminal, in columns."""
MIN_WIDTH = 40
"""The minimum width, in columns."""
FRAME = "| "
"""The prefix of each line of a text that others have written."""
PROSE, RECORDS, DOCUMENT = "prose", "records", "document"
"""How a text is wrapped: always; on a terminal only, so that programs get one line for each record; always except for
the blocks of code of a Markdown document."""
CODE = "```"
"""What the first and the last line of a block of code begin with (CommonMark, fenced code blocks)."""

_COLOUR = re.compile("\x1b\\[[0-9]*m")


def terminal_width() -> int:
    """Return the width of the terminal in columns; ``WIDTH`` if standard output is not a terminal."""
    return max(MIN_WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)


def fit(text: str, kind: str = PROSE, stream: TextIO | None = None) -> str:
    """Wrap the lines of a text that are too long, at spaces. No character except these spaces is removed.

    What follows the last colon of a line, often a command, stays on one line if it fits.

    The continuation of a framed line is framed, that of another line is indented, so that no text of others can begin a
    line. On a terminal, which would wrap it without that, a word that is too long is broken.

    :param kind: ``PROSE``, ``RECORDS`` or ``DOCUMENT``.
    :param stream: where it is printed; standard output if it is not given.
    """
    is_terminal = (stream or sys.stdout).isatty()
    if kind == RECORDS and not is_terminal:
        return text
    width = terminal_width()
    lines: list[str] = []
    in_code = False
    for line in text.split("\n"):
        in_code ^= kind == DOCUMENT and line.lstrip().startswith(CODE)
        lines += [line] if in_code else _lines(line, width, is_terminal)
    return "\n".join(lines)


def _lines(line: str, width: int, break_words: bool) -> list[str]:
    if len(_COLOUR.sub("", line)) <= width:
        return [line]
    start = FRAME if line.startswith(FRAME) else line[: len(line) - len(line.lstrip())]
    indent = f"{start}  " if start == FRAME else f"{start}    "
    lines = textwrap.wrap(
        line[len(start) :],
        width,
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=break_words,
        break_on_hyphens=False,
    )
    head, colon, tail = line.rpartition(": ")
    if start != FRAME and colon and len(lines[-1]) < len(indent + tail) <= width:  # a command, in one piece
        return [*_lines(head + colon.rstrip(), width, break_words), indent + tail]
    return lines or [start]
