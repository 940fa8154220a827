# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser of command lines, and the format of its help."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterable
from typing import Any

from ..coordination.errors import InvalidInput
from ..coordination.text import did_you_mean
from .layout import terminal_width

HIDDEN = ("complete",)
"""The commands that no help shows."""

_CHOICES = re.compile(r"\(choose from '.*'\)$", re.DOTALL)
_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?", re.ASCII | re.DOTALL)
_WORDS = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")
"""The words of an example, as a shell reads them."""


class Parser(argparse.ArgumentParser):
    """A parser that raises an exception for an error, instead of exiting."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._optionals.title = "options"  # as since Python 3.10

    def error(self, message: str) -> Any:
        message = _CHOICES.sub(lambda choices: choices[0].replace("'", ""), message)  # as since Python 3.13.1
        raise InvalidInput(f"{message[:1].upper()}{message[1:]}.", f"See '{self.prog} --help'.")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, extras = self.parse_known_args(args, namespace)
        if extras:
            self.reject(extras[0] if extras[0].startswith("-") else " ".join(extras))
        return known

    def reject(self, unknown: str) -> None:
        """Raise the error of an unknown argument.

        :raises InvalidInput: always.
        """
        hint = did_you_mean(unknown.partition("=")[0], shown_options(self))
        raise InvalidInput(f"Unrecognized arguments: {unknown}.", f"{hint}See '{self.prog} --help'.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Check a value that must be one of some choices; each version of argparse words this error differently."""
        if action.choices is None or value in action.choices:
            return
        choices = [choice for choice in action.choices if choice not in HIDDEN]
        hint = f"{did_you_mean(str(value), choices)}See '{self.prog} --help'."
        if isinstance(action, argparse._SubParsersAction):
            raise InvalidInput(f"There is no command {value!r}.", hint)
        name = "/".join(action.option_strings) or action.metavar
        raise InvalidInput(f"Argument {name}: invalid choice: {value!r} (choose from {', '.join(choices)}).", hint)


def shown_options(parser: argparse.ArgumentParser) -> list[str]:
    """Return the options of a parser that its help shows."""
    actions = parser._option_string_actions
    return [option for option, action in actions.items() if action.help != argparse.SUPPRESS]


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
            self.reject(" ".join(extras))
        return known, extras

    def _parse_optional(self, arg_string: str) -> Any:
        """Classify an argument.

        A text with white space, or a single hyphen, is not an option.
        """
        if isinstance(arg_string, _Positional) or not _OPTION.fullmatch(arg_string):
            return None
        if arg_string.partition("=")[0] not in self._option_string_actions:
            self.reject(arg_string)
        return super()._parse_optional(arg_string)


class Help(argparse.RawDescriptionHelpFormatter):
    """The format of a help text: as wide as the terminal, with examples as they are and paths in one piece."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=terminal_width())

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrapped(text, width)


def _wrapped(text: str, width: int, first: str = "") -> list[str]:
    """Wrap a text, without breaking words.

    :param first: the beginning of the first line; further lines are indented as far.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def description(paragraphs: Iterable[str]) -> str:
    """Return the description of a command, wrapped to the width of the terminal."""
    return "\n\n".join("\n".join(_wrapped(one, terminal_width())) for one in paragraphs if one)


def epilog(examples: list[str], codes: dict[int, str]) -> str:
    """Return the end of a help text: examples and exit codes with their meanings."""
    width = terminal_width() - 2
    lines = ["examples:", *(f"  {line}" for example in examples for line in wrapped_example(example, width))]
    lines += ["", "exit codes:"]
    for code, meaning in codes.items():
        lines += _wrapped(meaning, terminal_width(), f"  {code:<4} ")
    return "\n".join(lines)


def wrapped_example(example: str, width: int) -> list[str]:
    """Return the lines of an example. Where it is too long, a backslash continues it on the next line."""
    lines = [""]
    for word in _WORDS.findall(example):
        if lines[-1] and len(f"{lines[-1]} {word} \\") > width:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines
