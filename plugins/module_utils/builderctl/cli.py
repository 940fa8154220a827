# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command builderctl, for the manager at a server's shell."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from ..coordination.delivery.deliver import deliver_waiting
from ..coordination.errors import CoordinationError, InvalidInput, StateUnusable, explain, unusable
from ..coordination.operations.recover import withdrawal_notes
from ..coordination.standard_streams import open_standard_streams
from ..coordination.text import clean, one_line
from .arguments import parse
from .body import read_body
from .commands import ON_REPOSITORY, Outcome, heartbeat, summary
from .config import CONFIG_FILE, Config, load_config
from .exit_codes import exit_code
from .rendering import painter

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out a command line and return the exit code, which ``exit_codes.EXIT_CODES`` explains.

    :param argv: the command line without the program's name; that of this process when None.
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
    except CoordinationError as error:
        code = _fail(argv, error.kind, str(error), notes)
    except OSError as error:
        code = _fail(argv, StateUnusable.kind, str(unusable(error)), notes)
    except Exception as error:
        code = _fail(argv, "error", explain(error), notes)
    return code


def _main(argv: Sequence[str], notes: list[str]) -> int:
    try:
        given = parse(argv)
    except SystemExit as stop:
        _print("")
        return int(stop.code or 0)
    if given.config != CONFIG_FILE and not os.path.exists(given.config):
        raise InvalidInput(f"There is no file {given.config}.", "Correct --config, or leave it out.")
    outcome = _carry_out(given, load_config(given.config), notes)
    if given.json:
        _print_json({**outcome.data, "notes": notes})
    else:
        _tell_notes(notes)
        _print(outcome.text(painter(_wants_colours())))
    return outcome.code


def _carry_out(given: Namespace, config: Config, notes: list[str]) -> Outcome:
    """Do what was asked for, and add to ``notes`` what happened beside it."""
    if given.command == "heartbeat":
        return heartbeat(config, given.once)
    if given.command == "health" and given.summary:
        return summary(config)
    if given.command in ("send", "reply"):
        if given.body is None:
            raise InvalidInput(
                "There is no body.", "Give it as the last argument, or - to read it from standard input."
            )
        if given.body == "-":
            given.body = read_body()
    with config.host() as host:
        try:
            outcome = ON_REPOSITORY[given.command](host, config, given)
            if given.command != "outbox":
                deliver_waiting(host)
            return outcome
        finally:
            notes += [*host.repository.notes, *withdrawal_notes(host)]


def _fail(argv: Sequence[str], kind: str, text: str, notes: list[str]) -> int:
    """Say what went wrong, and return the exit code."""
    if _wants_json(argv):
        with contextlib.suppress(StateUnusable):
            _print_json({"error": kind, "message": one_line(text), "notes": notes})
    else:
        _tell_notes(notes)
    _tell(text)
    return exit_code(kind)


def _wants_json(argv: Sequence[str]) -> bool:
    """Whether JSON is asked for, also where the command line cannot be read."""
    return "--json" in [*argv, "--"][: [*argv, "--"].index("--")]


def _wants_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _tell_notes(notes: list[str]) -> None:
    for note in notes:
        _tell(f"note: {note}")


def _tell(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"builderctl: {one_line(text)}\n")
        sys.stderr.flush()


def _print_json(value: dict[str, Any]) -> None:
    """Print a value as JSON that every reader takes: half characters become question marks."""
    _print(json.dumps(clean(value, str)))


def _print(text: str) -> None:
    """Print a text, unless it is empty; that its reader has gone is no error.

    :raises StateUnusable: when it cannot be written.
    """
    try:
        sys.stdout.write(f"{text}\n" if text else "")
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise StateUnusable(
                f"This was carried out, but its result cannot be printed ({error.strerror}).",
                "Do not do it again; see where standard output goes.",
            ) from error
