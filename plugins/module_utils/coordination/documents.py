# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and splicing the JSON files of the Build repository.

A change touches the bytes of what it changes and no others: escapes, spacing, line ends, key
order and keys that nobody here knows stay as they were.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple, NoReturn

from .errors import DocumentDamaged, InvalidInput

_SPACE = re.compile(r"[ \t\r\n]*")
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |\r?$)", re.MULTILINE)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SURROGATE = re.compile("[\ud800-\udfff]")
INDENT = "  "
"""The indent of documents that this package makes, as the shell scripts left them."""
MAX_VALUES = 1_000_000
"""Objects and arrays that may begin in a document; each takes memory, however little there is in it."""
MAX_ENTRIES = 50_000
"""Entries of a list."""
MAX_NESTING = 100
"""Levels of objects and arrays in a document; more could not be shown without running out of stack."""


class Span(NamedTuple):
    """Where a JSON value stands in a text, as offsets in characters."""

    start: int
    end: int


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _fraction(text: str) -> float:
    """A number with a fraction or an exponent; what is too large is the largest there is, as jq reads it."""
    return max(-sys.float_info.max, min(float(text), sys.float_info.max))


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_fraction)


@dataclass(frozen=True)
class Document:
    """A parsed JSON file: the text it was read from and the value in it.

    ``bom`` is the byte order mark the file began with, empty for nearly all.
    """

    path: str
    text: str
    value: Any
    bom: bytes = b""

    def encode(self) -> bytes:
        """The bytes of the file."""
        return self.bom + self.text.encode("utf-8")


def parse(data: bytes, path: str) -> Document:
    """Parse the bytes of a JSON file.

    :param path: its path in the repository, for what is said when it is damaged.
    :raises DocumentDamaged: not UTF-8, cut short, conflict markers, NaN, nesting without end.
    """
    if data.count(b"{") + data.count(b"[") > MAX_VALUES:
        raise DocumentDamaged(path, 1, "more objects and arrays than any document has")
    bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    body = data[len(bom) :]
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentDamaged(path, body.count(b"\n", 0, error.start) + 1, "not UTF-8") from error
    try:
        start = _skip(text, 0)
        value, end = _DECODER.raw_decode(text, start)
        rest = _skip(text, end)
        if rest != len(text):
            raise json.JSONDecodeError("more text after the end of the document", text, rest)
        if nesting(value) > MAX_NESTING:
            raise DocumentDamaged(path, 1, "nested too deeply")
    except RecursionError as error:
        raise DocumentDamaged(path, 1, "nested too deeply") from error
    except ValueError as error:
        raise _damaged(path, text, error) from error
    return Document(path, text, value, bom)


def parse_object(data: bytes, path: str) -> Document:
    """Parse a file whose value is a JSON object.

    :raises DocumentDamaged: as :func:`parse`, and when it is of another type.
    """
    document = parse(data, path)
    if not isinstance(document.value, dict):
        raise DocumentDamaged(path, 1, f"an object was expected, not {_type_name(document.value)}")
    return document


def _damaged(path: str, text: str, error: ValueError) -> DocumentDamaged:
    conflict = _CONFLICT.search(text)
    if conflict:
        return DocumentDamaged(path, _line(text, conflict.start()), "it holds the markers of a merge conflict")
    if not text.strip():
        return DocumentDamaged(path, 1, "the file is empty")
    if isinstance(error, json.JSONDecodeError):
        return DocumentDamaged(path, error.lineno, f"not JSON ({error.msg}, column {error.colno})")
    outside_strings = _STRING.sub(lambda string: " " * len(string.group()), text)
    constant = re.search("NaN|Infinity", outside_strings)
    line = _line(text, constant.start()) if constant else 1
    return DocumentDamaged(path, line, f"not JSON ({error})")


def nesting(value: Any) -> int:
    """How many levels of objects and arrays a value has."""
    levels = 0
    level = [value] if isinstance(value, (dict, list)) else []
    while level:
        levels += 1
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for items in inner for item in items if isinstance(item, (dict, list))]
    return levels


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _type_name(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


class EntryList:
    """A document that holds a list of objects: an array, or an object with the array under a key.

    :param data: the bytes of the file.
    :param path: its path in the repository.
    :param key: the key of the array, for example ``messages``.
    :raises DocumentDamaged: when it is anything else.
    """

    def __init__(self, data: bytes, path: str, key: str) -> None:
        self.document = parse(data, path)
        self._key = key
        value = self.document.value
        if isinstance(value, dict):
            if not isinstance(value.get(key), list):
                raise DocumentDamaged(path, 1, f'an array was expected under "{key}"')
            value = value[key]
        elif not isinstance(value, list):
            raise DocumentDamaged(path, 1, f"an array was expected, not {_type_name(value)}")
        if len(value) > MAX_ENTRIES:
            raise DocumentDamaged(path, 1, f"more than {MAX_ENTRIES} entries")
        self.entries: list[dict[str, Any]] = value
        for index, entry in enumerate(self.entries):
            if not isinstance(entry, dict):
                line = _line(self.document.text, elements(self.document.text, self._array_start())[index].start)
                raise DocumentDamaged(path, line, f"an object was expected, not {_type_name(entry)}")

    def _array_start(self) -> int:
        start = _skip(self.document.text, 0)
        if isinstance(self.document.value, dict):
            start = members(self.document.text, start)[self._key].start
        return start

    def splice(self, changes: dict[int, dict[str, Any]], additions: list[dict[str, Any]]) -> bytes:
        """Return the file with members of some entries set and new entries at its end.

        :param changes: for an entry's index, the members to set in it.
        :param additions: the entries to append, in order.
        """
        text = self.document.text
        array_start = self._array_start()
        spans = elements(text, array_start)
        text = _append(text, array_start, spans, additions)
        for index in sorted(changes, reverse=True):
            text = set_members(text, spans[index].start, changes[index])
        return self.document.bom + text.encode("utf-8")


def elements(text: str, start: int) -> list[Span]:
    """The spans of the elements of the JSON array that begins at ``start``."""
    spans = []
    position = _skip(text, start + 1)
    while text[position] != "]":
        end = _DECODER.raw_decode(text, position)[1]
        spans.append(Span(position, end))
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return spans


def members(text: str, start: int) -> dict[str, Span]:
    """The spans of the values of the JSON object that begins at ``start``, by key, in order."""
    spans: dict[str, Span] = {}
    position = _skip(text, start + 1)
    while text[position] != "}":
        key, end = scanstring(text, position + 1, True)
        value_start = _skip(text, _skip(text, end) + 1)
        value_end = _DECODER.raw_decode(text, value_start)[1]
        spans[key] = Span(value_start, value_end)
        position = _skip(text, value_end)
        if text[position] == ",":
            position = _skip(text, position + 1)
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
            close = _skip(text, start + 1)
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
    first_key = _skip(text, start + 1)
    before = text[start + 1 : first_key]
    key_end = scanstring(text, first_key + 1, True)[1]
    colon = text[key_end : _skip(text, _skip(text, key_end) + 1)]
    if "\n" not in before:
        return _Layout(" " if colon.endswith(" ") else "", "", colon, None)
    indent = before.rpartition("\n")[2]
    outer = _line_indent(text, start)
    return _Layout(before, "", colon, indent[len(outer) :] or INDENT)


def _first_layout(text: str, start: int) -> _Layout:
    """How what comes into the empty array or object at ``start`` stands: indented, with the document's line ends."""
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = newline + _line_indent(text, start)
    return _Layout(indent + INDENT, indent, ": ", INDENT)


def _append(text: str, array_start: int, spans: list[Span], entries: list[dict[str, Any]]) -> str:
    """Append entries to the array, laid out as its last element is."""
    if not entries:
        return text
    if not spans:
        layout = _first_layout(text, array_start)
        added = ",".join(layout.before + _dumps(entry, layout) for entry in entries)
        return f"{text[: array_start + 1]}{added}{layout.after}{text[_skip(text, array_start + 1) :]}"
    last = spans[-1]
    before = _space_before(text, last.start)
    layout = _object_layout(text, last.start, members(text, last.start))
    if layout.indent is not None:
        newline = "\r\n" if "\r\n" in layout.before else "\n"
        layout = layout._replace(before=newline + _line_indent(text, last.start))
    added = "".join(f",{before}{_dumps(entry, layout)}" for entry in entries)
    return text[: last.end] + added + text[last.end :]


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


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _space_before(text: str, position: int) -> str:
    begin = position
    while begin and text[begin - 1] in " \t\r\n":
        begin -= 1
    return text[begin:position]


def _line_indent(text: str, position: int) -> str:
    line_start = text.rfind("\n", 0, position) + 1
    return text[line_start : _skip(text, line_start)] if line_start < position else ""


def check_text(value: Any, name: str) -> None:
    """Refuse text that cannot be written: lone surrogates (jq cannot read them) and NUL.

    :param value: a text, or lists and mappings of them.
    :raises InvalidInput: naming ``name``, which holds it.
    """
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidInput(f"{name} holds a NUL character.", "Remove it.")
        if _SURROGATE.search(value):
            raise InvalidInput(f"{name} holds half a character (a lone surrogate).", "Write it as valid Unicode text.")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key, name)
            check_text(item, name)
    elif isinstance(value, (list, tuple)):
        for item in value:
            check_text(item, name)


def new_document(value: dict[str, Any]) -> bytes:
    """The bytes of a document that did not exist before."""
    return (json.dumps(value, indent=INDENT) + "\n").encode("ascii")
