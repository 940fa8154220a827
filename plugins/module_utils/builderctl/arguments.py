# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of builderctl: its commands, their options and their help."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..coordination import __version__
from ..coordination.identity.config import CONFIG_FILE
from ..coordination.status.report import STATES
from .command import AddCommand, module
from .exit_codes import EXIT_CODES
from .hints import COMMANDS as HINTS
from .hints import TOOLS
from .message_arguments import add_offline, add_secrets
from .parser import Command, Help, Parser, description, epilog
from .times import positive_seconds

_ABOUT = (
    "Messages, status and health of build servers that coordinate over one Git repository. A server writes in its own "
    "name only.",
)
NETWORK = ("read", "send", "reply", "mark-read", "ack", "trace", "status", "health", "alerts", "recover", "heartbeat")
"""The commands with the option ``--timeout`` for the network. The one of ``wait`` is the maximum wait."""
MODULES = {
    "whoami": ["whoami"],
    "read": ["read"],
    "message_arguments": ["send", "reply", "mark-read", "ack"],
    "wait": ["wait"],
    "trace": ["trace"],
    "hook": ["hook"],
    "guide": ["guide"],
    "mcp": ["mcp"],
    "activate": ["activate"],
    "alerts": ["alerts"],
}
"""The modules with the arguments of commands. They are imported only if they are needed, because a start takes time."""
HERE = ("status", "health", "heartbeat", "outbox", "recover")
"""The commands whose arguments are in this module."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse a command line.

    :return: a namespace with ``command``, ``json``, ``config``, ``hints`` and the arguments of the command.
    :raises InvalidInput: if it is invalid.
    :raises SystemExit: after printing the help or the version.
    """
    parser = make_parser(argv[0] if argv else "")
    args = parser.parse_args(argv, argparse.Namespace(json=False, config=CONFIG_FILE, hints=HINTS))
    if args.command == "help":
        parser.parse_args([*([args.topic] if args.topic else []), "--help"])
    return args


def make_parser(name: str = "") -> argparse.ArgumentParser:
    """Return the parser of the command line.

    :param name: the command of the command line; another word for the parsers of all commands.
    """
    meanings = {code: meaning for code, (meaning, _kinds) in EXIT_CODES.items()}
    common = Command(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="print one JSON object, with notes and errors in it")
    common.add_argument("--config", metavar="FILE", help=f"the configuration (default: {CONFIG_FILE})")
    network = Command(add_help=False, argument_default=argparse.SUPPRESS)
    network.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=positive_seconds,
        help="the maximum time for the network in this call, for example 10 or 2m (default: that of the configuration)",
    )
    # Of 'builderctl mcp': the output names its tools, instead of commands.
    common.add_argument("--tools", dest="hints", action="store_const", const=TOOLS, help=argparse.SUPPRESS)
    parser = Parser(
        prog="builderctl",
        description=description(_ABOUT),
        epilog=epilog(["builderctl read", "builderctl send --help", "builderctl --version"], meanings),
        formatter_class=Help,
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
            description=description((f"{summary[:1].upper()}{summary[1:]}.", *about.split("\n\n"))),
            epilog=epilog(examples, dict(sorted({**usual, **(codes or {})}.items()))),
            formatter_class=Help,
            parents=[common, *([network] if name in NETWORK else [])],
        )

    is_single = name in HERE or any(name in names for names in MODULES.values())
    for module_name, names in MODULES.items():
        if name in names or not is_single:
            module(module_name).add(command)
    help_parser = command(
        "help", "show the help of this program or of a command", ["builderctl help", "builderctl help read"]
    )
    help_parser.add_argument("topic", metavar="COMMAND", nargs="?", help="the command (default: the whole program)")
    _status(command)
    _service(command)
    _outbox(command)
    _recover(command)
    commands.add_parser("complete", parents=[common], add_help=False).add_argument("words", nargs="*")
    return parser


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
    parser.add_argument("--job", metavar="JOB", help="the job (default: the current job, or a new id)")
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
    add_offline(parser)
    add_secrets(parser)


def _service(command: AddCommand) -> None:
    parser = command(
        "health",
        "show the health of all servers, the jobs and the messages",
        ["builderctl health", "builderctl health --json", "builderctl health --summary"],
        "Problems are those of servers, documents and the trust in them; attention is what a manager has to do, and\n"
        "makes no server unhealthy. With --json, ages are in seconds.",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--dismiss",
        metavar="ALARM",
        action="append",
        default=[],
        help="do not report an alarm about messages any more on this server, after its reason is known; its id is at "
        "its end; repeat for more",
    )
    instead.add_argument(
        "--restore", metavar="ALARM", action="append", default=[], help="undo --dismiss; repeat for more"
    )
    instead.add_argument(
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
        "content the remote rejects is set aside. A WRITE is the id of a line, or of a message in it.",
    )
    parser.add_argument(
        "--drop", metavar="WRITE", action="append", default=[], help="delete a write from the outbox; repeat for more"
    )
    parser.add_argument(
        "--retry",
        metavar="WRITE",
        action="append",
        default=[],
        help="deliver a write that was set aside; repeat for more",
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
