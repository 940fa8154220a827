# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the commands that write messages and their marks."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..coordination.delivery.deliver import OFFLINE, QUEUE
from ..coordination.documents.secret_policy import POLICIES, REFUSE
from ..coordination.json_errors import json_reason
from ..coordination.mail.draft import MAX_BODY, MAX_SUBJECT, NEEDS
from ..coordination.mail.message import PRIORITIES, TYPES
from .command import AddCommand


def add(command: AddCommand) -> None:
    """Add the commands ``send``, ``reply``, ``mark-read`` and ``ack``."""
    _send(command)
    _reply(command)
    _marks(command)


def _send(command: AddCommand) -> None:
    parser = command(
        "send",
        "send a message",
        [
            "builderctl send 'Ready' 'build1 has finished its set-up.'",
            "builderctl send --type request --require-ack 'Install libmysqlclient-dev' 'Please report the version.'",
            "builderctl send --needs operator 'May I move to Java 21?' 'The tests pass. Build2 would have to follow.'",
            "builderctl send --to all --priority high 'Restart at 22:00 UTC' 'Back in ten minutes.' --key restart-1",
            "builderctl send 'Versions' 'Measured on build1.' --fact git=2.39.5 --fact maven=3.8.7",
            "builderctl send --type request 'Install jq' 'Please.' "
            '--request \'{"action": "install_packages", "packages": ["jq"]}\'',
            "tail -n 40 build.log | builderctl send --type error --secrets redact 'The build failed' -",
        ],
    )
    parser.add_argument("subject", metavar="SUBJECT", help=f"one line of at most {MAX_SUBJECT} characters")
    parser.add_argument(
        "--to",
        metavar="SERVER|all|everyone",
        action="append",
        help="recipient; repeat for more; everyone: all and the operator (default: the partner)",
    )
    parser.add_argument(
        "--needs",
        choices=NEEDS,
        help="a question that only the operator may answer; he gets it whoever the recipient is",
    )
    parser.add_argument(
        "--request", metavar="JSON", type=_request, help="a request for programs: an object with an action"
    )
    _content(parser)


def _reply(command: AddCommand) -> None:
    parser = command(
        "reply",
        "answer a message to its sender, in its thread, and mark it read",
        [
            "builderctl reply msg_1795245106_9f86d081884c7d65 'Version 8.0.36-1 is installed on build1.'",
            "builderctl reply msg_1795245106_9f86d081884c7d65 'Done.' --fact libmysqlclient-dev=8.0.36-1",
            "uname -a | builderctl reply msg_1795245106_9f86d081884c7d65 -",
        ],
    )
    parser.add_argument("id", metavar="ID", help="the message to answer")
    parser.add_argument(
        "--continue",
        dest="continue_thread",
        action="store_true",
        help="send it although both servers only answer each other in turn, which is refused as a loop",
    )
    _content(parser)


def _content(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that ``send`` and ``reply`` have in common."""
    parser.add_argument(
        "body",
        metavar="BODY",
        nargs="?",
        help=f"the text, at most {MAX_BODY} characters; - reads it from standard input",
    )
    parser.add_argument("--type", choices=TYPES, default="info", help="the type of the message (default: info)")
    parser.add_argument("--priority", choices=PRIORITIES, default="normal", help="(default: normal)")
    parser.add_argument("--require-ack", action="store_true", help="ask the recipient to acknowledge it")
    parser.add_argument(
        "--fact",
        dest="facts",
        metavar="NAME=VALUE",
        type=_fact,
        action="append",
        default=[],
        help="a fact that was observed now, for programs; repeat for more",
    )
    parser.add_argument("--key", help="idempotency key: a message with the same key is sent once within 30 days")
    add_offline(parser)
    add_secrets(parser)


def add_offline(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--offline``."""
    parser.add_argument(
        "--offline",
        choices=OFFLINE,
        default=QUEUE,
        help="what to do if the remote does not accept it in time: keep it in the outbox, which is delivered later "
        "(queue, default), or fail",
    )


def add_secrets(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--secrets``."""
    parser.add_argument(
        "--secrets",
        choices=POLICIES,
        default=REFUSE,
        help="what to do if a text has the form of a token or private key: refuse it (default), redact it (for logs), "
        "or allow it (if it is not a secret)",
    )


def _marks(command: AddCommand) -> None:
    parser = command(
        "mark-read",
        "mark messages read by this server",
        ["builderctl mark-read", "builderctl mark-read msg_1795245106_9f86d081884c7d65"],
        "A HANDLE such as @7f3a means the messages on a page of 'builderctl read', which prints it at the end.\n"
        "Without an ID, the messages on the last page that was printed in this session are marked.",
    )
    parser.add_argument(
        "ids", metavar="ID|HANDLE", nargs="*", help="the messages, or pages of them (default: the last page)"
    )
    examples = ["builderctl ack msg_1795245106_9f86d081884c7d65"]
    parser = command("ack", "acknowledge messages whose sender requested it", examples)
    parser.add_argument("ids", metavar="ID", nargs="+", help="the messages")


def _fact(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return {"name": name, "value": value}


def _request(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"it is not JSON ({json_reason(error)})") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("it is not a JSON object")
    return value
