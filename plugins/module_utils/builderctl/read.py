# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``builderctl read``: messages on pages that fit into the context of an LLM."""

from __future__ import annotations

import argparse
import re
from argparse import Namespace
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from ..coordination.errors import CoordinationError, InvalidInput, UnknownMessage
from ..coordination.identity.config import Config
from ..coordination.identity.host import Host
from ..coordination.mail.draft import NEEDS
from ..coordination.mail.message import TYPES
from ..coordination.mail.pages import Page, find_page
from ..coordination.operations.listing import Filter, find_messages, record_page
from ..coordination.timestamps import parse_time
from .brief import brief_line
from .command import AddCommand, Outcome
from .formats import Paint, painter
from .layout import PROSE, RECORDS, fit
from .message_rendering import BRIEF_LEGEND, CUTS, LEGEND, Footer, message, page_text
from .reader import current_reader
from .short_ids import whole_id, whole_ids
from .times import since

MAX_MESSAGES = 20
"""The maximum number of messages on a page."""
MAX_LINES = 50
"""The maximum number of messages on a page of brief lines."""
MAX_SIZE = 8000
"""The maximum number of bytes of a page. A whole message that is larger has a page of its own."""
ROOM = 700
"""The bytes of these that are for colours and for the lines around the messages."""

Render = Callable[[dict[str, Any], Paint], str]


def add(command: AddCommand) -> None:
    """Add the command and its arguments."""
    parser = command(
        "read",
        "list the messages to this server, the most urgent first; no message is marked read",
        [
            "builderctl read",
            "builderctl read --all --type error --type warning --since 2d",
            "builderctl read --from build2 --limit 5 --json",
            "builderctl read --all --archived --newest --brief --grep 'disk full'",
            "builderctl read msg_1795245106_9f86d081884c7d65 --full",
            "builderctl read --thread msg_1795245106_9f86d081884c7d65",
        ],
        f"By default, the unread messages are shown, on pages of at most {MAX_MESSAGES} messages and "
        f"{MAX_SIZE // 1000} kB. The end of a page\nhas the command that marks the messages on it as read, and the "
        "option that shows the next page. With --json, all\nmessages are printed, unless --limit is given.",
    )
    parser.add_argument("ids", metavar="ID", nargs="*", help="the messages to show, read or not")
    parser.add_argument("--all", action="store_true", help="show read messages too")
    parser.add_argument("--archived", action="store_true", help="show read and archived messages too")
    parser.add_argument("--undeliverable", action="store_true", help="show the messages for no server of the fleet")
    parser.add_argument(
        "--needs", choices=NEEDS, help="show the questions that only the operator may answer, and has not"
    )
    parser.add_argument("--type", action="append", choices=TYPES, default=[], help="only this type; repeat for more")
    parser.add_argument(
        "--from",
        dest="senders",
        metavar="SERVER",
        action="append",
        default=[],
        help="only from SERVER; repeat for more",
    )
    parser.add_argument(
        "--thread",
        metavar="ID",
        help="show a whole conversation in its order, with own messages; ID is any message of it",
    )
    parser.add_argument("--grep", metavar="TEXT", default="", help="only with TEXT in the subject or body, in any case")
    parser.add_argument(
        "--since",
        metavar="TIME|ID",
        help="only messages after a time in UTC (2026-11-22, 2026-11-22T07:11:46Z, yesterday, or 2h, 90m or 3d ago), "
        "or after a message",
    )
    parser.add_argument("--limit", metavar="N", type=_count, help=f"at most N messages (default: {MAX_MESSAGES})")
    parser.add_argument("--newest", action="store_true", help="the newest first, instead of the most urgent")
    parser.add_argument("--after", metavar="HANDLE", help="the messages after a page, with the same options as before")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--brief", action="store_true", help=f"one line for each message, at most {MAX_LINES} (with --limit: N)"
    )
    form.add_argument("--full", action="store_true", help="whole messages, with all that is known about them")


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def run(host: Host, _config: Config, args: Namespace) -> Outcome:
    """Show a page of messages, and record what stood on it.

    :raises CoordinationError: as :func:`.find_messages`, and if there is no page ``args.after``.
    """
    thread = args.thread and whole_id(host, args.thread)
    chosen = Filter(
        unread=False if args.all else None,
        undeliverable=args.undeliverable,
        needs=args.needs,
        types=args.type,
        senders=args.senders,
        thread=thread,
        since=args.since and _since(host, args.since),
        text=args.grep,
        archived=args.archived,
        newest=args.newest,
        existing=True,
        ids=whole_ids(host, args.ids),
    )
    found = find_messages(host, chosen)
    for sender in args.senders if not found.messages else ():
        _note_unknown_sender(host, sender)
    listed = _following(found.messages, find_page(host.state, args.after)) if args.after else found.messages
    render = _form(host, args)
    shown = listed[: args.limit] if args.json else _first_page(listed, render, args)
    page = record_page(host, current_reader(), shown)
    data = {**found.data(), "messages": shown, "left": len(listed) - len(shown), "handle": page.handle}
    narrowed = chosen != Filter(types=[], senders=[], ids=[], existing=True)
    footer = Footer(data, page, host.id, narrowed, _can_answer(host, shown), args.hints)
    legend = BRIEF_LEGEND if args.brief else LEGEND
    layout = RECORDS if args.brief else PROSE
    return Outcome(data, lambda paint: page_text(legend, [render(one, paint) for one in shown], footer), layout=layout)


def _since(host: Host, given: str) -> str:
    """Return the time, or the id of the message, that a text names.

    :raises InvalidInput: if it names neither.
    """
    try:
        return since(given, host.clock()) or whole_id(host, given)
    except UnknownMessage as error:
        raise InvalidInput(
            f"{given!r} is neither a time nor the id of a message.",
            "Write a time as 2h, yesterday, 2026-11-22 or 2026-11-22T07:11:46Z.",
        ) from error


def _note_unknown_sender(host: Host, sender: str) -> None:
    """Add a note if a sender is not in the fleet. Its messages can be listed, so that this is no error."""
    try:
        host.fleet.check_recipient(host.fleet.server_of(sender))
    except CoordinationError as error:
        host.repository.notes.append(str(error))


def _following(messages: list[dict[str, Any]], page: Page) -> list[dict[str, Any]]:
    """Return the messages after the last one that stood on a page."""
    on_page = {page.last, *page.ids}
    positions = [index for index, one in enumerate(messages) if one["id"] in on_page]
    return messages[positions[-1] + 1 if positions else 0 :]


def _first_page(messages: list[dict[str, Any]], render: Render, args: Namespace) -> list[dict[str, Any]]:
    most = args.limit or (MAX_LINES if args.brief else MAX_MESSAGES)
    shown: list[dict[str, Any]] = []
    plain, size = painter(False), ROOM
    for one in islice(messages, most):
        size += len(render(one, plain).encode()) + 1
        if shown and size > MAX_SIZE:
            break
        shown.append(one)
    return shown


def _form(host: Host, args: Namespace) -> Render:
    """Return the function that renders a message."""
    now = host.clock()

    def brief(one: dict[str, Any], _paint: Paint) -> str:
        sent = parse_time(one["timestamp"])
        seconds = (now - sent).total_seconds() if sent else None
        texts = (one[name] for name in ("type", "from", "subject", "verified", "not_operators"))
        return brief_line(one["id"], seconds, *texts)

    def normal(one: dict[str, Any], paint: Paint) -> str:
        known = one["from"] == host.id or _is_known(host, one["from"])
        if args.full:
            return fit(message(one, host.id, known, now, paint))
        texts = (fit(message(one, host.id, known, now, paint, cut, args.hints)) for cut in CUTS)
        return next(text for text in texts if len(text.encode()) < MAX_SIZE - ROOM)

    return brief if args.brief else normal


def _can_answer(host: Host, messages: Iterable[dict[str, Any]]) -> bool:
    """Return whether a reply to one of some messages can be sent."""
    return any(one["id"] and one["from"] != host.id and _is_known(host, one["from"]) for one in messages)


def _is_known(host: Host, server: str) -> bool:
    try:
        host.fleet.check_recipient(server)
    except CoordinationError:
        return False
    return True
