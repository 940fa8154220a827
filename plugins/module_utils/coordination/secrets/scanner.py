# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding secrets in texts, and taking them out. Nothing in here ever returns a secret."""

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
"""Characters; a shorter one would be found in ordinary texts."""
_URL_SAFE = str.maketrans("+/", "-_")
_MARK = rf"\[redacted: (?:{'|'.join(re.escape(name) for name in (OWN_TOKEN, *(f.name for f in FORMS)))})\]"


class Finding(NamedTuple):
    """Where a secret stands in a text, and what it is called. Not what it is."""

    name: str
    start: int
    end: int


def find_secrets(text: str, token: str = "") -> list[Finding]:
    """The secrets in a text, in order. Those that overlap count as one, named after the one that begins first, or after
    the own token where that is among them.

    :param token: this server's own token, which is found however it looks; each word of it, where it has several.
    """
    found = [*_find_own(text, token), *_find_known(text)]
    return _apart(_unmarked(text, found)) if found else []


def redact(text: str, token: str = "") -> tuple[str, list[str]]:
    """A text with a mark in place of each secret, and the names of what was there."""
    names: dict[str, None] = {}
    found = find_secrets(text, token)
    while found:
        names.update(dict.fromkeys(finding.name for finding in found))
        text = _replaced(text, found)
        found = find_secrets(text, token)
    return text, list(names)


def find_in(value: Any, token: str = "") -> list[tuple[str, str]]:
    """Where in lists and objects there are secrets, such as ``facts[0].value``, and what each is called."""
    walk = _Walk(token)
    walk.redacted(value, "", "")
    return list(walk.found)


def redact_in(value: Any, token: str = "") -> tuple[Any, list[str]]:
    """Lists and objects with their texts and keys redacted, and the names of what was there."""
    walk = _Walk(token)
    clean = walk.redacted(value, "", "")
    return clean, list(dict.fromkeys(name for where, name in walk.found))


class _Walk:
    """A walk through the texts of a value. What it finds is in ``found``: the places and names, in order."""

    def __init__(self, token: str) -> None:
        self.found: dict[tuple[str, str], None] = {}
        self._token = token

    def redacted(self, value: Any, where: str, key: str) -> Any:
        """A value with its secrets redacted; ``key`` is what it is the value of, if anything."""
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
            shown = _free(shown, clean)
            place = f"{where}.{shown}" if where else str(shown)
            self.found.update(dict.fromkeys((place, name) for name in key_names))
            clean[shown] = self.redacted(item, place, key if isinstance(key, str) else "")
        return clean

    def _text(self, text: str, where: str, key: str) -> str:
        """A text redacted; some values are secrets only because of the name that they have."""
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
    """The own token as it is, in a URL, and in the header with which Git sends it."""
    pattern = _own_pattern(token)
    for match in pattern.finditer(text) if pattern else ():
        yield Finding(OWN_TOKEN, *match.span())


@functools.lru_cache(maxsize=8)
def _own_pattern(token: str) -> re.Pattern[str] | None:
    """What fits the words of a token file in all their shapes; a good one has one word, a bad one perhaps PAT=…."""
    words = {shape for word in token.split() for shape in (word, word.rpartition("=")[2].strip("\"'"))}
    shapes = {shape for word in words if len(word) >= MIN_OWN_TOKEN for shape in _shapes(word)}
    in_order = sorted(shapes, key=lambda shape: (-len(shape), shape))
    return re.compile("|".join(map(re.escape, in_order))) if shapes else None


def _shapes(word: str) -> Iterator[str]:
    """A word as it is, in a URL, in the header with which Git sends it, and within anything else in Base64."""
    quoted = quote(word, safe="", errors="surrogatepass")
    yield from (word, quoted, re.sub("%..", lambda match: match[0].lower(), quoted))
    content = word.encode("utf-8", "surrogatepass")
    yield base64.b64encode(b"x-access-token:" + content).decode("ascii")
    for before, first in enumerate((0, 2, 3)):  # the characters that depend on what stands before and behind are left
        encoded = base64.b64encode(b"\0" * before + content).decode("ascii")
        within = encoded[first : (before + len(content)) * 8 // 6]
        yield from (within, within.translate(_URL_SAFE))


def _find_known(text: str) -> Iterator[Finding]:
    lowered = text.lower()
    for form in FORMS:
        if any(hint in lowered for hint in form.hints):
            for match in re.finditer(form.pattern, text):
                yield Finding(form.name, *match.span("secret" if "secret" in match.re.groupindex else 0))


def _unmarked(text: str, found: list[Finding]) -> list[Finding]:
    """The findings that are not marks of a redaction, and neither begin nor end within one."""
    marks = [mark.span() for mark in re.finditer(_MARK, text)] if "[redacted: " in text else []
    return [
        finding
        for finding in found
        if finding[1:] not in marks
        and not any(first < position < last for position in finding[1:] for first, last in marks)
    ]


def _apart(found: list[Finding]) -> list[Finding]:
    """The findings in order, those that overlap made one."""
    apart: list[Finding] = []
    for finding in sorted(found, key=lambda finding: (finding.start, -finding.end)):
        if apart and finding.start < apart[-1].end:
            name = OWN_TOKEN if OWN_TOKEN in (finding.name, apart[-1].name) else apart[-1].name
            apart[-1] = Finding(name, apart[-1].start, max(apart[-1].end, finding.end))
        else:
            apart.append(finding)
    return apart


def _replaced(text: str, found: list[Finding]) -> str:
    """A text with a mark in place of each finding."""
    parts = []
    position = 0
    for name, start, end in found:
        parts += [text[position:start], f"[redacted: {name}]"]
        position = end
    return "".join([*parts, text[position:]])


def _free(key: Any, taken: dict[Any, Any]) -> Any:
    """A key that is not taken: two keys may be redacted to the same."""
    free = key
    number = 1
    while free in taken:
        number += 1
        free = f"{key} ({number})"
    return free
