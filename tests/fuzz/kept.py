"""Checks, independent of the code that writes, that a write keeps every byte that it need not change."""

from __future__ import annotations

import json
import re
import subprocess
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple, NoReturn

from ansible_collections.acs.builders.tests.fuzz.failure import Violation

MARKS = frozenset({"read", "read_by", "ack_status", "acknowledged_by"})
"""The members of an existing message that may change."""
STATUS_MEMBERS = frozenset(
    {"server", "hostname", "ip", "manager", "status", "current_job", "last_build", "timestamp", "system"}
    | {"capabilities", "repository", "signature", "unverified"}
)
"""The members of a status that may change."""

_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


class Piece(NamedTuple):
    """A member or an element: its key, its text, and the text between it and the one before."""

    key: str
    text: str
    gap: str


def strict(data: bytes) -> Any:
    """Return the value of a JSON file, as strict readers parse it.

    :raises ValueError: if it is not valid.
    :raises RecursionError: if it is nested too deeply.
    """
    return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)


def is_readable(data: bytes) -> bool:
    """Return whether strict readers can read a file."""
    try:
        strict(data)
    except (ValueError, RecursionError):
        return False
    return True


def check_text(text: str, what: str, old: str = "null") -> None:
    """Check that all readers, also jq, can read new JSON.

    :param old: the old text; a lone surrogate that it contains may remain.
    :raises Violation: if they cannot.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Violation(f"{what} is not JSON: {error}") from error
    if _has_surrogate(value) and not _has_surrogate(json.loads(old)):
        raise Violation(f"{what} contains a lone surrogate, which jq cannot read")


def _has_surrogate(value: Any) -> bool:
    return _SURROGATE.search(json.dumps(value, ensure_ascii=False)) is not None


def check_with_jq(data: bytes, what: str) -> None:
    """Check that jq itself can read a file.

    :raises Violation: if it cannot.
    """
    read = subprocess.run(["jq", "empty"], input=data, capture_output=True, check=False)
    if read.returncode != 0:
        raise Violation(f"jq cannot read {what}: {read.stderr.decode('utf-8', 'replace').strip()}")


def check_members(old: str, new: str, allowed: frozenset[str], what: str) -> None:
    """Check that in an object only the values of some members changed, and that members were added only at its end.

    :raises Violation: if anything else changed.
    """
    before, end = _pieces(old)
    after, new_end = _pieces(new)
    if len(after) < len(before) or (before and end.strip() != new_end.strip()):
        raise Violation(f"{what} has lost members")
    for first, second in zip(before, after):
        if first.gap != second.gap:
            raise Violation(f"in {what}, the text around {first.key!r} changed")
        if first.text != second.text:
            if first.key not in allowed:
                raise Violation(f"in {what}, {first.key!r} changed from {first.text[:99]} to {second.text[:99]}")
            check_text(second.text, f"{first.key!r} of {what}", first.text)
    for added in after[len(before) :]:
        if added.key not in allowed:
            raise Violation(f"a member {added.key!r} was added to {what}")
        check_text(added.text, f"{added.key!r} of {what}")


def check_entries(old: str, new: str, what: str) -> None:
    """Check that in a list of messages, bare or under its key, only marks changed and messages were added at its end.

    :raises Violation: if anything else changed.
    """
    start, new_start = _array(old), _array(new)
    if old[:start] != new[:new_start]:
        raise Violation(f"in {what}, the text before the messages changed")
    before, end = _pieces(old[start:])
    after, new_end = _pieces(new[new_start:])
    if len(after) < len(before):
        raise Violation(f"{what} has lost messages")
    for number, (first, second) in enumerate(zip(before, after)):
        if first.gap != second.gap:
            raise Violation(f"in {what}, the text before message {number} changed")
        if first.text != second.text:
            check_members(first.text, second.text, MARKS, f"message {number} of {what}")
    for added in after[len(before) :]:
        check_text(added.text, f"a new message in {what}")
    was_empty = after and not before
    if (end.lstrip() != new_end.lstrip()) if was_empty else (end != new_end):
        raise Violation(f"in {what}, the text after the messages changed")


def check_moved(old: str, new: str, archived: list[Any], what: str) -> None:
    """Check that the messages removed from a list are archived and were read, and that the others are unchanged.

    :param archived: the messages in the archives afterwards.
    :raises Violation: if this does not hold.
    """
    before, after = ([piece.text for piece in _pieces(text[_array(text) :])[0]] for text in (old, new))
    left = []
    for text in before:
        if after and after[0] == text:
            after.pop(0)
        else:
            left.append(json.loads(text))
    if after:
        raise Violation(f"in {what}, messages changed while others were archived")
    for message in left:
        if message not in archived:
            raise Violation(f"{what} has lost messages")
        if message.get("read") is not True and not message.get("read_by"):
            raise Violation(f"an unread message was removed from {what}")


def count_entries(text: str) -> int:
    """Return the number of messages in a list."""
    return len(_pieces(text[_array(text) :])[0])


def entries(data: bytes) -> list[Any]:
    """Return the messages of a file; an empty list if it cannot be read."""
    value = strict(data) if is_readable(data) else []
    found = value.get("messages") if isinstance(value, dict) else value
    return found if isinstance(found, list) else []


def _array(text: str) -> int:
    """Return the position of the list of messages: at the start, or under the last key with its name."""
    start = _skip(text, 0)
    if text[start] == "[":
        return start
    position = start
    found = -1
    for piece in _pieces(text[start:])[0]:
        position += len(piece.gap) + (1 if position == start else 0)
        if piece.key == "messages":
            found = position
        position += len(piece.text)
    return found


def _pieces(text: str) -> tuple[list[Piece], str]:
    """Return the members or elements of the object or list at the start of a text, and the text after the last."""
    pieces: list[Piece] = []
    is_object = text[0] == "{"
    last, position = 1, _skip(text, 1)
    while text[position] not in "]}":
        key = ""
        if is_object:
            key, position = scanstring(text, position + 1, True)
            position = _skip(text, _skip(text, position) + 1)
        end = _DECODER.raw_decode(text, position)[1]
        pieces.append(Piece(key, text[position:end], text[last:position]))
        last, position = end, _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return pieces, text[last:]


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
