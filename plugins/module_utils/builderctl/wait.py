# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``builderctl wait``."""

from __future__ import annotations

import signal
from argparse import Namespace

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
    """Wait for messages. SIGTERM ends the wait as SIGINT does.

    :raises NoAnswer: if no such message came in time.
    :raises LookFailed: if the remote could not be reached, so that it is not known whether one came.
    """
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        thread, reply_to = (name and whole_id(host, name) for name in (args.thread, args.reply))
        chosen = Filter(types=args.type, senders=args.senders, thread=thread)
        found = wait_for_news(host, chosen, reply_to, args.wait_timeout)
    except RemoteUnreachable as error:
        raise LookFailed(error.what, error.remedy) from error
    finally:
        signal.signal(signal.SIGTERM, previous)
    return Outcome(found.data(), lambda _paint: _brief(host, found), layout=RECORDS)


def _brief(host: Host, found: Listing) -> str:
    lines = []
    for message in found.messages:
        sent = parse_time(message["timestamp"])
        age = (host.clock() - sent).total_seconds() if sent else None
        texts = (message[name] for name in ("type", "from", "subject", "verified", "not_operators"))
        lines.append(brief_line(message["id"], age, *texts))
    return "\n".join(lines)
