# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of builderctl: its commands, their options and their help."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from typing import Any

from ..coordination import __version__
from ..coordination.delivery.deliver import OFFLINE, QUEUE
from ..coordination.documents.secret_policy import POLICIES, REFUSE
from ..coordination.identity.config import CONFIG_FILE
from ..coordination.mail.draft import MAX_BODY, MAX_SUBJECT
from ..coordination.mail.message import PRIORITIES, TYPES
from ..coordination.status.document import STATES
from . import activate, hook, wait
from .command import AddCommand
from .exit_codes import EXIT_CODES
from .parser import Command, Parser, epilog, plain_help

_ABOUT = """\
Messages, status and health of build servers that coordinate over one Git repository.
A server writes in its own name only."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse a command line.

    :return: a namespace with ``command``, ``json``, ``config`` and the arguments of the command.
    :raises InvalidInput: if it is invalid.
    :raises SystemExit: after printing the help or the version.
    """
    return _parser().parse_args(argv, argparse.Namespace(json=False, config=CONFIG_FILE))


def _parser() -> argparse.ArgumentParser:
    meanings = {code: meaning for code, (meaning, _kinds) in EXIT_CODES.items()}
    common = Command(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="print one JSON object, with notes and errors in it")
    common.add_argument("--config", metavar="FILE", help=f"the configuration (default: {CONFIG_FILE})")
    parser = Parser(
        prog="builderctl",
        description=_ABOUT,
        epilog=epilog(["builderctl read", "builderctl send --help", "builderctl --version"], meanings),
        formatter_class=plain_help,
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"builderctl {__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=Command
    )

    def command(
        name: str, summary: str, examples: list[str], about: str = "", codes: dict[int, str] | None = None
    ) -> argparse.ArgumentParser:
        usual = {code: meaning for code, meaning in meanings.items() if code != 1 or name == "health"}
        return commands.add_parser(
            name,
            help=summary,
            description=f"{summary[:1].upper()}{summary[1:]}.\n\n{about}".strip(),
            epilog=epilog(examples, dict(sorted({**usual, **(codes or {})}.items()))),
            formatter_class=plain_help,
            parents=[common],
        )

    _read(command)
    _send(command)
    _reply(command)
    _marks(command)
    wait.add(command)
    hook.add(command)
    _status(command)
    _service(command)
    activate.add(command)
    _outbox(command)
    _recover(command)
    return parser


def _read(command: AddCommand) -> None:
    parser = command(
        "read",
        "list the messages to this server, the most urgent first; no message is marked read",
        [
            "builderctl read",
            "builderctl read --all --type error --type warning --since 2026-11-21T00:00:00Z",
            "builderctl read --from build2 --limit 5 --json",
            "builderctl read --thread msg_1795245106_9f86d081884c7d65",
        ],
        "By default, the unread messages are listed.",
    )
    parser.add_argument("ids", metavar="ID", nargs="*", help="the messages to show, read or not")
    parser.add_argument("--all", action="store_true", help="show read messages too")
    parser.add_argument("--undeliverable", action="store_true", help="show the messages for no server of the fleet")
    parser.add_argument("--type", action="append", choices=TYPES, default=[], help="only this type; repeat for more")
    parser.add_argument(
        "--from",
        dest="senders",
        metavar="SERVER",
        action="append",
        default=[],
        help="only from SERVER; repeat for more",
    )
    parser.add_argument("--thread", metavar="ID", help="show a whole conversation in its order, with own messages")
    parser.add_argument("--since", metavar="TIME|ID", help="only messages after a time in UTC, or after a message")
    parser.add_argument("--limit", metavar="N", type=_count, help="at most N messages")


def _send(command: AddCommand) -> None:
    parser = command(
        "send",
        "send a message",
        [
            "builderctl send 'Ready' 'build1 has finished its set-up.'",
            "builderctl send --type request --require-ack 'Install libmysqlclient-dev' 'Please report the version.'",
            "builderctl send --to all --priority high 'Restart at 22:00 UTC' 'Back in ten minutes.' --key restart-1",
            "builderctl send 'Versions' 'Measured on build1.' --fact git=2.39.5 --fact maven=3.8.7",
            "builderctl send --type request 'Install jq' 'Please.' "
            '--request \'{"action": "install_packages", "packages": ["jq"]}\'',
            "tail -n 40 build.log | builderctl send --type error --secrets redact 'The build failed' -",
        ],
    )
    parser.add_argument("subject", metavar="SUBJECT", help=f"one line of at most {MAX_SUBJECT} characters")
    parser.add_argument(
        "--to", metavar="SERVER|all", action="append", help="recipient; repeat for more (default: the partner)"
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
    _offline(parser)
    _secrets(parser)


def _offline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--offline",
        choices=OFFLINE,
        default=QUEUE,
        help="what to do if the remote does not accept it in time: keep it in the outbox, which is delivered later "
        "(queue, default), or fail",
    )


def _secrets(parser: argparse.ArgumentParser) -> None:
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
        "Without an ID, the messages that the last 'builderctl read' listed are marked.",
    )
    parser.add_argument("ids", metavar="ID", nargs="*", help="the messages (default: those listed last)")
    examples = ["builderctl ack msg_1795245106_9f86d081884c7d65"]
    parser = command("ack", "acknowledge messages whose sender requested it", examples)
    parser.add_argument("ids", metavar="ID", nargs="+", help="the messages")


def _status(command: AddCommand) -> None:
    parser = command(
        "status",
        "publish the status of this server, or show that of a server",
        [
            "builderctl status",
            "builderctl status --server build2 --json",
            "builderctl status building --job job_42 --git-branch main --log /root/build-logs/job_42.log",
            "builderctl status success --artifact /root/cloudstack-management_4.21.0.0_all.deb",
            "builderctl status idle",
        ],
        "'building' starts the current job; 'success' and 'failed' end it, and it becomes the last build.",
    )
    parser.add_argument("status", metavar="STATUS", nargs="?", choices=STATES, help=f"one of {', '.join(STATES)}")
    parser.add_argument("--server", metavar="SERVER", help="show the status of SERVER (default: this server)")
    parser.add_argument("--job", metavar="ID", help="the job (default: the current job, or a new id)")
    parser.add_argument("--git-branch", metavar="BRANCH", help="the branch that is built")
    parser.add_argument("--git-commit", metavar="COMMIT", help="the commit that is built")
    parser.add_argument("--log", metavar="PATH", help="the log of the build on this server")
    parser.add_argument(
        "--artifact",
        dest="artifacts",
        metavar="PATH",
        action="append",
        default=[],
        help="built file; repeat for more",
    )
    _offline(parser)
    _secrets(parser)


def _service(command: AddCommand) -> None:
    parser = command(
        "health",
        "show the health of all servers, the jobs and the messages",
        ["builderctl health", "builderctl health --json", "builderctl health --summary"],
        "With --json, ages are in seconds.",
    )
    parser.add_argument(
        "--summary",
        action="store_true",
        help="print the last summary of the service, without access to the network; nothing if there are no problems",
    )
    about = "publish the heartbeat of this server until stopped; the service build-heartbeat runs this"
    parser = command("heartbeat", about, ["builderctl heartbeat --once"])
    parser.add_argument("--once", action="store_true", help="publish one heartbeat and exit")


def _outbox(command: AddCommand) -> None:
    parser = command(
        "outbox",
        "show the writes of this server that the remote has not accepted yet",
        ["builderctl outbox", "builderctl outbox --json"],
        "The service, and every command that reaches the remote, delivers the outbox in its order. A write whose\n"
        "content the remote rejects is set aside. An ID is that of a line, or of a message in it.",
    )
    parser.add_argument(
        "--drop", metavar="ID", action="append", default=[], help="delete a write from the outbox; repeat for more"
    )
    parser.add_argument(
        "--retry", metavar="ID", action="append", default=[], help="deliver a write that was set aside; repeat for more"
    )


def _recover(command: AddCommand) -> None:
    parser = command(
        "recover",
        "show the messages of this server that were removed from the remote, or send them again",
        ["builderctl recover", "builderctl recover --resend"],
        "After the branch of the remote was rewound or rewritten, no message is sent again automatically: the purpose\n"
        "may have been to remove a secret.",
    )
    parser.add_argument("--resend", action="store_true", help="send them again, with their ids and timestamps")


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def _fact(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return {"name": name, "value": value}


def _request(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"it is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("it is not a JSON object")
    return value
