"""The mailbox that the old scripts left, in the forms that editors, jq and other programs give it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.acs.builders.tests.builders import LEGACY_REPO, MESSAGES

PREFIX, BETWEEN, SUFFIX = '{\n  "messages": [\n    ', ",\n    ", "\n  ]\n}"
NEW: dict[str, Any] = {
    "id": "msg_new",
    "subject": "Grüße, 世界 \U0001f600",
    "read": False,
    "read_by": [],
    "n": {"a": [1]},
}
MARK = {"read": True, "read_by": ["build1"]}
_SUBJECT = re.compile(r'("subject": ")(.)')


def legacy_texts() -> list[str]:
    """The text of each entry of the fixture."""
    text = (LEGACY_REPO / MESSAGES).read_bytes().decode("ascii")
    assert text.startswith(PREFIX)
    assert text.endswith(SUFFIX)
    return re.split(r",\n    (?=\{)", text[len(PREFIX) : -len(SUFFIX)])


def marked(text: str) -> str:
    """The text of an entry of the fixture whose last member is ``"read": false``, with MARK set, by hand."""
    before, mark, after = text.rpartition('"read": false\n')
    assert mark
    return f'{before}"read": true,\n      "read_by": [\n        "build1"\n      ]\n{after}'


def indented(entry: dict[str, Any]) -> str:
    """The text of a new entry, as it stands in the fixture."""
    return json.dumps(entry, indent=2).replace("\n", "\n    ")


@dataclass(frozen=True)
class Form:
    """A form of the mailbox: what is around the entries, and what becomes of the text of one.

    :param layout: from the text of an entry in the fixture to its text in this form.
    :param ascii_layout: the same for new entries, which are always written in ASCII.
    """

    layout: Callable[[str], str]
    prefix: str = PREFIX
    between: str = BETWEEN
    suffix: str = SUFFIX
    bom: bytes = b""
    ascii_layout: Callable[[str], str] | None = None

    def file(self, texts: list[str], new: list[str]) -> bytes:
        """The bytes of a mailbox of entries with these texts (in the fixture's form)."""
        parts = [self.layout(text) for text in texts] + [(self.ascii_layout or self.layout)(text) for text in new]
        return self.bom + (self.prefix + self.between.join(parts) + self.suffix).encode("utf-8")


def _tabs(text: str) -> str:
    return re.sub(r"\n((?:  )+)", lambda spaces: "\n" + "\t" * (len(spaces.group(1)) // 2), text)


def _crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def _same(text: str) -> str:
    return text


def _odd(text: str) -> str:
    """Other ways to write the same: escapes that need not be, upper-case hex, other spaces in the line."""
    text = _SUBJECT.sub(lambda m: f"{m.group(1)}\\u{ord(m.group(2)):04X}", text)
    return text.replace("\\ud83d", "\\uD83D").replace('"to": ', '"to" :  ').replace("/", "\\/")


def _dumped(base: str, **options: Any) -> Callable[[str], str]:
    def layout(text: str) -> str:
        return json.dumps(json.loads(text), **options).replace("\n", f"\n{base}")

    return layout


_JQ: dict[str, Any] = {"indent": 2}
_JQ_C: dict[str, Any] = {"separators": (",", ":")}

FORMS = {
    "as the scripts left it": Form(_same),
    "final newline": Form(_same, suffix=f"{SUFFIX}\n"),
    "crlf": Form(_crlf, _crlf(PREFIX), _crlf(BETWEEN), _crlf(SUFFIX)),
    "crlf, final newline": Form(_crlf, _crlf(PREFIX), _crlf(BETWEEN), _crlf(f"{SUFFIX}\n")),
    "tabs": Form(_tabs, _tabs(PREFIX), _tabs(BETWEEN), _tabs(SUFFIX)),
    "byte order mark": Form(_same, bom=b"\xef\xbb\xbf"),
    "keys around": Form(_same, prefix=f'{{\n  "v": {{"messages": []}},{PREFIX[1:]}', suffix='\n  ],\n  "z" : 1.50\n}'),
    "odd escapes": Form(_odd, ascii_layout=_same),
    "bare array": Form(_dumped("  ", indent=2), "[\n  ", ",\n  ", "\n]\n"),
    "four spaces": Form(_dumped(" " * 8, indent=4), '{\n    "messages": [\n        ', ",\n        ", "\n    ]\n}\n"),
    "python compact": Form(_dumped(""), '{"messages": [', ", ", "]}"),
    "jq": Form(_dumped("    ", ensure_ascii=False, **_JQ), suffix=f"{SUFFIX}\n", ascii_layout=_dumped("    ", **_JQ)),
    "jq -c": Form(
        _dumped("", ensure_ascii=False, **_JQ_C), '{"messages":[', ",", "]}\n", ascii_layout=_dumped("", **_JQ_C)
    ),
    "objects on a line": Form(_dumped(""), "[\n", ",\n", "\n]\n"),
    "objects on a line, indented": Form(_dumped(""), '{"messages": [\n  ', ",\n  ", "\n]}\n"),
}
