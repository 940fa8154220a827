"""Examples for the fuzzer: realistic documents and arguments, with changes in bytes, structure and texts.

An example is small: the number of an initial value and a list of changes. So Hypothesis can shrink it further.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible_collections.acs.builders.tests.fuzz.json_text import LAYOUTS, Raw, Twin, dump
from hypothesis import strategies as st

CONFLICT = "\n<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> theirs\n"
ODD_TEXTS = (
    *("", " ", "\0", "\n", "\r\n", "\t", "-", "--", "--json", "=", "%s{0}", "\\", '"', "'", "`", "null", "0", "-1"),
    *("\x1b[31m", "\x9b2J", "\x07", "\x7f", "\u202e", "\u2066", "\u2028", "\u200b", "\ufeff", "\ufffe", "\ud800"),
    *("\udcff", "\U0001f4a5", "e\u0301", "\u0665", CONFLICT, "/dev/null/x", "../x", "all", "build1", "build2"),
    *("system", "BUILD1", "msg_1", "NaN", "1e999", "9" * 5_000, "x" * 101, "x" * 20_000, "a and " * 2_000),
    *("2026-11-22T07:11:46Z", "2026-11-22T07:11:46.123456789Z", "2026-11-22 07:11", "9999-12-31T23:59:59Z"),
    *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "2026-02-30T00:00:00Z"),
    *("install jq and ", "please install " + "a, " * 500, "build failed at " + " " * 5_000 + "x", "-----BEGIN "),
    *("ghp_" + "a" * 36, "-----BEGIN OPENSSH PRIVATE KEY-----\n", "http://a:b@", "]" * 50, "[?a==`1`]", "@.a.b"),
)
"""Texts that have broken programs, or have a meaning in this collection."""
ODD_NUMBERS = (
    *(Raw("NaN"), Raw("-Infinity"), Raw("1e999"), Raw("-1e999"), Raw("1e-999"), Raw("-0.0"), Raw("00"), Raw("1.")),
    *(Raw("1" + "0" * 400), Raw("-" + "9" * 5_000), 2**31, 2**53 + 1, 2**63, -(2**64), -1, 0, 1, 0.1, 1e300),
)
ODD_VALUES: tuple[Any, ...] = (
    *(*ODD_TEXTS, *ODD_NUMBERS, None, True, False, [], {}, [[]], [None], [0] * 1_000, {"": {}}, {"a": [{"b": 1e300}]}),
    *(Raw('"\\ud800"'), Raw('"\\udc00\\ud800x"'), Raw('"\\u0000"'), Raw('"\t"'), Raw('"\\x"'), Raw("'a'"), Raw("")),
    *(["build1"], ["build2", 7, None], [{"name": "a", "value": 1}], [{"id": "msg_1"}], {"action": "facts"}),
    *({"action": "install_packages", "packages": ["jq", "-x", 1]}, {"action": ["facts"], "query": [[]]}),
)
DEPTHS = (1, 20, 99, 101, 1_000, 100_000)
"""Levels in which a value is wrapped."""


class Change(NamedTuple):
    """A change: its kind, its place and its new value; the numbers are taken modulo the available ones."""

    kind: str
    place: int
    choice: int


class Document(NamedTuple):
    """A document: the number of its initial value, its layout, and the changes of its values and its bytes."""

    start: int
    layout: int
    values: list[Change]
    data: list[Change]


_numbers = st.integers(0, 10_000)
VALUE_KINDS = ("value", "value", "value", "text", "text", "remove", "twice", "rename", "wrap", "copy", "many")
BYTE_KINDS = ("cut", "insert", "drop", "flip", "repeat", "conflict", "mark")


def changes(kinds: Sequence[str], most: int, least: int = 0) -> st.SearchStrategy[list[Change]]:
    """Return a strategy for up to ``most`` changes."""
    return st.lists(st.builds(Change, st.sampled_from(kinds), _numbers, _numbers), min_size=least, max_size=most)


def documents(starts: int) -> st.SearchStrategy[Document]:
    """Return a strategy for documents with one of a number of initial values.

    In most of them no bytes change, because such changes would hide the others.
    """
    none: list[Change] = []
    data = st.one_of(st.just(none), st.just(none), changes(BYTE_KINDS, 2))
    layouts = st.integers(0, len(LAYOUTS) - 1)
    return st.builds(Document, st.integers(0, starts - 1), layouts, changes(VALUE_KINDS, 4, 1), data)


def encode(document: Document, starts: Sequence[Any]) -> bytes:
    """Return the bytes of a document."""
    value = changed(starts[document.start], document.values)
    data = dump(value, LAYOUTS[document.layout]).encode("utf-8", "surrogatepass")
    for change in document.data:
        data = change_bytes(data, change)
    return data


def changed(start: Any, made: Sequence[Change], depths: Sequence[int] = DEPTHS) -> Any:
    """Return a changed copy of a value."""
    top = [copy.deepcopy(start)]
    for change in made:
        places = list(_places(top))
        holder, key = places[change.place % len(places)]
        _change_value(top, holder, key, change, depths)
    return top[0]


def _places(holder: Any) -> Any:
    """Yield the container and the key of every value in a list or an object."""
    for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, key
        if isinstance(holder[key], (dict, list)):
            yield from _places(holder[key])


def _change_value(top: list[Any], holder: Any, key: Any, change: Change, depths: Sequence[int]) -> None:
    kind, choice = change.kind, change.choice
    value = holder[key]
    if kind == "value":
        holder[key] = copy.deepcopy(ODD_VALUES[choice % len(ODD_VALUES)])
    elif kind == "text":
        holder[key] = insert_text(value, choice) if isinstance(value, str) else [value]
    elif kind == "wrap":
        depth = depths[choice % len(depths)]
        begin, end = (("[", "]"), ('{"a":', "}"))[choice // len(depths) % 2]
        holder[key] = Raw(f"{begin * depth}{dump(value, LAYOUTS[0])}{end * depth}")
    elif kind == "copy":
        places = list(_places(top))
        other, name = places[choice % len(places)]
        holder[key] = copy.deepcopy(other[name])
    elif holder is not top:
        _change_member(holder, key, change)


def _change_member(holder: Any, key: Any, change: Change) -> None:
    kind, choice, value = change.kind, change.choice, holder[key]
    if kind == "remove":
        del holder[key]
    elif isinstance(holder, list):
        holder[key:key] = [value] * (choice * choice // 20_000 if kind == "many" else 1)
    elif kind == "rename":
        holder[ODD_TEXTS[choice % len(ODD_TEXTS)]] = holder.pop(key)
    else:
        for _time in range(choice % 30 if kind == "many" else 1):
            holder[Twin(key)] = copy.deepcopy(ODD_VALUES[choice % len(ODD_VALUES)])


def insert_text(text: str, choice: int) -> str:
    """Insert an odd text into a text."""
    place = choice // len(ODD_TEXTS) % (len(text) + 1)
    return text[:place] + ODD_TEXTS[choice % len(ODD_TEXTS)] + text[place:]


def change_bytes(data: bytes, change: Change) -> bytes:
    """Change the bytes of a file."""
    place = change.place % (len(data) + 1)
    size = change.choice % 64 + 1
    odd = ODD_TEXTS[change.choice % len(ODD_TEXTS)].encode("utf-8", "surrogatepass")
    if change.kind == "cut":
        return data[:place]
    if change.kind == "insert":
        return data[:place] + odd + data[place:]
    if change.kind == "drop":
        return data[:place] + data[place + size :]
    if change.kind == "flip":
        return (
            data[:place] + bytes(byte ^ 1 << change.choice % 8 for byte in data[place : place + 1]) + data[place + 1 :]
        )
    if change.kind == "repeat":
        return data[:place] + data[place : place + size * 8] * (change.choice % 1_000) + data[place + size * 8 :]
    if change.kind == "conflict":
        line = data.rfind(b"\n", 0, place) + 1
        return data[:line] + CONFLICT.encode() + data[line:]
    return (b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\xc3", b"\xef\xbb\xbf\xef\xbb\xbf")[change.choice % 5] + data
