# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign text made harmless: nothing in it acts on a terminal, reads as another line or hides."""

from __future__ import annotations

from typing import Any, Callable


def one_line(text: str) -> str:
    """A text on one line: every character that cannot be seen stands as its escape.

    That goes for control characters, line ends, terminal escapes, direction marks and zero-width characters
    (Unicode categories Other and Separator, but for the space: ``str.isprintable``).
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def short(text: str, limit: int = 100) -> str:
    """A text on one line, cut where it is longer than any honest one."""
    line = one_line(text[:limit])
    return line if len(text) <= limit else f"{line}…"


def visible(text: str) -> str:
    """A text of several lines: as :func:`one_line`, but line ends and tabs stay."""
    lines = text.replace("\r\n", "\n")
    if lines.replace("\n", "").replace("\t", "").isprintable():
        return lines
    return "".join(char if char in "\n\t" else _visible(char) for char in lines)


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def quoted(text: str, mark: str = "  | ") -> str:
    """A text of several lines, each behind a mark, so that none can pass for a line of whoever prints it."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(f"{mark}{one_line(line.expandtabs(4))}".rstrip() for line in lines)


def as_text(value: Any) -> str:
    """A value as text; lone surrogates, which no encoding has, become question marks."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")


def as_line(value: Any) -> str:
    """A value as one harmless line."""
    return one_line(as_text(value))


def clean(value: Any, show: Callable[[str], str] = one_line) -> Any:
    """A value of a document with all its texts harmless, as those of a message are shown.

    :param show: what makes a text harmless; keys become one line in any case.
    """
    if isinstance(value, dict):
        return {as_line(key): clean(item, show) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item, show) for item in value]
    return show(as_text(value)) if isinstance(value, str) else value
