# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sanitizing of untrusted text: characters that are not printable are escaped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable


def one_line(text: str) -> str:
    """Return a text on one line, with characters that are not printable escaped.

    Not printable are control characters, line ends, terminal escapes, direction marks and zero-width characters: the
    Unicode categories Other and Separator except the space (``str.isprintable``).
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def short(text: str, limit: int = 100) -> str:
    """Return a text on one line, cut after ``limit`` characters."""
    line = one_line(text[:limit])
    return line if len(text) <= limit else f"{line}…"


def did_you_mean(given: str, choices: Iterable[str]) -> str:
    """Return a question that names the choice most similar to a word, with a space at its end; empty if none is."""
    from difflib import get_close_matches  # takes longer to import than most commands need

    similar = get_close_matches(given, list(choices), n=1)
    return f"Did you mean {similar[0]!r}? " if similar else ""


def visible(text: str) -> str:
    """Return a text of several lines, sanitized except for line ends and tabs."""
    lines = text.replace("\r\n", "\n")
    if lines.replace("\n", "").replace("\t", "").isprintable():
        return lines
    return "".join(char if char in "\n\t" else _visible(char) for char in lines)


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def quoted(text: str, prefix: str = "  | ") -> str:
    """Return a text of several lines with a prefix before each.

    The prefix distinguishes them from the lines around the text.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(f"{prefix}{one_line(line.expandtabs(4))}".rstrip() for line in lines)


def as_text(value: Any) -> str:
    """Convert a value to text.

    Lone surrogates, which UTF-8 cannot encode, become question marks.
    """
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def as_line(value: Any) -> str:
    """Convert a value to one sanitized line."""
    return one_line(as_text(value))


def clean(value: Any, sanitize: Callable[[str], str] = one_line) -> Any:
    """Sanitize all texts of a JSON value.

    :param sanitize: the function for texts; object keys always become one line.
    """
    if isinstance(value, dict):
        return {as_line(key): clean(item, sanitize) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item, sanitize) for item in value]
    return sanitize(as_text(value)) if isinstance(value, str) else value
