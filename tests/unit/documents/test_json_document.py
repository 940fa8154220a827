"""Test which documents are rejected, and the line in the error."""

from __future__ import annotations

import json
import sys

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_document import (
    Document,
    EntryList,
    new_document,
    parse_object,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import DocumentDamaged
from ansible_collections.acs.builders.tests.builders import LEGACY_REPO, MESSAGES
from hypothesis import given, settings
from hypothesis import strategies as st

LEGACY = (LEGACY_REPO / MESSAGES).read_bytes()
SMALL = new_document({"messages": [{"id": "a", "read": False}, {"id": "b", "read": False}]})
CONFLICT = b"""{
  "messages": [
<<<<<<< HEAD
    {"id": "a"}
=======
    {"id": "b"}
>>>>>>> theirs
  ]
}
"""
IN_A_STRING = b'[\n  {"body": "NaN and Infinity, \\" NaN"},\n  {"n":\n    NaN}]'


def damage(data: bytes) -> DocumentDamaged:
    """Return the error for a mailbox file with this content."""
    with pytest.raises(DocumentDamaged) as caught:
        EntryList(data, MESSAGES, "messages")
    return caught.value


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        pytest.param(b"", 1, "the file is empty", id="empty"),
        pytest.param(b"\xef\xbb\xbf", 1, "the file is empty", id="a byte order mark alone"),
        pytest.param(b" \n\n", 1, "the file is empty", id="white space"),
        pytest.param(b'[\n{"id": "\xff"}]', 2, "not UTF-8", id="not UTF-8"),
        pytest.param(b'\xef\xbb\xbf[\n\n{"id": "\xe4"}]', 3, "not UTF-8", id="latin-1 behind a byte order mark"),
        pytest.param('[{"id": "a"}]'.encode("utf-16"), 1, "not UTF-8", id="UTF-16"),
        pytest.param(b'[{"id": "\xed\xa0\x80"}]', 1, "not UTF-8", id="a surrogate in UTF-8"),
        pytest.param(SMALL[:-4], 11, "not JSON", id="no closing brackets"),
        pytest.param(b'[\n  {"id":\n  "cut', 3, "not JSON", id="cut in a string"),
        pytest.param(CONFLICT, 3, "the markers of a merge conflict", id="conflict"),
        pytest.param(CONFLICT.replace(b"\n", b"\r\n"), 3, "the markers of a merge conflict", id="conflict, CRLF"),
        pytest.param(SMALL + b"||||||| base\n", 13, "the markers of a merge conflict", id="a marker left behind"),
        pytest.param(IN_A_STRING, 4, "NaN is not JSON", id="NaN"),
        pytest.param(b'[{"n": 1},\n{"n": Infinity}]', 2, "Infinity is not JSON", id="Infinity"),
        pytest.param(b'[{"n": 1},\n\n{"n": -Infinity}]', 3, "-Infinity is not JSON", id="-Infinity"),
        pytest.param(SMALL + b"\n]", 14, "more text after the end", id="trailing text"),
        pytest.param(SMALL + SMALL, 13, "more text after the end", id="twice"),
        pytest.param(b'"text"', 1, "an array was expected, not a string", id="a string"),
        pytest.param(b"null", 1, "an array was expected, not null", id="null"),
        pytest.param(b"7", 1, "an array was expected, not a number", id="a number"),
        pytest.param(b'{"message": []}', 1, 'an array was expected under "messages"', id="no key"),
        pytest.param(b'{"messages": {"a": 1}}', 1, 'an array was expected under "messages"', id="an object in it"),
        pytest.param(b'[\n{},\n{"a": [\n]},\n  true\n]', 5, "an object was expected, not a boolean", id="an entry"),
        pytest.param(b'{"x": 1,\n"messages": [\n{},\n[]]}', 4, "an object was expected, not an array", id="an array"),
        pytest.param(b"[" * 100_000, 1, "nested too deeply", id="arrays without end"),
        pytest.param(b'{"messages":' * 100_000, 1, "nested too deeply", id="objects without end"),
        pytest.param(b'[{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}]", 1, "nested too deeply", id="a deep value"),
        pytest.param(b"[" * 101 + b"]" * 101, 1, "nested too deeply", id="101 levels"),
        pytest.param(b"[{'id': 1}]", 1, "not JSON", id="single quotes"),
        pytest.param(b'[{"id": 1},\n]', 2, "not JSON", id="a comma at the end"),
        pytest.param(b'[{"id": "a\n"}]', 1, "not JSON", id="a line end in a string"),
    ],
)
def test_refused(data: bytes, line: int, reason: str) -> None:
    error = damage(data)
    assert reason in error.reason
    assert error.line == line
    assert str(error).startswith(f"{MESSAGES}, line {line}: ")
    assert "ordinary commit" in error.remedy


def test_conflict_markers_in_a_body_are_no_conflict() -> None:
    body = "<<<<<<< HEAD\n=======\n>>>>>>> theirs"
    assert EntryList(new_document({"messages": [{"body": body}]}), MESSAGES, "messages").entries == [{"body": body}]


@pytest.mark.parametrize(("data", "name"), [(b"[]", "an array"), (b"null", "null"), (b"1.5", "a number")])
def test_a_document_that_must_be_an_object(data: bytes, name: str) -> None:
    with pytest.raises(DocumentDamaged, match=f"an object was expected, not {name}"):
        parse_object(data, "build1/status.json")


def test_a_number_that_is_too_large_is_the_largest() -> None:
    """This is how jq reads it; the result can be written as JSON."""
    assert Document(b"[1e999, -1e999, 1.5]", "x").value == [sys.float_info.max, -sys.float_info.max, 1.5]


def test_a_whole_number_that_is_too_large_is_the_largest() -> None:
    """Whether Python parses so many digits depends on its version."""
    long = "9" * 5_000
    largest = int(sys.float_info.max)
    assert Document(f"[{long}, -{long}, {2**80}]".encode(), "x").value == [largest, -largest, 2**80]


def test_the_newest_good_commit_is_named() -> None:
    error = DocumentDamaged(MESSAGES, 3, "not JSON", commit="bad", good_commit="good")
    assert str(error).startswith(f"{MESSAGES}, line 3, at commit bad: not JSON.")
    assert f"git checkout good -- {MESSAGES}" in error.remedy


@settings(max_examples=60)
@given(st.integers(0, len(LEGACY) - 2))
def test_cut_short_anywhere(length: int) -> None:
    """The line is that of the cut, or of the string that was cut."""
    error = damage(LEGACY[:length])
    assert 1 <= error.line <= LEGACY.count(b"\n", 0, length) + 1
    if length:
        assert error.line >= LEGACY[:length].rstrip().count(b"\n") + 1


@settings(max_examples=200)
@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:\\0 1eNau\n', max_size=25).map(str.encode))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """No other error is raised, and the value is that of Python's own parser."""
    try:
        document = Document(data, "x.json")
    except DocumentDamaged:
        return
    assert document.value == json.loads(data)
    assert document.encode() == data
