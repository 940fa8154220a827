# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding secrets in texts and redacting them. No function returns a secret."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from .rules import FORMS

OWN_TOKEN = "the token of this server"  # noqa: S105 (a name)
MIN_OWN_TOKEN = 8
"""Characters; a shorter token would be found in ordinary texts."""
_URL_SAFE = str.maketrans("+/", "-_")
_MARK = rf"\[redacted: (?:{'|'.join(re.escape(name) for name in (OWN_TOKEN, *(f.name for f in FORMS)))})\]"


class Finding(NamedTuple):
    """The place of a secret in a text, and the name of its kind."""

    name: str
    start: int
    end: int


def find_secrets(text: str, token: str = "") -> list[Finding]:
    """Find the secrets in a text.

    :param token: the token of this server, which is found in any form; each of its words if it has several.
    :return: the findings in order. Overlapping findings are merged: the result has the name of the first of them, or
        of the token of this server if it is among them.
    """
    found = [*_find_own(text, token), *_find_known(text)]
    return _merged(_outside_marks(text, found)) if found else []


def redact(text: str, token: str = "") -> tuple[str, list[str]]:
    """Return a text with a mark in place of each secret, and the names of the secrets."""
    names: dict[str, None] = {}
    found = find_secrets(text, token)
    while found:
        names.update(dict.fromkeys(finding.name for finding in found))
        text = _replaced(text, found)
        found = find_secrets(text, token)
    return text, list(names)


def find_in(value: Any, token: str = "") -> list[tuple[str, str]]:
    """Find the secrets in a JSON value.

    :return: the place of each, such as ``facts[0].value``, and its name.
    """
    walk = _Walk(token)
    walk.redacted(value, "", "")
    return list(walk.found)


def redact_in(value: Any, token: str = "") -> tuple[Any, list[str]]:
    """Return a redacted copy of a JSON value, and the names of the secrets."""
    walk = _Walk(token)
    clean = walk.redacted(value, "", "")
    return clean, list(dict.fromkeys(name for where, name in walk.found))


class _Walk:
    """A recursive walk through a JSON value.

    ``found`` has the places and the names of the secrets, in order.
    """

    def __init__(self, token: str) -> None:
        self.found: dict[tuple[str, str], None] = {}
        self._token = token

    def redacted(self, value: Any, where: str, key: str) -> Any:
        """Return a redacted copy of a value; ``key`` is its key in an object, or empty."""
        if isinstance(value, str):
            return self._text(value, where, key)
        if isinstance(value, list):
            return [self.redacted(item, f"{where}[{index}]", "") for index, item in enumerate(value)]
        if isinstance(value, dict):
            return self._object(value, where)
        return value

    def _object(self, value: dict[Any, Any], where: str) -> dict[Any, Any]:
        clean: dict[Any, Any] = {}
        for key, item in value.items():
            shown, key_names = redact(key, self._token) if isinstance(key, str) else (key, [])
            shown = _unique_key(shown, clean)
            place = f"{where}.{shown}" if where else str(shown)
            self.found.update(dict.fromkeys((place, name) for name in key_names))
            clean[shown] = self.redacted(item, place, key if isinstance(key, str) else "")
        return clean

    def _text(self, text: str, where: str, key: str) -> str:
        """Return a redacted text.

        Its key is scanned with it, because some forms of secrets begin with a name.
        """
        label = f"{key}: " if key else ""
        named = [
            Finding(name, max(start - len(label), 0), end - len(label))
            for name, start, end in (find_secrets(label + text, self._token) if label else [])
            if end > len(label)
        ]
        clean, names = redact(_replaced(text, named), self._token)
        self.found.update(dict.fromkeys((where, name) for name in (*(finding.name for finding in named), *names)))
        return clean


def _find_own(text: str, token: str) -> Iterator[Finding]:
    """Find the token of this server in all its encodings."""
    pattern = _own_pattern(token)
    for match in pattern.finditer(text) if pattern else ():
        yield Finding(OWN_TOKEN, *match.span())


@functools.lru_cache(maxsize=8)
def _own_pattern(token: str) -> re.Pattern[str] | None:
    """Compile a pattern of all encodings of the words in a token file.

    An invalid token file may contain ``PAT=…``.
    """
    words = {part for word in token.split() for part in (word, word.rpartition("=")[2].strip("\"'"))}
    encodings = {encoding for word in words if len(word) >= MIN_OWN_TOKEN for encoding in _encodings(word)}
    longest_first = sorted(encodings, key=lambda encoding: (-len(encoding), encoding))
    return re.compile("|".join(map(re.escape, longest_first))) if encodings else None


def _encodings(word: str) -> Iterator[str]:
    """Yield the encodings of a word in which it may appear.

    They are the word itself, percent-encoding, Git's Authorization header, and Base64 of a text with the word in it.
    """
    quoted = quote(word, safe="", errors="surrogatepass")
    yield from (word, quoted, re.sub("%..", lambda match: match[0].lower(), quoted))
    content = word.encode("utf-8", "surrogatepass")
    yield base64.b64encode(b"x-access-token:" + content).decode("ascii")
    for before, first in enumerate((0, 2, 3)):  # without the characters that depend on the adjacent text
        encoded = base64.b64encode(b"\0" * before + content).decode("ascii")
        within = encoded[first : (before + len(content)) * 8 // 6]
        yield from (within, within.translate(_URL_SAFE))


def _find_known(text: str) -> Iterator[Finding]:
    lowered = text.lower()
    for form in FORMS:
        if any(hint in lowered for hint in form.hints):
            for match in re.finditer(form.pattern, text):
                yield Finding(form.name, *match.span("secret" if "secret" in match.re.groupindex else 0))


def _outside_marks(text: str, found: list[Finding]) -> list[Finding]:
    """Return the findings that do not overlap the mark of an earlier redaction."""
    marks = [mark.span() for mark in re.finditer(_MARK, text)] if "[redacted: " in text else []
    return [
        finding
        for finding in found
        if finding[1:] not in marks
        and not any(first < position < last for position in finding[1:] for first, last in marks)
    ]


def _merged(found: list[Finding]) -> list[Finding]:
    """Return the findings in order, with overlapping findings merged."""
    merged: list[Finding] = []
    for finding in sorted(found, key=lambda finding: (finding.start, -finding.end)):
        if merged and finding.start < merged[-1].end:
            name = OWN_TOKEN if OWN_TOKEN in (finding.name, merged[-1].name) else merged[-1].name
            merged[-1] = Finding(name, merged[-1].start, max(merged[-1].end, finding.end))
        else:
            merged.append(finding)
    return merged


def _replaced(text: str, found: list[Finding]) -> str:
    """Return a text with a mark in place of each finding."""
    parts = []
    position = 0
    for name, start, end in found:
        parts += [text[position:start], f"[redacted: {name}]"]
        position = end
    return "".join([*parts, text[position:]])


def _unique_key(key: Any, used: dict[Any, Any]) -> Any:
    """Return a key that is not used yet.

    Redaction can make two keys equal; the second gets a number.
    """
    unique = key
    number = 1
    while unique in used:
        number += 1
        unique = f"{key} ({number})"
    return unique
