# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting members, and appending and removing elements, in the text of a JSON document.

A change touches the bytes of what it changes and no others: escapes, spacing, line ends, key
order and keys that nobody here knows stay as they were.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple, NoReturn

_SPACE = re.compile(r"[ \t\r\n]*")
INDENT = "  "
"""The indent of documents that this package makes, as the shell scripts left them."""
MAX_BLANKS = 100
"""Blanks between two values that are kept as a layout: more, and each new value would bring as many."""


class Span(NamedTuple):
    """Where a JSON value stands in a text, as offsets in characters."""

    start: int
    end: int


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _fraction(text: str) -> float:
    """A number with a fraction or an exponent; what is too large is the largest there is, as jq reads it."""
    return max(-sys.float_info.max, min(float(text), sys.float_info.max))


DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_fraction)
"""Reads JSON as RFC 8259 has it."""


def elements(text: str, start: int) -> list[Span]:
    """The spans of the elements of the JSON array that begins at ``start``."""
    spans = []
    position = skip(text, start + 1)
    while text[position] != "]":
        end = DECODER.raw_decode(text, position)[1]
        spans.append(Span(position, end))
        position = skip(text, end)
        if text[position] == ",":
            position = skip(text, position + 1)
    return spans


def members(text: str, start: int) -> dict[str, Span]:
    """The spans of the values of the JSON object that begins at ``start``, by key, in order."""
    spans: dict[str, Span] = {}
    position = skip(text, start + 1)
    while text[position] != "}":
        key, end = scanstring(text, position + 1, True)
        value_start = skip(text, skip(text, end) + 1)
        value_end = DECODER.raw_decode(text, value_start)[1]
        spans[key] = Span(value_start, value_end)
        position = skip(text, value_end)
        if text[position] == ",":
            position = skip(text, position + 1)
    return spans


def set_members(text: str, start: int, changes: dict[str, Any]) -> str:
    """Set members of the JSON object that begins at ``start``.

    A member that is there keeps its place; new ones come at the end, in the object's own layout.
    """
    spans = members(text, start)
    layout = _object_layout(text, start, spans)
    new = {key: value for key, value in changes.items() if key not in spans}
    if new:
        lines = [f"{layout.before}{_dumps(key, layout)}{layout.colon}{_dumps(v, layout)}" for key, v in new.items()]
        added = ",".join(lines)
        if spans:
            end = max(span.end for span in spans.values())  # a key that stands there twice keeps its first place
            text = f"{text[:end]},{added}{text[end:]}"
        else:
            close = skip(text, start + 1)
            text = f"{text[: start + 1]}{added}{layout.after}{text[close:]}"
    for key in sorted((k for k in changes if k in spans), key=lambda k: spans[k].start, reverse=True):
        span = spans[key]
        text = text[: span.start] + _dumps(changes[key], layout) + text[span.end :]
    return text


class _Layout(NamedTuple):
    """How members of an object stand: what is before a member, before the closing brace, around colons."""

    before: str
    after: str
    colon: str
    indent: str | None


def _object_layout(text: str, start: int, spans: dict[str, Span]) -> _Layout:
    if not spans:
        return _first_layout(text, start)
    first_key = skip(text, start + 1)
    before = _as_layout(text[start + 1 : first_key])
    key_end = scanstring(text, first_key + 1, True)[1]
    colon = text[key_end : skip(text, skip(text, key_end) + 1)]
    colon = colon if len(colon) <= MAX_BLANKS else ": "
    if "\n" not in before:
        return _Layout(" " if colon.endswith(" ") else "", "", colon, None)
    indent = before.rpartition("\n")[2]
    outer = line_indent(text, start)
    return _Layout(before, "", colon, indent[len(outer) :] or INDENT)


def _first_layout(text: str, start: int) -> _Layout:
    """How what comes into the empty array or object at ``start`` stands: indented, with the document's line ends."""
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = newline + line_indent(text, start)
    return _Layout(indent + INDENT, indent, ": ", INDENT)


def append(text: str, array_start: int, spans: list[Span], entries: list[dict[str, Any]]) -> str:
    """Append entries to the JSON array at ``array_start``, whose elements have ``spans``, laid out as its last one."""
    if not spans:
        layout = _first_layout(text, array_start)
    else:
        last = spans[-1].start
        layout = _object_layout(text, last, members(text, last))
        if layout.indent is not None:
            newline = "\r\n" if "\r\n" in layout.before else "\n"
            layout = layout._replace(before=newline + line_indent(text, last))
    return append_texts(text, array_start, spans, [_dumps(entry, layout) for entry in entries])


def append_texts(text: str, array_start: int, spans: list[Span], added: list[str]) -> str:
    """Append elements to the JSON array at ``array_start``, whose elements have ``spans``, as their texts are."""
    if not added:
        return text
    if not spans:
        layout = _first_layout(text, array_start)
        inside = ",".join(layout.before + one for one in added)
        return f"{text[: array_start + 1]}{inside}{layout.after}{text[skip(text, array_start + 1) :]}"
    before = _as_layout(_space_before(text, spans[-1].start))
    return text[: spans[-1].end] + "".join(f",{before}{one}" for one in added) + text[spans[-1].end :]


def cut(text: str, array_start: int, spans: list[Span], removed: Collection[int]) -> str:
    """Take elements out of the JSON array at ``array_start``, whose elements have ``spans``; the others stay as is."""
    kept = [index for index in range(len(spans)) if index not in removed]
    if len(kept) == len(spans):
        return text
    if not kept:
        return text[: array_start + 1] + text[skip(text, spans[-1].end) :]
    parts = [text[: spans[0].start], text[slice(*spans[kept[0]])]]
    parts += [text[spans[index - 1].end : spans[index].end] for index in kept[1:]]
    return "".join([*parts, text[spans[-1].end :]])


def _dumps(value: Any, layout: _Layout) -> str:
    """Serialise a value into a layout; pure ASCII, so that nothing in it can act on a terminal."""
    colon = ":" + layout.colon.rpartition(":")[2]
    comma = "," if layout.indent is not None or colon == ":" else ", "
    text = json.dumps(value, indent=layout.indent, separators=(comma, colon), allow_nan=False)
    if "\n" not in text:
        return text
    newline = "\r\n" if "\r\n" in layout.before else "\n"
    base = layout.before.rpartition("\n")[2]
    return text.replace("\n", f"{newline}{base}")


def skip(text: str, position: int) -> int:
    """The offset of what stands behind the blanks at an offset."""
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _as_layout(blanks: str) -> str:
    """Blanks as they stand before a value that is added: as these, unless they are out of all proportion."""
    if len(blanks) <= MAX_BLANKS:
        return blanks
    return "\n" + blanks.rpartition("\n")[2][:MAX_BLANKS] if "\n" in blanks else " "


def _space_before(text: str, position: int) -> str:
    begin = position
    while begin and text[begin - 1] in " \t\r\n":
        begin -= 1
    return text[begin:position]


def line_indent(text: str, position: int) -> str:
    line_start = text.rfind("\n", 0, position) + 1
    return text[line_start : min(skip(text, line_start), line_start + MAX_BLANKS)] if line_start < position else ""
