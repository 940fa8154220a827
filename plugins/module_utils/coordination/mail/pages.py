# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last pages of messages that were shown on this server, to mark exactly what stood on one.

A page has a handle such as ``@7f3a``, and the reader that it was shown to: a session of this host, or the module.
"""

from __future__ import annotations

import contextlib
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ..errors import InvalidInput
from ..state_dir import StateDirectory
from ..timestamps import utc_text

PAGES_FILE = "pages.json"
PAGES_LOCK = "pages.lock"
OLD_FILE = "listed.json"
"""The record of older versions: the ids of the last listing."""
MAX_PAGES = 50
"""The maximum number of pages in the record; the oldest are removed first."""
MAX_NAMED = 5
"""The maximum number of pages that an error names."""
MODULE = "module"
"""The reader of the pages that modules list."""
SEE_PAGE = "List the messages first ('builderctl read'), or give their ids."

_HANDLES = 16**4
_STEP = 40503
"""An odd number, so that a handle returns only after all others; neighbours differ in several digits."""


@dataclass(frozen=True)
class Page:
    """A page of messages.

    ``ids`` are those of the messages on it that its reader can mark. ``last`` is the id of the last message on it,
    empty if it has none. ``shown_at`` is a time as text in UTC.
    """

    handle: str
    reader: str
    shown_at: str
    ids: tuple[str, ...]
    last: str = ""


@dataclass(frozen=True)
class _Record:
    number: int
    pages: tuple[Page, ...]


def add_page(state: StateDirectory, reader: str, ids: Iterable[str], last: str, now: datetime) -> Page:
    """Record a page that is shown to a reader.

    Of the module, and of the pages without messages, only the last one is kept.

    :param now: the time in UTC.
    :raises StateUnusable: if the record cannot be read or written.
    """
    with state.lock(PAGES_LOCK):
        record = _load(state)
        page = Page(_handle(record.number), reader, utc_text(now), tuple(ids), last)
        kept = [one for one in record.pages if (one.ids or one.last) and (one.reader, reader) != (MODULE, MODULE)]
        pages = [*kept, page][-MAX_PAGES:]
        state.write_json(PAGES_FILE, {"number": record.number + 1, "pages": [asdict(one) for one in pages]})
        with contextlib.suppress(OSError):
            (state.path / OLD_FILE).unlink()
    return page


def is_handle(text: str) -> bool:
    """Return whether a text has the form of a handle."""
    return text.startswith("@")


def find_page(state: StateDirectory, handle: str) -> Page:
    """Return the page with a handle.

    :raises InvalidInput: if there is none.
    """
    found = [page for page in _load(state).pages if page.handle == handle]
    if not found:
        raise InvalidInput(
            f"There is no page {handle!r}. The last {MAX_PAGES} pages are kept, with handles such as @7f3a.", SEE_PAGE
        )
    return found[-1]


def known_pages(state: StateDirectory) -> tuple[Page, ...]:
    """Return the pages in the record, the oldest first.

    :raises StateUnusable: if the record cannot be read.
    """
    return _load(state).pages


def last_page(state: StateDirectory, reader: str) -> Page:
    """Return the page that was last shown to a reader.

    :raises InvalidInput: if there is none. The error names the last pages of other readers.
    """
    pages = _load(state).pages
    own = [page for page in pages if page.reader == reader]
    if own:
        return own[-1]
    if not pages:
        raise InvalidInput("Nothing was listed on this server yet.", SEE_PAGE)
    named = ", ".join(f"{page.handle} ({len(page.ids)} {_when(page)})" for page in pages[-MAX_NAMED:])
    raise InvalidInput(
        f"Nothing was listed in this session. The last pages of others, with the number of their messages: {named}.",
        "Name a page: builderctl mark-read HANDLE",
    )


def first_page_with(state: StateDirectory, message_id: str) -> Page | None:
    """Return the oldest page in the record on which a message stood, None if there is none.

    :raises StateUnusable: if the record cannot be read.
    """
    return next((page for page in _load(state).pages if message_id in page.ids and page.shown_at), None)


def _when(page: Page) -> str:
    return f"at {page.shown_at}" if page.shown_at else "before the upgrade"


def _handle(number: int) -> str:
    return f"@{number * _STEP % _HANDLES:04x}"


def _load(state: StateDirectory) -> _Record:
    record = state.read(PAGES_FILE, _parse)
    if record is not None:
        return record
    old = state.read(OLD_FILE, lambda listed: tuple(str(message_id) for message_id in listed["ids"]))
    if old is None:
        return _Record(secrets.randbelow(_HANDLES), ())
    number = zlib.crc32("".join(old).encode(errors="replace"))  # the same each time, since nothing is written here
    return _Record(number + 1, (Page(_handle(number), MODULE, "", old, old[-1] if old else ""),))


def _parse(record: Any) -> _Record:
    return _Record(int(record["number"]) % _HANDLES, tuple(map(_parse_page, record["pages"])))


def _parse_page(record: Any) -> Page:
    page = Page(**{**record, "ids": tuple(record["ids"])})
    if not all(isinstance(text, str) for text in (page.handle, page.reader, page.shown_at, page.last, *page.ids)):
        raise TypeError("a page has a member that is not a text")
    return page
