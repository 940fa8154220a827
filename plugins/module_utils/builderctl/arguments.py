# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of builderctl: its commands, their options and their help."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from typing import Any, Callable

from ..coordination import __version__
from ..coordination.delivery.deliver import OFFLINE, QUEUE
from ..coordination.documents.secret_policy import POLICIES, REFUSE
from ..coordination.mail.message import MAX_BODY, MAX_SUBJECT, PRIORITIES, TYPES
from ..coordination.status.document import STATES
from .config import CONFIG_FILE
from .exit_codes import EXIT_CODES
from .parser import Command, Parser, epilog, plain_help

AddCommand = Callable[..., argparse.ArgumentParser]
"""Adds a command: its name, its summary, its examples and what else is to be said about it."""

_ABOUT = """\
Messages, status and health of build servers that work together through one Git repository.
This host speaks for itself alone; nothing is ever sent in another server's name."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read a command line: ``command`` is the command, ``json`` and ``config`` are always there.

    :raises InvalidInput: when it cannot be used.
    :raises SystemExit: when help or the version was asked for and is printed.
    """
    return _parser().parse_args(argv, argparse.Namespace(json=False, config=CONFIG_FILE))


def _parser() -> argparse.ArgumentParser:
    common = Command(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="print one JSON object, with notes and errors in it")
    common.add_argument("--config", metavar="FILE", help=f"the configuration (default: {CONFIG_FILE})")
    parser = Parser(
        prog="builderctl",
        description=_ABOUT,
        epilog=epilog(["builderctl read", "builderctl send --help", "builderctl --version"], EXIT_CODES),
        formatter_class=plain_help,
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"builderctl {__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=Command
    )

    def command(name: str, summary: str, examples: list[str], about: str = "") -> argparse.ArgumentParser:
        codes = [code for code in EXIT_CODES if code != 1 or name == "health"]
        return commands.add_parser(
            name,
            help=summary,
            description=f"{summary[:1].upper()}{summary[1:]}.\n\n{about}".strip(),
            epilog=epilog(examples, codes),
            formatter_class=plain_help,
            parents=[common],
        )

    _read(command)
    _send(command)
    _reply(command)
    _marks(command)
    _status(command)
    _service(command)
    _outbox(command)
    _recover(command)
    return parser


def _read(command: AddCommand) -> None:
    parser = command(
        "read",
        "list the messages to this server, the most urgent first; nothing is marked read",
        [
            "builderctl read",
            "builderctl read --all --type error --type warning --since 2026-11-21T00:00:00Z",
            "builderctl read --from build2 --limit 5 --json",
            "builderctl read --thread msg_1795245106_9f86d081884c7d65",
        ],
        "Unread ones, unless --all, --thread or an ID says otherwise.",
    )
    parser.add_argument("ids", metavar="ID", nargs="*", help="the messages to show, read or not")
    parser.add_argument("--all", action="store_true", help="show those that are read too")
    parser.add_argument(
        "--undeliverable", action="store_true", help="in place of them those that are for no server of the fleet"
    )
    parser.add_argument("--type", action="append", choices=TYPES, default=[], help="only this type; repeat for more")
    parser.add_argument(
        "--from", dest="senders", metavar="SERVER", action="append", default=[], help="only from it; repeat for more"
    )
    parser.add_argument("--thread", metavar="ID", help="a whole conversation in its order, own messages included")
    parser.add_argument("--since", metavar="TIME|ID", help="only what came after a UTC time or behind a message")
    parser.add_argument("--limit", metavar="N", type=_count, help="at most N messages")


def _send(command: AddCommand) -> None:
    parser = command(
        "send",
        "send a message",
        [
            "builderctl send 'Ready' 'build1 has finished its set-up.'",
            "builderctl send --type request --require-ack 'Install libmysqlclient-dev' 'Please tell the version.'",
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
    parser.add_argument("--request", metavar="JSON", type=_request, help="for programs: an object with an action")
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
    _content(parser)


def _content(parser: argparse.ArgumentParser) -> None:
    """What a message and an answer have in common."""
    parser.add_argument(
        "body",
        metavar="BODY",
        nargs="?",
        help=f"the text, at most {MAX_BODY} characters; - to read it from standard input",
    )
    parser.add_argument("--type", choices=TYPES, default="info", help="its kind (default: info)")
    parser.add_argument("--priority", choices=PRIORITIES, default="normal", help="(default: normal)")
    parser.add_argument("--require-ack", action="store_true", help="ask the recipient to acknowledge it")
    parser.add_argument(
        "--fact",
        dest="facts",
        metavar="NAME=VALUE",
        type=_fact,
        action="append",
        default=[],
        help="something observed now, for programs; repeat for more",
    )
    parser.add_argument("--key", help="send this once: the same key again sends nothing (kept for 30 days)")
    _offline(parser)
    _secrets(parser)


def _offline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--offline",
        choices=OFFLINE,
        default=QUEUE,
        help="when the remote does not take it in time: keep it in the outbox of this host, which is delivered later "
        "(queue, default), or fail",
    )


def _secrets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--secrets",
        choices=POLICIES,
        default=REFUSE,
        help="what to do when a text looks like a token or private key: refuse it (default), redact it (for logs), or "
        "allow it (when it is none)",
    )


def _marks(command: AddCommand) -> None:
    parser = command(
        "mark-read",
        "mark messages read by this server",
        ["builderctl mark-read", "builderctl mark-read msg_1795245106_9f86d081884c7d65"],
        "Without an ID: those that 'builderctl read' has shown last.",
    )
    parser.add_argument("ids", metavar="ID", nargs="*", help="the messages (default: those listed last)")
    examples = ["builderctl ack msg_1795245106_9f86d081884c7d65"]
    parser = command("ack", "acknowledge messages whose sender asks for it", examples)
    parser.add_argument("ids", metavar="ID", nargs="+", help="the messages")


def _status(command: AddCommand) -> None:
    parser = command(
        "status",
        "say what this server is doing, or show what one does",
        [
            "builderctl status",
            "builderctl status --server build2 --json",
            "builderctl status building --job job_42 --git-branch main --log /root/build-logs/job_42.log",
            "builderctl status success --artifact /root/cloudstack-management_4.21.0.0_all.deb",
            "builderctl status idle",
        ],
        "'building' starts the current job; 'success' and 'failed' close it into the last build.",
    )
    parser.add_argument("status", metavar="STATUS", nargs="?", choices=STATES, help=f"one of {', '.join(STATES)}")
    parser.add_argument("--server", metavar="SERVER", help="show this server's status (default: this server)")
    parser.add_argument("--job", metavar="ID", help="the job (default: the one that is being built, or a new id)")
    parser.add_argument("--git-branch", metavar="BRANCH", help="the branch that is built")
    parser.add_argument("--git-commit", metavar="COMMIT", help="the commit that is built")
    parser.add_argument("--log", metavar="PATH", help="the build's log on this server")
    parser.add_argument(
        "--artifact", dest="artifacts", metavar="PATH", action="append", default=[], help="what was built; repeatable"
    )
    _offline(parser)
    _secrets(parser)


def _service(command: AddCommand) -> None:
    parser = command(
        "health",
        "show how all servers, the jobs and the messages are",
        ["builderctl health", "builderctl health --json", "builderctl health --summary"],
        "Ages are in seconds in JSON.",
    )
    parser.add_argument(
        "--summary",
        action="store_true",
        help="only what needs the manager, as the service saw it last: without the network, nothing when all is well",
    )
    about = "publish this server's heartbeat until stopped; the service build-heartbeat runs this"
    parser = command("heartbeat", about, ["builderctl heartbeat --once"])
    parser.add_argument("--once", action="store_true", help="publish one and end")


def _outbox(command: AddCommand) -> None:
    parser = command(
        "outbox",
        "show what this server has accepted and the remote has not taken yet",
        ["builderctl outbox", "builderctl outbox --json"],
        "The service, and every command that reaches the remote, delivers what waits, in its order. What the remote\n"
        "refuses for its content is set aside. An ID is that of a line, or of a message in it.",
    )
    parser.add_argument("--drop", metavar="ID", action="append", default=[], help="give one up for good; repeatable")
    parser.add_argument(
        "--retry", metavar="ID", action="append", default=[], help="let one that was set aside wait again; repeatable"
    )


def _recover(command: AddCommand) -> None:
    parser = command(
        "recover",
        "show the messages of this server that somebody has taken from the remote, or send them again",
        ["builderctl recover", "builderctl recover --resend"],
        "When the branch of the remote is rewound or rewritten, nothing is sent again by itself: somebody may have\n"
        "purged a secret.",
    )
    parser.add_argument("--resend", action="store_true", help="send them again, with their ids and times")


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
