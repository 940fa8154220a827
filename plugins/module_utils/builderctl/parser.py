# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A parser of command lines that raises what it finds wrong, and the form of its help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import Any

from ..coordination.errors import InvalidInput
from .exit_codes import EXIT_CODES

_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?", re.ASCII | re.DOTALL)


class Parser(argparse.ArgumentParser):
    """A parser that raises what it finds wrong."""

    def error(self, message: str) -> Any:
        raise InvalidInput(f"{message[:1].upper()}{message[1:]}.", f"See '{self.prog} --help'.")


class Command(Parser):
    """The parser of one command, whose options may stand before, between and behind its arguments."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, words = self._sorted(list(args))
        known, extras = super().parse_known_args([*options, *(["--", *words] if words else [])], namespace)
        if extras:
            self.error(f"unrecognized arguments: {' '.join(extras)}")
        return known, extras

    def _sorted(self, args: list[str]) -> tuple[list[str], list[str]]:
        """Options with their values, and the arguments. What has blanks, or is a lone dash, is no option."""
        options: list[str] = []
        words: list[str] = []
        while args:
            arg = args.pop(0)
            action = self._option_string_actions.get(arg.partition("=")[0])
            if arg == "--":
                return options, [*words, *args]
            if action is not None:
                options.append(arg)
                if action.nargs != 0 and "=" not in arg:
                    options += args[:1]
                    args = args[1:]
            elif _OPTION.fullmatch(arg):
                self.error(f"unrecognized arguments: {arg}")
            else:
                words.append(arg)
        return options, words


def plain_help(prog: str) -> argparse.HelpFormatter:
    """Help that looks the same in every window, so that an example is one line."""
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=26, width=100)


def epilog(examples: list[str], codes: Iterable[int]) -> str:
    """What stands at the end of a help: examples, and the meaning of exit codes."""
    lines = ["examples:", *(f"  {example}" for example in examples), "", "exit codes:"]
    return "\n".join([*lines, *(f"  {code:<4} {EXIT_CODES[code][0]}" for code in codes)])
