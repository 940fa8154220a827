"""Splicing documents of any layout: the value is what was asked for, and what was not asked for stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_document import EntryList
from hypothesis import given, settings
from hypothesis import strategies as st

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=6
)
keys = st.sampled_from(["id", "read", "read_by", "x y", "é", '"', ""]) | st.text(max_size=5)
entries = st.dictionaries(keys, values, max_size=5)


class File(NamedTuple):
    """A document: what is around its entries, and the text and value of each."""

    prefix: str
    texts: list[str]
    values: list[dict[str, Any]]
    suffix: str
    bare: bool
    data: bytes


def written(value: Any, space: Callable[[], str], ascii_only: bool) -> str:
    """JSON text with white space wherever it may stand."""
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
    """Documents in random styles: of a program (regular), or with random white space."""
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
    """The texts of the entries behind ``prefix``."""
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
