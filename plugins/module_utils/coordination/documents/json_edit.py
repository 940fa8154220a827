# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of the text of a JSON document: set members, append and remove elements.

An edit changes only the bytes of the changed values. Escapes, spacing, line ends, the order of the keys and unknown
keys are kept. New text is indented by two spaces for each level and has the line ends of the document.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, Callable, NamedTuple, NoReturn

_SPACE = re.compile(r"[ \t\r\n]*")
_AFTER_ELEMENT = re.compile(r"[ \t\r\n]*(?:(\])|,[ \t\r\n]*)")
"""The end of an array, or the comma before the next element."""
MAX_DIGITS = 600
"""The length of the longest whole number. Since 3.9.14 Python reads and prints at most 4,300 digits, or 640 if so
configured (sys.set_int_max_str_digits)."""
INDENT = "  "
"""The indent of each level, as in the files of the shell scripts."""


class Span(NamedTuple):
    """The position of a JSON value in a text, as offsets in characters."""

    start: int
    end: int


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _fraction(text: str) -> float:
    """Parse a number with a fraction or an exponent.

    A number that is too large becomes the largest one, as in jq.
    """
    return max(-sys.float_info.max, min(float(text), sys.float_info.max))


def _whole(text: str) -> int:
    """Parse a whole number.

    A number that is too large becomes the largest one. How many digits Python reads depends on its version.
    """
    return int(text) if len(text) <= MAX_DIGITS else int(_fraction(text))


DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_fraction, parse_int=_whole)
"""A strict decoder, as specified in RFC 8259."""


def elements(text: str, start: int) -> tuple[list[Any], list[Span], int]:
    """Parse the JSON array that begins at ``start``.

    :return: the elements, their spans, and the offset of the end of the array.
    :raises json.JSONDecodeError: if it is not JSON.
    """
    values: list[Any] = []
    spans = []
    position = skip(text, start + 1)
    is_last = text.startswith("]", position)
    while not is_last:
        value, end = DECODER.raw_decode(text, position)
        values.append(value)
        spans.append(Span(position, end))
        after = _AFTER_ELEMENT.match(text, end)
        if after is None:
            raise json.JSONDecodeError("Expecting ',' delimiter", text, skip(text, end))
        position, is_last = after.end(), after.group(1) is not None
    return values, spans, position if values else position + 1


def members(
    text: str, start: int, decode: Callable[[str, int, str], tuple[Any, int]] | None = None
) -> tuple[dict[str, Any], dict[str, Span], int]:
    """Parse the JSON object that begins at ``start``.

    :param decode: gets the text, the offset of a value and its key; returns the value and the offset of its end.
    :return: the members, the spans of their values, and the offset of the end of the object.
    :raises json.JSONDecodeError: if it is not JSON.
    """
    values: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    position = skip(text, start + 1)
    while text[position : position + 1] != "}" or values:
        key, end = scanstring(text, _expect('"', text, position), True)
        position = _expect(":", text, skip(text, end))
        values[key], end = decode(text, position, key) if decode else DECODER.raw_decode(text, position)
        spans[key] = Span(position, end)
        position = skip(text, end)
        if text[position : position + 1] == "}":
            break
        position = _expect(",", text, position)
    return values, spans, position + 1


def _expect(mark: str, text: str, position: int) -> int:
    """Return the offset after a mark and, except in a string, the blanks after it."""
    if not text.startswith(mark, position):
        raise json.JSONDecodeError(f"Expecting {mark!r}", text, position)
    return position + 1 if mark == '"' else skip(text, position + 1)


def set_members(text: str, start: int, spans: dict[str, Span], changes: dict[str, Any], level: int = 0) -> str:
    """Set members of the JSON object that begins at ``start``.

    An existing member keeps its place. New members are appended, each on its own line.

    :param spans: the spans of its values by key.
    :param changes: the new values by key.
    :param level: the number of arrays and objects around the object.
    """
    texts = {key: _dumps(value, text, level + 1) for key, value in changes.items()}
    added = [f"{json.dumps(key)}: {value}" for key, value in texts.items() if key not in spans]
    text = append_texts(text, start, list(spans.values()), added, level)
    for key in sorted(texts.keys() & spans.keys(), key=lambda key: spans[key].start, reverse=True):
        text = text[: spans[key].start] + texts[key] + text[spans[key].end :]
    return text


def append(text: str, array_start: int, spans: list[Span], entries: list[dict[str, Any]], level: int) -> str:
    """Append entries to the JSON array at ``array_start``.

    :param spans: the spans of its elements.
    :param level: the number of arrays and objects around the array.
    """
    return append_texts(text, array_start, spans, [_dumps(entry, text, level + 1) for entry in entries], level)


def append_texts(text: str, start: int, spans: list[Span], added: list[str], level: int) -> str:
    """Append texts of members or elements to the JSON object or array at ``start``.

    :param spans: the spans of its values.
    :param level: the number of arrays and objects around it.
    """
    if not added:
        return text
    inside = ",".join(_new_line(text, level + 1) + one for one in added)
    if spans:
        end = max(span.end for span in spans)  # a duplicate key keeps its first place
        return f"{text[:end]},{inside}{text[end:]}"
    return f"{text[: start + 1]}{inside}{_new_line(text, level)}{text[skip(text, start + 1) :]}"


def _dumps(value: Any, text: str, level: int) -> str:
    """Return the text of a value on a level of a document.

    It is ASCII, so it cannot control a terminal.
    """
    return json.dumps(value, indent=INDENT, allow_nan=False).replace("\n", _new_line(text, level))


def _new_line(text: str, level: int) -> str:
    """Return a line end, as in the first line, and the indent of a level."""
    end = text.find("\n")
    return ("\r\n" if text[end - 1 : end] == "\r" else "\n") + INDENT * level


def cut(text: str, array_start: int, spans: list[Span], removed: Collection[int]) -> str:
    """Remove elements from the JSON array at ``array_start``.

    :param spans: the spans of its elements.
    :param removed: the indices of the elements to remove.
    """
    kept = [index for index in range(len(spans)) if index not in removed]
    if len(kept) == len(spans):
        return text
    if not kept:
        return text[: array_start + 1] + text[skip(text, spans[-1].end) :]
    parts = [text[: spans[0].start], text[slice(*spans[kept[0]])]]
    parts += [text[spans[index - 1].end : spans[index].end] for index in kept[1:]]
    return "".join([*parts, text[spans[-1].end :]])


def skip(text: str, position: int) -> int:
    """Return the offset after the blanks at an offset."""
    match = _SPACE.match(text, position)
    return match.end() if match else position
