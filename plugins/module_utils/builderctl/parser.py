# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser of command lines, and the format of its help."""

from __future__ import annotations

import argparse
import re
from typing import Any

from ..coordination.errors import InvalidInput

_CHOICES = re.compile(r"\(choose from '.*'\)$", re.DOTALL)
_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?", re.ASCII | re.DOTALL)


class Parser(argparse.ArgumentParser):
    """A parser that raises an exception for an error, instead of exiting."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._optionals.title = "options"  # as since Python 3.10

    def error(self, message: str) -> Any:
        message = _CHOICES.sub(lambda choices: choices[0].replace("'", ""), message)  # as since Python 3.13.1
        raise InvalidInput(f"{message[:1].upper()}{message[1:]}.", f"See '{self.prog} --help'.")


class _Positional(str):
    """An argument after ``--``, which is never an option."""


class Command(Parser):
    """The parser of one command.

    It accepts options before, between and after the arguments.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if namespace is not None:  # a pass of parse_known_intermixed_args
            return super().parse_known_args(args, namespace)
        end = args.index("--") if "--" in args else len(args)
        words = [_Positional(arg) for arg in args[end + 1 :]]
        known, extras = self.parse_known_intermixed_args([*args[:end], *words], argparse.Namespace())
        if extras:
            self.error(f"unrecognized arguments: {' '.join(extras)}")
        return known, extras

    def _parse_optional(self, arg_string: str) -> Any:
        """Classify an argument.

        A text with white space, or a single hyphen, is not an option.
        """
        if isinstance(arg_string, _Positional) or not _OPTION.fullmatch(arg_string):
            return None
        if arg_string.partition("=")[0] not in self._option_string_actions:
            self.error(f"unrecognized arguments: {arg_string}")
        return super()._parse_optional(arg_string)


def plain_help(prog: str) -> argparse.HelpFormatter:
    """Return a formatter with a fixed width, so that each example is one line."""
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=26, width=100)


def epilog(examples: list[str], codes: dict[int, str]) -> str:
    """Return the end of a help text: examples and exit codes with their meanings."""
    lines = ["examples:", *(f"  {example}" for example in examples), "", "exit codes:"]
    return "\n".join([*lines, *(f"  {code:<4} {meaning}" for code, meaning in codes.items())])
