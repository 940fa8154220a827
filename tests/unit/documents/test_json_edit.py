"""Test that a write changes only the bytes of the edited entries."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_document import (
    Document,
    EntryList,
    new_document,
    parse_object,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_edit import (
    BLOCK_SIZE,
    Edit,
    edited,
)
from ansible_collections.acs.builders.tests.builders import LEGACY_REPO, MESSAGES
from ansible_collections.acs.builders.tests.unit.legacy_mailbox import (
    FORMS,
    MARK,
    NEW,
    Form,
    legacy_texts,
)
from hypothesis import given, settings
from hypothesis import strategies as st

UNREAD = next(index for index, text in enumerate(legacy_texts()) if '"read": false\n' in text)
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def spliced(data: bytes, changes: dict[int, dict[str, Any]], additions: list[dict[str, Any]]) -> bytes:
    """Return a mailbox file after a splice."""
    return EntryList(data, MESSAGES, "messages").splice(changes, additions)


def test_the_fixture_has_what_is_hard_to_keep() -> None:
    """It has unknown keys, a missing type, two old time formats, and escapes."""
    entries = [json.loads(text) for text in legacy_texts()]
    assert FORMS["as the scripts left it"].file(legacy_texts(), []) == (LEGACY_REPO / MESSAGES).read_bytes()
    assert any("tags" in entry and "type" not in entry for entry in entries)
    assert {len(entry["timestamp"]) for entry in entries} == {len("2025-11-04 20:45"), 20, 27}
    assert any("\\ud83d" in text for text in legacy_texts())
    assert 0 < UNREAD < len(entries) - 1


@every_form
def test_nothing_to_write_changes_nothing(form: Form) -> None:
    data = form.file(form.texts(), [])
    assert spliced(data, {}, []) == data


@every_form
def test_new_messages_add_their_own_texts_alone_in_their_order(form: Form) -> None:
    more = [{**NEW, "id": f"msg_{number}"} for number in range(3)]
    assert spliced(form.file(form.texts(), []), {}, more) == form.file(form.texts(), more)


@every_form
def test_a_mark_changes_the_text_of_its_message_alone(form: Form) -> None:
    texts = form.texts()
    changed = [*texts[:UNREAD], form.marked(texts[UNREAD]), *texts[UNREAD + 1 :]]
    assert changed != texts
    assert spliced(form.file(texts, []), {UNREAD: MARK}, []) == form.file(changed, [])


@every_form
def test_marks_and_a_new_message_at_once(form: Form) -> None:
    """A reply does both; the last message, after which the new one is added, is also marked."""
    texts = [*form.texts(), form.texts()[UNREAD]]
    changed = [*texts[:UNREAD], form.marked(texts[UNREAD]), *texts[UNREAD + 1 : -1], form.marked(texts[-1])]
    result = spliced(form.file(texts, []), {UNREAD: MARK, len(texts) - 1: MARK}, [NEW])
    assert result == form.file(changed, [NEW])


@every_form
def test_what_was_spliced_can_be_spliced_again(form: Form) -> None:
    """The layout of a message that is added and then marked is that of a message that was there before."""
    once = spliced(form.file(form.texts(), []), {}, [NEW])
    last = len(legacy_texts())
    twice = spliced(once, {last: {"read": True, "read_by": []}}, [])
    assert twice == form.file(form.texts(), [{**NEW, "read": True}])
    assert spliced(twice, {last: {"read": False}}, []) == once


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{\n  "messages": [', "]\n}"),
        ('{\n  "messages": [\n  ', "]\n}\n"),
        ('{"messages":[', "]}\n"),
        ("[", "]"),
        ("[\n", "]\n"),
        ('{\n\t"messages": [', '],\n\t"metadata": {}\n}\n'),
    ],
)
def test_the_first_message_of_an_empty_mailbox(before: str, after: str, newline: str) -> None:
    file = (before + after).replace("\n", newline).encode()
    result = spliced(file, {}, [NEW, NEW])
    once = spliced(spliced(file, {}, [NEW]), {}, [NEW])
    assert result == once
    value = json.loads(result)
    assert (value if before.startswith("[") else value["messages"]) == [NEW, NEW]
    assert result.startswith(before.rstrip().replace("\n", newline).encode())
    assert result.endswith(after.replace("\n", newline).encode())
    if b"\r\n" in file:
        assert result.count(b"\n") == result.count(b"\r\n"), "the line ends are mixed"


def test_the_first_message_as_the_scripts_would_have_written_it() -> None:
    data = new_document({"messages": []})
    assert spliced(data, {}, [NEW]) == new_document({"messages": [NEW]})


def test_an_entry_without_members_gets_its_first() -> None:
    assert json.loads(spliced(b'{"messages": [{}, { }]}', {0: MARK, 1: MARK}, [NEW])) == {"messages": [MARK, MARK, NEW]}


def test_a_key_written_twice_means_its_last_value() -> None:
    """JSON parsers use the last value; the rest of the entry is unchanged."""
    data = b'[\n  {"id": "a", "read": false, "id": "b", "read": false}\n]'
    result = spliced(data, {0: MARK}, [])
    assert json.loads(result) == [{"id": "b", **MARK}]
    assert result.startswith(b'[\n  {"id": "a", "read": false, "id": "b", "read": true')


def test_a_new_member_comes_behind_a_key_that_is_written_twice() -> None:
    """The last key in the text is not the last key of the object."""
    document = Document(b'{"status": "x", "ip": "y", "status": "idle"}', "x")
    result = document.with_members({"status": "building", "hostname": "h"})
    assert result == b'{"status": "x", "ip": "y", "status": "building",\n  "hostname": "h"}'


def test_members_of_a_document() -> None:
    """In a status document, changed members keep their place, new ones are appended, unknown ones are kept."""
    text = (LEGACY_REPO / "build1" / "status.json").read_text(encoding="utf-8")
    document = parse_object(text.encode(), "x")
    result = document.with_members({"status": "building", "hostname": "h", "current_job": {"id": "j"}})
    expected = text.replace('"idle"', '"building"').replace(
        '"current_job": null', '"current_job": {\n    "id": "j"\n  }'
    )
    assert result.decode() == expected.removesuffix("\n}") + ',\n  "hostname": "h"\n}'
    assert parse_object(result, "x").value["last_package"]["duration_seconds"] == 7100


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=6
)


keys = st.sampled_from(["id", "read", "read_by", "x y", "é", '"', ""]) | st.text(max_size=5)


entries = st.dictionaries(keys, values, max_size=5)


class File(NamedTuple):
    """A document: the text before and after its entries, and the text and value of each entry."""

    prefix: str
    texts: list[str]
    values: list[dict[str, Any]]
    suffix: str
    bare: bool
    data: bytes


def written(value: Any, space: Callable[[], str], ascii_only: bool) -> str:
    """Return JSON text with white space wherever it is allowed."""
    if isinstance(value, dict):
        pairs = (
            space() + written(k, space, ascii_only) + space() + ":" + space() + written(v, space, ascii_only) + space()
            for k, v in value.items()
        )
        return "{" + (",".join(pairs) or space()) + "}"
    if isinstance(value, list):
        items = (space() + written(item, space, ascii_only) + space() for item in value)
        return "[" + (",".join(items) or space()) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


@st.composite
def files(draw: st.DrawFn) -> File:
    """Generate a document in a random style: regular, as by a program, or with random white space."""
    found = draw(st.lists(entries, max_size=5))
    ascii_only = draw(st.booleans())
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    indent = draw(st.sampled_from([None, 0, 1, 2, 4, "\t"]))
    random = draw(st.randoms(use_true_random=False))
    untidy = draw(st.booleans())
    spaces = ("", " ", newline, f"{newline}    ", "\t", f" {newline}\t")

    def space() -> str:
        return random.choice(spaces) if untidy else ""

    def text_of(value: Any) -> str:
        if untidy:
            return written(value, space, ascii_only)
        separators = (",", draw(st.sampled_from([":", ": "])))
        return json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators).replace("\n", newline)

    texts = [text_of(entry) for entry in found]
    bare = draw(st.booleans())
    prefix = "" if bare else draw(st.sampled_from(['{"messages":', '{"a": [{}], "messages" : ', '{\n  "messages": ']))
    suffix = "" if bare else draw(st.sampled_from(["}", ', "z": 1e3}', "\n}"]))
    prefix, suffix = space() + prefix + "[", "]" + suffix + draw(st.sampled_from(["", newline]))
    gap = draw(st.sampled_from(["", " ", newline, f"{newline}  ", f"{newline}\t\t"]))
    bom = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    body = ",".join(gap + text for text in texts) + gap
    return File(prefix, texts, found, suffix, bare, bom + (prefix + body + suffix).encode("utf-8"))


def split(text: str, prefix: str) -> list[str]:
    """Return the texts of the entries after ``prefix``."""
    texts: list[str] = []
    decoder, position = json.JSONDecoder(), len(prefix)
    while True:
        position += len(text[position:]) - len(text[position:].lstrip(" \t\r\n,"))
        if text[position] == "]":
            return texts
        end = decoder.raw_decode(text, position)[1]
        texts.append(text[position:end])
        position = end


@settings(max_examples=150)
@given(st.data(), files(), st.lists(entries, max_size=3))
def test_splice_says_what_was_asked_and_leaves_the_rest(data: st.DataObject, file: File, added: list[Any]) -> None:
    count = len(file.values)
    changes = data.draw(st.dictionaries(st.integers(0, count - 1), entries, max_size=3)) if count else {}
    result = EntryList(file.data, "m.json", "messages").splice(changes, added)
    expected = [{**entry, **changes.get(index, {})} for index, entry in enumerate(file.values)]
    bom = 3 * file.data.startswith(b"\xef\xbb\xbf")
    assert result[:bom] == file.data[:bom]
    text = result[bom:].decode("utf-8")
    value = json.loads(text)
    assert (value if file.bare else value["messages"]) == [*expected, *added]
    assert text.startswith(file.prefix)
    assert text.endswith(file.suffix)
    texts = split(text, file.prefix)
    for index, before in enumerate(file.texts):
        if not changes.get(index):
            assert texts[index] == before
        else:
            assert list(json.loads(texts[index])) == list(expected[index]), "the order of the keys changed"
    if not changes and not added:
        assert result == file.data


@settings(max_examples=100)
@given(st.data(), files())
def test_what_is_removed_leaves_the_other_texts(data: st.DataObject, file: File) -> None:
    count = len(file.values)
    removed = data.draw(st.sets(st.integers(0, count - 1))) if count else set()
    document = EntryList(file.data, "m.json", "messages")
    assert list(document.texts(sorted(removed))) == [file.texts[index] for index in sorted(removed)]
    result = document.without(removed)
    text = result.decode("utf-8-sig")
    assert text.startswith(file.prefix)
    assert text.endswith(file.suffix)
    assert split(text, file.prefix) == [text for index, text in enumerate(file.texts) if index not in removed]
    if not removed:
        assert result == file.data


@settings(max_examples=100)
@given(files(), st.lists(entries, min_size=1, max_size=3))
def test_texts_that_are_appended_stay_as_they_are(file: File, added: list[Any]) -> None:
    texts = [json.dumps(entry, ensure_ascii=False) for entry in added]
    result = EntryList(file.data, "m.json", "messages").with_texts(texts).decode("utf-8-sig")
    assert split(result, file.prefix) == [*file.texts, *texts]
    assert result.endswith(file.suffix)


def test_edits_of_a_text_of_several_blocks() -> None:
    text = "".join(map(str, range(2 * BLOCK_SIZE // 5)))
    edits = [Edit(BLOCK_SIZE + 1, BLOCK_SIZE + 3, "changed"), Edit(5, 5, "new"), Edit(len(text), len(text), "end")]
    assert "".join(edited(text, edits)) == (
        f"{text[:5]}new{text[5 : BLOCK_SIZE + 1]}changed{text[BLOCK_SIZE + 3 :]}end"
    )
    assert "".join(edited(text, [])) == text


def test_a_write_makes_one_copy_of_a_large_mailbox() -> None:
    data = new_document({"messages": [{**NEW, "body": "text " * 100} for _number in range(1_000)]})
    mailbox = EntryList(data, MESSAGES, "messages")
    tracemalloc.start()
    try:
        result = mailbox.splice({0: MARK, 999: MARK}, [NEW])
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(data) < len(result) < most < 1.5 * len(data)
