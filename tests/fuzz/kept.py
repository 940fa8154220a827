"""What a write must keep, found out without the code that writes: every byte that it is not about."""

from __future__ import annotations

import json
import re
import subprocess
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple, NoReturn

from ansible_collections.acs.builders.tests.fuzz.failure import Violation

MARKS = frozenset({"read", "read_by", "ack_status", "acknowledged_by"})
"""What may change in a message that is there."""
TOLD = frozenset(
    {"server", "hostname", "ip", "manager", "status", "current_job", "last_build", "timestamp", "system"}
    | {"capabilities", "repository", "signature", "unverified"}
)
"""What may change in a status."""

_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


class Piece(NamedTuple):
    """A member or an element: its key, its text, and the text between the one before and it."""

    key: str
    text: str
    gap: str


def strict(data: bytes) -> Any:
    """The value of a JSON file, as strict readers have it.

    :raises ValueError: when it is none.
    :raises RecursionError: when it is nested without end.
    """
    return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)


def is_readable(data: bytes) -> bool:
    """Whether strict readers can read a file."""
    try:
        strict(data)
    except (ValueError, RecursionError):
        return False
    return True


def check_text(text: str, what: str, old: str = "null") -> None:
    """Check that new JSON can be read by everybody, jq among them.

    :param old: what stood there before; a half character that was in it may stay.
    :raises Violation: when it cannot.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Violation(f"{what} is not JSON: {error}") from error
    if _has_half(value) and not _has_half(json.loads(old)):
        raise Violation(f"{what} holds a lone surrogate, which jq cannot read")


def _has_half(value: Any) -> bool:
    return _SURROGATE.search(json.dumps(value, ensure_ascii=False)) is not None


def check_with_jq(data: bytes, what: str) -> None:
    """Check that jq itself can read a file.

    :raises Violation: when it cannot.
    """
    read = subprocess.run(["jq", "empty"], input=data, capture_output=True, check=False)
    if read.returncode != 0:
        raise Violation(f"jq cannot read {what}: {read.stderr.decode('utf-8', 'replace').strip()}")


def check_members(old: str, new: str, allowed: frozenset[str], what: str) -> None:
    """Check that of an object nothing changed but the values of some members, and members at its end.

    :raises Violation: when anything else did.
    """
    before, end = _pieces(old)
    after, new_end = _pieces(new)
    if len(after) < len(before) or (before and end.strip() != new_end.strip()):
        raise Violation(f"{what} has lost members")
    for there, then in zip(before, after):
        if there.gap != then.gap:
            raise Violation(f"in {what}, what stands around {there.key!r} changed")
        if there.text != then.text:
            if there.key not in allowed:
                raise Violation(f"in {what}, {there.key!r} changed from {there.text[:99]} to {then.text[:99]}")
            check_text(then.text, f"{there.key!r} of {what}", there.text)
    for then in after[len(before) :]:
        if then.key not in allowed:
            raise Violation(f"{what} was given a member {then.key!r}")
        check_text(then.text, f"{then.key!r} of {what}")


def check_entries(old: str, new: str, what: str) -> None:
    """Check that in a list of messages, bare or under its key, nothing changed but marks and what is new at its end.

    :raises Violation: when anything else did.
    """
    start, new_start = _array(old), _array(new)
    if old[:start] != new[:new_start]:
        raise Violation(f"in {what}, the text before the messages changed")
    before, end = _pieces(old[start:])
    after, new_end = _pieces(new[new_start:])
    if len(after) < len(before):
        raise Violation(f"{what} has lost messages")
    for number, (there, then) in enumerate(zip(before, after)):
        if there.gap != then.gap:
            raise Violation(f"in {what}, the text before message {number} changed")
        if there.text != then.text:
            check_members(there.text, then.text, MARKS, f"message {number} of {what}")
    for then in after[len(before) :]:
        check_text(then.text, f"a new message in {what}")
    first = after and not before
    if (end.lstrip() != new_end.lstrip()) if first else (end != new_end):
        raise Violation(f"in {what}, the text behind the messages changed")


def check_moved(old: str, new: str, archived: list[Any], what: str) -> None:
    """Check that the messages that left a list are archived and were read, and that the others stand as they stood.

    :param archived: the messages in the archives afterwards.
    :raises Violation: when it is not so.
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
            raise Violation(f"a message left {what} that nobody has read")


def count_entries(text: str) -> int:
    """How many messages a list has."""
    return len(_pieces(text[_array(text) :])[0])


def entries(data: bytes) -> list[Any]:
    """The messages of a file, none where it cannot be read."""
    value = strict(data) if is_readable(data) else []
    found = value.get("messages") if isinstance(value, dict) else value
    return found if isinstance(found, list) else []


def _array(text: str) -> int:
    """Where the list of messages begins: at once, or under the last of the keys."""
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
    """The members or elements of the object or list that a text begins with, and what stands behind the last."""
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
