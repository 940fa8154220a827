#!/usr/bin/env python3
"""Write the manual page of builderctl from its parser (man-pages(7), groff_man(7)).

usage: tools/man_page.py
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "collections"))

from ansible_collections.acs.builders.plugins.module_utils.builderctl.arguments import make_parser  # noqa: E402
from ansible_collections.acs.builders.plugins.module_utils.builderctl.complete import commands_of  # noqa: E402
from ansible_collections.acs.builders.plugins.module_utils.builderctl.parser import wrapped_example  # noqa: E402

PAGE = TOP / "roles" / "build_heartbeat" / "files" / "builderctl.1"
COMMON = ("--help", "--json", "--config", "--timeout", "--version")
"""The options that the page describes once."""
EXAMPLE_WIDTH = 66
"""The width of examples in columns, so that they fit 80 columns with their indentation."""
FILES = {
    "/etc/acs-builders/builderctl.json": "the configuration of the command, the service and the modules",
    "/var/lib/acs-builders": "the state of this server",
    "/PAT": "the token of the Git host",
}


def page() -> str:
    """Return the manual page."""
    with patch.dict(os.environ, COLUMNS="10000"):  # man wraps the page
        parser = make_parser()
        commands = commands_of(parser)
    lines = ['.TH BUILDERCTL 1 "" acs.builders "acs.builders manual"', ".SH NAME"]
    lines += [r"builderctl \- messages, status and health of build servers", ".SH SYNOPSIS"]
    lines += [r".B builderctl", '.RI [ OPTION "]... " COMMAND " [" ARGUMENT ]...']
    lines += [".SH DESCRIPTION", *_paragraphs(parser.description or ""), ".SH OPTIONS"]
    shown = {name: action for one in (parser, *commands.values()) for action, name in _options(one) if name in COMMON}
    lines += [line for name in COMMON for line in _argument(shown[name])]
    lines += [".SH COMMANDS"]
    for name, command in commands.items():
        lines += _command(name, command, parser.epilog or "")
    lines += [".SH EXIT STATUS", *_codes(parser.epilog or ""), ".SH FILES"]
    for path, meaning in FILES.items():
        lines += [".TP", f".I {_escaped(path)}", _escaped(meaning)]
    return "\n".join([*lines, ".SH SEE ALSO", ".BR git (1),", ".BR systemd (1)", ""])


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[argparse.Action, str]]:
    """Yield the options of a parser that its help shows, each with its long name."""
    for action in parser._actions:
        if action.option_strings and action.help != argparse.SUPPRESS:
            yield action, action.option_strings[-1]


def _command(name: str, command: argparse.ArgumentParser, usual: str) -> Iterator[str]:
    arguments = command._get_positional_actions()
    yield f".SS builderctl {_escaped(' '.join([name, '[OPTION]...', *map(_operand, arguments)]))}"
    yield from _paragraphs(command.description or "")
    own = [action for action, long_name in _options(command) if long_name not in COMMON]
    for action in (*arguments, *own):
        yield from _argument(action)
    examples, _heading, codes = (command.epilog or "").partition("\n\nexit codes:\n")
    yield from (".PP", "Examples:", ".PP", ".nf", ".RS 4")
    for example in examples.splitlines()[1:]:
        yield from map(_escaped, wrapped_example(example.strip(), EXAMPLE_WIDTH))
    yield from (".RE", ".fi")
    for code, meaning in (line.split(maxsplit=1) for line in codes.splitlines() if line not in usual):
        yield from (".PP", _escaped(f"Exit status {code} means: {meaning}."))


def _operand(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest.upper())
    return {"?": f"[{name}]", "*": f"[{name}]...", "+": f"{name}..."}.get(str(action.nargs), name)


def _argument(action: argparse.Action) -> list[str]:
    """Return the item of an option or an operand in a list."""
    value = action.metavar or ("" if action.nargs == 0 else f"{{{','.join(map(str, action.choices or ()))}}}")
    names = ", ".join(action.option_strings)
    head = rf"\fB{_escaped(names)}\fR \fI{_escaped(str(value))}\fR" if names else rf"\fI{_escaped(str(value))}\fR"
    return [".TP", head.replace(r" \fI\fR", ""), _escaped(action.help or "")]


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from (".PP", _escaped(" ".join(paragraph.split())))


def _codes(epilog: str) -> Iterator[str]:
    for line in epilog.partition("exit codes:\n")[2].splitlines():
        code, meaning = line.split(maxsplit=1)
        yield from (".TP", f".B {code}", _escaped(meaning))


def _escaped(text: str) -> str:
    """Return a text with the special characters of groff escaped."""
    plain = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("^", r"\(ha")
    return rf"\&{plain}" if plain.startswith(".") else plain


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
