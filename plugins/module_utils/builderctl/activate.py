# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``builderctl activate``, the condition of the unit build-manager.service."""

from __future__ import annotations

from argparse import Namespace

from ..coordination.identity.config import Config
from ..coordination.mail.activation import end, start
from ..coordination.state_dir import StateDirectory
from ..coordination.timestamps import utc_now
from .command import AddCommand, Outcome

MAX_PER_HOUR = 4


def add(command: AddCommand) -> None:
    """Add the command and its arguments."""
    parser = command(
        "activate",
        "decide whether the command of the manager is started for unread mail; build-manager.service runs this",
        ["builderctl activate --max-per-hour 4", "builderctl activate --ended success"],
        "It is started if an actionable message is unread and no session of the manager is attached. Each positive\n"
        "decision counts as a start. This command starts nothing itself, and does not use the network.",
        {0: "start it", 1: "do not start it"},
    )
    parser.add_argument(
        "--max-per-hour",
        metavar="N",
        type=int,
        default=MAX_PER_HOUR,
        help=f"the maximum number of starts within an hour (default: {MAX_PER_HOUR})",
    )
    parser.add_argument("--ended", metavar="RESULT", help="record the result of a start, as systemd names it")


def run(config: Config, args: Namespace) -> Outcome:
    """Decide whether the command of the manager is started, or record its result.

    :raises StateUnusable: if a file of the state directory cannot be read or written.
    """
    state = StateDirectory(config.state_dir)
    if args.ended is not None:
        end(state, utc_now(), args.ended)
        return Outcome({}, lambda _paint: "")
    ids, reason = start(state, utc_now(), args.max_per_hour)
    text = f"Not started: {reason}." if reason else f"Start for {', '.join(ids)}."
    return Outcome({"start": not reason, "ids": ids, "reason": reason}, lambda _paint: text, int(bool(reason)))
