"""JSON as other programs and people write it: with any layout, duplicate keys, and parts that are not JSON."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Raw(str):
    """A part that is put into the text unchanged, JSON or not."""

    __slots__ = ()


class Twin(str):
    """A key that may occur in an object together with an equal one."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Layout(NamedTuple):
    """The layout of a document; with ``indent`` None it is on one line."""

    indent: int | None = 2
    ascii_only: bool = True
    newline: str = "\n"
    comma: str = ","
    colon: str = ": "


LAYOUTS = (
    Layout(),
    Layout(ascii_only=False),
    Layout(newline="\r\n"),
    Layout(indent=None, comma=", "),
    Layout(indent=None, colon=":", ascii_only=False),
    Layout(indent=0, newline="\n\t", comma="\t,", colon=" :\n"),
)


def dump(value: Any, layout: Layout, level: int = 0) -> str:
    """Return the text of a value."""
    if isinstance(value, Raw):
        return str(value)
    if not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=layout.ascii_only)
    if isinstance(value, dict):
        begin, end = "{", "}"
        items = [
            f"{json.dumps(str(key), ensure_ascii=layout.ascii_only)}{layout.colon}{dump(item, layout, level + 1)}"
            for key, item in value.items()
        ]
    else:
        begin, end = "[", "]"
        items = [dump(item, layout, level + 1) for item in value]
    if not items:
        return begin + end
    if layout.indent is None:
        return begin + layout.comma.join(items) + end
    inner = layout.newline + " " * layout.indent * (level + 1)
    outer = layout.newline + " " * layout.indent * level
    return begin + inner + f"{layout.comma}{inner}".join(items) + outer + end
