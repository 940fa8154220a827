# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``builderctl wait``."""

from __future__ import annotations

import contextlib
import signal
from argparse import Namespace
from collections.abc import Iterator
from types import FrameType

from ..coordination.errors import LookFailed, RemoteUnreachable
from ..coordination.identity.config import Config
from ..coordination.identity.host import Host
from ..coordination.mail.message import TYPES
from ..coordination.operations.listing import Filter, Listing
from ..coordination.operations.wait import MAX_NEWS, wait_for_news
from ..coordination.timestamps import parse_time
from .brief import brief_line
from .command import AddCommand, Outcome
from .exit_codes import WAIT_CODES
from .layout import RECORDS
from .short_ids import whole_id
from .times import seconds

REPEAT = 1
"""Seconds after which an interrupt is repeated."""


def add(command: AddCommand) -> None:
    """Add the command and its arguments."""
    parser = command(
        "wait",
        "wait for a message to this server that was not shown before, and print it on one line",
        [
            "builderctl wait",
            "builderctl wait --reply msg_1795245106_9f86d081884c7d65 --timeout 30m",
            "builderctl wait --from build2 --type error --type request --timeout 1h",
        ],
        "It ends at once if there is such a message already. No message is marked read. Several messages are printed\n"
        f"together, at most {MAX_NEWS}, the most urgent first.",
        WAIT_CODES,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--reply", metavar="ID", help="only an answer to ID, a message of this server; read or not")
    which.add_argument("--thread", metavar="ID", help="only a message of this conversation")
    parser.add_argument(
        "--from",
        dest="senders",
        metavar="SERVER",
        action="append",
        default=[],
        help="only from SERVER; repeat for more",
    )
    parser.add_argument("--type", action="append", choices=TYPES, default=[], help="only this type; repeat for more")
    parser.add_argument(
        "--timeout",
        dest="wait_timeout",
        metavar="TIME",
        type=seconds,
        default="10m",
        help="the maximum wait: seconds, or for example 90s, 10m or 1h (default: 10m)",
    )


def run(host: Host, _config: Config, args: Namespace) -> Outcome:
    """Wait for messages.

    :raises NoAnswer: if no such message came in time.
    :raises LookFailed: if the remote could not be reached, so that it is not known whether one came.
    :raises KeyboardInterrupt: on SIGINT or SIGTERM.
    """
    with _interruptible():
        try:
            thread, reply_to = (name and whole_id(host, name) for name in (args.thread, args.reply))
            chosen = Filter(types=args.type, senders=args.senders, thread=thread)
            found = wait_for_news(host, chosen, reply_to, args.wait_timeout)
        except RemoteUnreachable as error:
            raise LookFailed(error.what, error.remedy) from error
    return Outcome(found.data(), lambda _paint: _brief(host, found), layout=RECORDS)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM interrupt the block as SIGINT does, unless that is ignored.

    The interrupt is repeated until the block has ended: Python ignores an exception that is raised while it ends an
    object or unlocks a module.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, REPEAT, REPEAT)
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, signal.SIGALRM]
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        numbers.append(signal.SIGINT)
    previous = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _brief(host: Host, found: Listing) -> str:
    lines = []
    for message in found.messages:
        sent = parse_time(message["timestamp"])
        age = (host.clock() - sent).total_seconds() if sent else None
        texts = (message[name] for name in ("type", "from", "subject", "verified", "not_operators"))
        lines.append(brief_line(message["id"], age, *texts))
    return "\n".join(lines)
