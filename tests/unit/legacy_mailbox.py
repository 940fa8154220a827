"""The mailbox of the old scripts, in the forms that editors, jq and other programs write."""

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
_LAST_READ = re.compile(r'("read" *: *)false(?=\s*}$)')


def legacy_texts() -> list[str]:
    """Return the text of each entry of the fixture."""
    text = (LEGACY_REPO / MESSAGES).read_bytes().decode("ascii")
    assert text.startswith(PREFIX)
    assert text.endswith(SUFFIX)
    return re.split(r",\n    (?=\{)", text[len(PREFIX) : -len(SUFFIX)])


@dataclass(frozen=True)
class Form:
    """A form of the mailbox: the text around the entries, and the layout of an entry.

    :param layout: converts the text of an entry in the fixture to this form.
    :param level: the number of arrays and objects that contain the entries.
    """

    layout: Callable[[str], str]
    prefix: str = PREFIX
    between: str = BETWEEN
    suffix: str = SUFFIX
    bom: bytes = b""
    level: int = 2

    def texts(self) -> list[str]:
        """Return the texts of the entries of the fixture in this form."""
        return [self.layout(text) for text in legacy_texts()]

    def marked(self, text: str) -> str:
        """Return the text of an entry in this form, whose last member is ``"read": false``, with MARK set."""
        return _LAST_READ.sub(
            lambda match: f'{match[1]}true,{self._line(1)}"read_by": {self._value(["build1"], 1)}', text
        )

    def file(self, texts: list[str], new: list[dict[str, Any]]) -> bytes:
        """Return the bytes of a mailbox in this form, with these texts of entries and new entries after them."""
        added = "".join(f",{self._line(0)}{self._value(entry, 0)}" for entry in new)
        return self.bom + (self.prefix + self.between.join(texts) + added + self.suffix).encode("utf-8")

    def _line(self, deeper: int) -> str:
        return ("\r\n" if "\r\n" in self.prefix else "\n") + "  " * (self.level + deeper)

    def _value(self, value: Any, deeper: int) -> str:
        """Return the text of a new value, which is indented by two spaces in every form."""
        return json.dumps(value, indent=2).replace("\n", self._line(deeper))


def _tabs(text: str) -> str:
    return re.sub(r"\n((?:  )+)", lambda spaces: "\n" + "\t" * (len(spaces.group(1)) // 2), text)


def _crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def _same(text: str) -> str:
    return text


def _odd(text: str) -> str:
    """Write the same value in another way: needless escapes, upper-case hex, other spaces in the line."""
    text = _SUBJECT.sub(lambda m: f"{m.group(1)}\\u{ord(m.group(2)):04X}", text)
    return text.replace("\\ud83d", "\\uD83D").replace('"to": ', '"to" :  ').replace("/", "\\/")


def _dumped(base: str, **options: Any) -> Callable[[str], str]:
    def layout(text: str) -> str:
        return json.dumps(json.loads(text), **options).replace("\n", f"\n{base}")

    return layout


FORMS = {
    "as the scripts left it": Form(_same),
    "final newline": Form(_same, suffix=f"{SUFFIX}\n"),
    "crlf": Form(_crlf, _crlf(PREFIX), _crlf(BETWEEN), _crlf(SUFFIX)),
    "crlf, final newline": Form(_crlf, _crlf(PREFIX), _crlf(BETWEEN), _crlf(f"{SUFFIX}\n")),
    "tabs": Form(_tabs, _tabs(PREFIX), _tabs(BETWEEN), _tabs(SUFFIX)),
    "byte order mark": Form(_same, bom=b"\xef\xbb\xbf"),
    "keys around": Form(_same, prefix=f'{{\n  "v": {{"messages": []}},{PREFIX[1:]}', suffix='\n  ],\n  "z" : 1.50\n}'),
    "odd escapes": Form(_odd),
    "bare array": Form(_dumped("  ", indent=2), "[\n  ", ",\n  ", "\n]\n", level=1),
    "four spaces": Form(_dumped(" " * 8, indent=4), '{\n    "messages": [\n        ', ",\n        ", "\n    ]\n}\n"),
    "python compact": Form(_dumped(""), '{"messages": [', ", ", "]}"),
    "jq": Form(_dumped("    ", ensure_ascii=False, indent=2), suffix=f"{SUFFIX}\n"),
    "jq -c": Form(_dumped("", ensure_ascii=False, separators=(",", ":")), '{"messages":[', ",", "]}\n"),
    "objects on a line": Form(_dumped(""), "[\n", ",\n", "\n]\n", level=1),
}
