# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command builderctl, for the manager at the shell of a server."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..coordination.errors import CoordinationError, InvalidInput, StateUnusable, explain, unusable
from ..coordination.identity.config import CONFIG_FILE, Config, load_config
from ..coordination.standard_streams import open_standard_streams
from ..coordination.text import clean, one_line
from .arguments import make_parser, parse
from .command import Outcome, module
from .exit_codes import exit_code
from .formats import painter
from .layout import RECORDS, fit

INTERRUPTED = 130


class CannotPrint(StateUnusable):
    """The result of a command cannot be printed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    :param argv: the command line without the name of the program; None for that of this process.
    :return: the exit code, one of ``exit_codes.EXIT_CODES``.
    """
    open_standard_streams()
    argv = sys.argv[1:] if argv is None else list(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    notes: list[str] = []
    try:
        code = _main(argv, notes)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except CannotPrint as error:
        _print_error(str(error))
        code = exit_code(error.kind)
    except CoordinationError as error:
        code = _fail(argv, error.kind, str(error), notes)
    except OSError as error:
        code = _fail(argv, StateUnusable.kind, str(unusable(error)), notes)
    except Exception as error:
        code = _fail(argv, "error", explain(error), notes)
    return code


def _main(argv: Sequence[str], notes: list[str]) -> int:
    try:
        args = parse(argv)
    except SystemExit as stop:
        _print("")
        return int(stop.code or 0)
    if args.command == "hook":
        _print(module("hook").run(args))
        return 0
    if args.command == "complete":
        _print(module("complete").run(make_parser(), args))
        return 0
    if args.config != CONFIG_FILE and not os.path.exists(args.config):
        raise InvalidInput(f"The file {args.config} does not exist.", "Correct the option --config, or omit it.")
    if args.command == "mcp":
        return int(module("mcp").run(args))
    outcome = _outcome(args, notes)
    if args.json:
        _print_json({**outcome.data, "notes": notes})
    else:
        _print_notes(notes)
        _print(fit(outcome.text(painter(_use_colours())), outcome.layout))
    return outcome.code


def _outcome(args: Namespace, notes: list[str]) -> Outcome:
    """Run a command, and add the notes of the operation to ``notes``."""
    outcome: Outcome
    if args.command == "whoami":
        outcome = module("whoami").run(args.config)
        return outcome
    config = load_config(args.config)
    if getattr(args, "timeout", None) is not None:
        config = replace(config, timeout=args.timeout)
    if args.command == "heartbeat":
        code = module("service").run(config, args.once)
        outcome = Outcome({}, lambda _paint: "Heartbeat published." if args.once and not code else "", code)
    elif args.command == "health" and args.summary:
        text = module("login").summary(config)
        outcome = Outcome({"summary": text}, lambda _paint: text)
    elif args.command == "alerts" and (args.test or args.deliver):
        outcome = module("alerts").run_ways(config, args)
    elif args.command == "activate":
        outcome = module("activate").run(config, args)
    elif args.command == "guide":
        outcome = module("guide").run(config)
    else:
        outcome = _on_repository(args, config, notes)
    return outcome


def _on_repository(args: Namespace, config: Config, notes: list[str]) -> Outcome:
    """Run a command that needs the repository, and add the notes of the operation to ``notes``."""
    from ..coordination.delivery.deliver import deliver_waiting
    from ..coordination.operations.recover import withdrawal_notes
    from . import progress
    from .commands import ON_REPOSITORY

    if args.command in ("send", "reply"):
        args.body = module("body").given_body(args.body)
    with config.host() as host:
        try:
            with progress.shown(progress.what_takes_time(args, host)):
                outcome = ON_REPOSITORY[args.command](host, config, args)
                if args.command != "outbox":
                    deliver_waiting(host)
            return outcome
        finally:
            notes += [*host.repository.notes, *withdrawal_notes(host)]


def _fail(argv: Sequence[str], kind: str, text: str, notes: list[str]) -> int:
    """Print an error, and return the exit code."""
    try:
        if _is_json_requested(argv):
            _print_json({"error": kind, "message": one_line(text), "notes": notes})
            return exit_code(kind)
    except CannotPrint:
        pass
    _print_notes(notes)
    _print_error(text)
    return exit_code(kind)


def _is_json_requested(argv: Sequence[str]) -> bool:
    """Return whether --json is given, even in an invalid command line."""
    return "--json" in [*argv, "--"][: [*argv, "--"].index("--")]


def _use_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        _print_error(f"note: {note}")


def _print_error(text: str) -> None:
    """Print an error or a note: one line, for programs, except on a terminal."""
    with contextlib.suppress(OSError):
        sys.stderr.write(fit(f"builderctl: {one_line(text)}", RECORDS, sys.stderr) + "\n")
        sys.stderr.flush()


def _print_json(value: dict[str, Any]) -> None:
    """Print a value as JSON.

    Lone surrogates, which many parsers reject, become question marks.
    """
    _print(json.dumps(clean(value, str)))


def _print(text: str) -> None:
    """Print a text, unless it is empty. A closed pipe is not an error.

    :raises CannotPrint: if it cannot be written.
    """
    try:
        sys.stdout.write(f"{text}\n" if text else "")
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise CannotPrint(
                f"The command succeeded, but its result cannot be printed ({error.strerror}).",
                "Do not repeat the command. Check the destination of standard output.",
            ) from error


if __name__ == "__main__":
    raise SystemExit(main())
