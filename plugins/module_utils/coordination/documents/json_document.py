# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON documents of the Build repository: parsing, changes and limits."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

from ..errors import DocumentDamaged, InvalidInput
from ..json_errors import find_fault
from .json_edit import (
    DECODER,
    INDENT,
    Edit,
    Span,
    append,
    cut,
    dumps,
    edited,
    element_spans,
    last_end,
    members,
    set_members,
    skip,
)

_CONTAINERS = {dict, list, tuple}
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |\r?$)", re.MULTILINE)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_VALUES = 1_000_000
"""The maximum number of objects and arrays in a document. Each takes memory, even an empty one."""
MAX_ENTRIES = 50_000
"""The maximum number of entries of a list."""
MAX_NESTING = 100
"""The maximum number of levels of objects and arrays. More levels exceed the stack when a document is printed."""


class Document:
    """A JSON file: its text, its value and the spans of its parts.

    A document is shared by all readers of a commit, so its value must not be changed.

    :param data: the bytes of the file.
    :param path: the path in the repository, for error messages.
    :param key: the key of the array whose elements may be changed, if the value is an object.
    :raises DocumentDamaged: if it is not UTF-8, truncated, has conflict markers or NaN, or is nested too deeply.

    ``members`` are the spans of the members of an object, ``array`` is that of the array.
    """

    def __init__(self, data: bytes, path: str, key: str = "") -> None:
        if count_values(data) > MAX_VALUES:
            raise DocumentDamaged(path, 1, "too many objects and arrays")
        self.path = path
        self._bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        body = data[len(self._bom) :]
        try:
            self.text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DocumentDamaged(path, body.count(b"\n", 0, error.start) + 1, "not UTF-8") from error
        self._key = key
        self.members: dict[str, Span] = {}
        self.array = Span(0, 0)
        try:
            self.value, end = self._decode(self.text, skip(self.text, 0))
            rest = skip(self.text, end)
            if rest != len(self.text):
                raise json.JSONDecodeError("more text after the end of the document", self.text, rest)
            if nesting(self.value) > MAX_NESTING:
                raise DocumentDamaged(path, 1, "nested too deeply")
        except RecursionError as error:
            raise DocumentDamaged(path, 1, "nested too deeply") from error
        except ValueError as error:
            raise _damaged(path, self.text, error) from error

    def _decode(self, text: str, start: int, key: str | None = None) -> tuple[Any, int]:
        """Return the value that begins at an offset, and the offset of its end.

        :param key: the key of the value in the outermost object, None for the outermost value.
        """
        if key is None and text.startswith("{", start):
            value, self.members, end = members(text, start, self._decode)
            return value, end
        value, end = DECODER.raw_decode(text, start)
        if key in (None, self._key) and isinstance(value, list):
            self.array = Span(start, end)
        return value, end

    def encode(self, edits: Iterable[Edit] = ()) -> bytes:
        """Return the bytes of the file, with edits of its text."""
        data = io.BytesIO()
        data.write(self._bom)
        for part in edited(self.text, edits):
            data.write(part.encode("utf-8"))
        return data.getvalue()

    def with_members(self, changes: dict[str, Any]) -> bytes:
        """Return the file with some members of its object set."""
        return self.encode(set_members(self.text, self.text.index("{"), self.members, changes))


def count_values(data: bytes) -> int:
    """Return the maximum number of objects and arrays in a text.

    The text is not parsed, so brackets in strings are counted.
    """
    return data.count(b"{") + data.count(b"[")


def parse_object(data: bytes, path: str) -> Document:
    """Parse a file whose value is a JSON object.

    :raises DocumentDamaged: as :class:`Document`, and if the value is not an object.
    """
    document = Document(data, path)
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
        reason, line, column = find_fault(error)
        return DocumentDamaged(path, line, f"not JSON ({reason}, column {column})")
    outside_strings = _STRING.sub(lambda string: " " * len(string.group()), text)
    constant = re.search("NaN|Infinity", outside_strings)
    line = _line(text, constant.start()) if constant else 1
    return DocumentDamaged(path, line, f"not JSON ({error})")


def nesting(value: Any) -> int:
    """Return the number of levels of objects and arrays in a value."""
    levels = 0
    level = [value] if type(value) in _CONTAINERS else []
    while level:
        levels += 1
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for items in inner for item in items if type(item) in _CONTAINERS]
    return levels


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _type_name(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


class EntryList(Document):
    """A document with a list of objects: an array, or an object with an array.

    :param key: the key of the array, for example ``messages``.
    :raises DocumentDamaged: as :class:`Document`, and if the value has another form.
    """

    def __init__(self, data: bytes, path: str, key: str) -> None:
        super().__init__(data, path, key)
        is_object = isinstance(self.value, dict)
        self._level = int(is_object)
        entries = self.value.get(key) if is_object else self.value
        if not isinstance(entries, list):
            what = f' under "{key}"' if is_object else f", not {_type_name(entries)}"
            raise DocumentDamaged(path, 1, f"an array was expected{what}")
        if len(entries) > MAX_ENTRIES:
            raise DocumentDamaged(path, 1, f"more than {MAX_ENTRIES} entries")
        self.entries: list[dict[str, Any]] = entries
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict):
                line = _line(self.text, self.spans[index].start)
                raise DocumentDamaged(path, line, f"an object was expected, not {_type_name(entry)}")

    @cached_property
    def spans(self) -> list[Span]:
        """The spans of the entries, found when many are needed: this takes as long as the parsing."""
        return list(element_spans(self.text, self.array.start))

    def splice(self, changes: dict[int, dict[str, Any]], additions: list[dict[str, Any]]) -> bytes:
        """Return the file with members of some entries set and new entries at its end.

        :param changes: the members to set, by the index of the entry.
        :param additions: the entries to append, in order.
        """
        edits = self._appended([dumps(entry, self.text, self._level + 1) for entry in additions])
        spans = islice(element_spans(self.text, self.array.start), max(changes, default=-1) + 1)
        for index, span in enumerate(spans):
            if index in changes:
                existing = members(self.text, span.start)[1]
                edits += set_members(self.text, span.start, existing, changes[index], self._level + 1)
        return self.encode(edits)

    def texts(self, indices: Iterable[int]) -> Iterator[str]:
        """Yield the texts of entries as they are in the file.

        :param indices: the indices of the entries.
        """
        return (self.text[slice(*self.spans[index])] for index in indices)

    def without(self, indices: Collection[int]) -> bytes:
        """Return the file without the entries with these indices."""
        return self.encode(cut(self.text, self.array.start, self.spans, indices))

    def with_texts(self, texts: list[str]) -> bytes:
        """Return the file with entries appended, given as texts."""
        return self.encode(self._appended(texts))

    def _appended(self, texts: list[str]) -> list[Edit]:
        return append(self.text, self.array.start, last_end(self.text, self.array.end), texts, self._level)


def check_text(value: Any, name: str) -> None:
    """Check that a text has no NUL and no lone surrogates, which jq cannot read.

    :param value: a text, or a list or mapping of texts.
    :param name: the name of the value for the error message.
    :raises InvalidInput: if a text cannot be written.
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
    """Return the bytes of a new document."""
    return (json.dumps(value, indent=INDENT) + "\n").encode("ascii")
