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
from collections.abc import Collection, Iterable, Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, Callable, NamedTuple, NoReturn

_BLANKS = " \t\r\n"
_SPACE = re.compile(r"[ \t\r\n]*")
_COMMA = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
"""The comma after an element, if there is one, with the blanks around it."""
BLOCK_SIZE = 65_536
"""The number of characters of a text that are copied at a time."""
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


class Edit(NamedTuple):
    """A part of a text, as offsets in characters, and the text that replaces it."""

    start: int
    end: int
    new: str


def edited(text: str, edits: Iterable[Edit]) -> Iterator[str]:
    """Yield a text with edits applied, in parts, so that there is no second copy of a large text.

    :param edits: the edits, which do not overlap.
    """
    position = 0
    for edit in sorted(edits):
        yield from _blocks(text, position, edit.start)
        yield edit.new
        position = edit.end
    yield from _blocks(text, position, len(text))


def _blocks(text: str, start: int, end: int) -> Iterator[str]:
    return (text[place : min(place + BLOCK_SIZE, end)] for place in range(start, end, BLOCK_SIZE))


def element_spans(text: str, start: int) -> Iterator[Span]:
    """Yield the spans of the elements of the JSON array that begins at ``start``.

    :param text: a text that was parsed without an error.
    """
    position = skip(text, start + 1)
    while not text.startswith("]", position):
        end = DECODER.raw_decode(text, position)[1]
        yield Span(position, end)
        position = skip(text, end, _COMMA)


def last_end(text: str, end: int) -> int:
    """Return the offset of the end of the last value of a JSON array; that after its bracket if it is empty.

    :param end: the offset of the end of the array.
    """
    position = end - 1
    while text[position - 1] in _BLANKS:
        position -= 1
    return position


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


def set_members(text: str, start: int, spans: dict[str, Span], changes: dict[str, Any], level: int = 0) -> list[Edit]:
    """Return the edits that set members of the JSON object that begins at ``start``.

    An existing member keeps its place. New members are appended, each on its own line.

    :param spans: the spans of its values by key.
    :param changes: the new values by key.
    :param level: the number of arrays and objects around the object.
    """
    texts = {key: dumps(value, text, level + 1) for key, value in changes.items()}
    added = [f"{json.dumps(key)}: {value}" for key, value in texts.items() if key not in spans]
    last = max((span.end for span in spans.values()), default=start + 1)  # a duplicate key keeps its first place
    edits = [Edit(*spans[key], value) for key, value in texts.items() if key in spans]
    return edits + append(text, start, last, added, level)


def append(text: str, start: int, last: int, added: list[str], level: int) -> list[Edit]:
    """Return the edits that append texts of members or elements to the JSON object or array at ``start``.

    :param last: the offset of the end of its last value; that after its bracket if it is empty.
    :param level: the number of arrays and objects around it.
    """
    if not added:
        return []
    inside = ",".join(_new_line(text, level + 1) + one for one in added)
    if last > start + 1:
        return [Edit(last, last, f",{inside}")]
    return [Edit(last, skip(text, last), inside + _new_line(text, level))]


def dumps(value: Any, text: str, level: int) -> str:
    """Return the text of a value on a level of a document.

    It is ASCII, so it cannot control a terminal.
    """
    return json.dumps(value, indent=INDENT, allow_nan=False).replace("\n", _new_line(text, level))


def _new_line(text: str, level: int) -> str:
    """Return a line end, as in the first line, and the indent of a level."""
    end = text.find("\n")
    return ("\r\n" if text[end - 1 : end] == "\r" else "\n") + INDENT * level


def cut(text: str, array_start: int, spans: list[Span], removed: Collection[int]) -> list[Edit]:
    """Return the edits that remove elements from the JSON array at ``array_start``.

    :param spans: the spans of its elements.
    :param removed: the indices of the elements to remove.
    """
    first = next((index for index in range(len(spans)) if index not in removed), None)
    if first is None:
        return [Edit(array_start + 1, skip(text, spans[-1].end), "")] if spans else []
    before = [Edit(spans[index].start, spans[index + 1].start, "") for index in range(first)]
    after = [Edit(spans[index - 1].end, spans[index].end, "") for index in removed if index > first]
    return before + after


def skip(text: str, position: int, what: re.Pattern[str] = _SPACE) -> int:
    """Return the offset after the blanks at an offset.

    :param what: the pattern of what to skip.
    """
    match = what.match(text, position)
    return match.end() if match else position
