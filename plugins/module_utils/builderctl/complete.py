# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hidden command ``builderctl complete``, which the completions of Bash and zsh call.

It reads files of this host only. Whatever is broken, it prints nothing and does not fail.
"""

from __future__ import annotations

import argparse
import re
from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import Callable

from ..coordination.delivery.outbox import Outbox
from ..coordination.identity.config import load_config
from ..coordination.identity.fleet import ALL, EVERYONE, load_fleet
from ..coordination.mail.audit_state import AUDIT_FILE, parse_record
from ..coordination.mail.inbox import read_inbox
from ..coordination.mail.pages import known_pages
from ..coordination.mail.read_ledger import read_ids
from ..coordination.mail.shown_ledger import shown_ids
from ..coordination.state_dir import StateDirectory
from ..coordination.timestamps import utc_now
from .parser import HIDDEN, shown_options
from .short_ids import MIN_LENGTH

_SAFE = re.compile(r"[A-Za-z0-9][\w.:+-]*", re.ASCII)
"""What a shell takes as one plain word. An id that others have chosen must not become a command."""


def run(parser: argparse.ArgumentParser, args: Namespace) -> str:
    """Return the words that can replace the last one of a command line, one a line.

    :param args: ``words``, those after the name of the program, the last one incomplete; and ``config``.
    """
    try:
        return "\n".join(_candidates(parser, args.config, args.words or [""]))
    except Exception:
        return ""


def _candidates(parser: argparse.ArgumentParser, config: str, words: Sequence[str]) -> list[str]:
    commands = commands_of(parser)
    command: argparse.ArgumentParser | None = None
    pending: argparse.Action | None = None
    position = 0
    for word in words[:-1]:
        if pending is not None:
            config = word if "--config" in pending.option_strings else config
            pending = None
        elif word.startswith("-"):
            pending = _option_with_value(command or parser, word)
        elif command is None:
            command = commands[word]
        else:
            position += 1
    current, before = words[-1], ""
    if pending is None and current.startswith("--") and "=" in current:
        pending = _option_with_value(command or parser, current.partition("=")[0])
        option, equals, current = current.partition("=")
        before = option + equals
    if pending is None and current.startswith("-"):
        return _beginning(shown_options(command or parser), current)
    if pending is None and command is None:
        return _beginning(commands, current)
    action = pending or _positional(command or parser, position)
    values = [] if action is None else _values(action, parser, StateDirectory(load_config(config).state_dir))
    return [before + value for value in _beginning(values, current) or _with_digits(values, current)]


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the commands of the program that its help shows, with their parsers."""
    groups = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {name: command for group in groups for name, command in group.choices.items() if name not in HIDDEN}


def _option_with_value(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    action = parser._option_string_actions.get(word)
    return action if action is not None and action.nargs is None else None


def _positional(parser: argparse.ArgumentParser, position: int) -> argparse.Action | None:
    actions = parser._get_positional_actions()
    if position < len(actions):
        return actions[position]
    return actions[-1] if actions and actions[-1].nargs in ("*", "+") else None


def _values(action: argparse.Action, parser: argparse.ArgumentParser, state: StateDirectory) -> Iterable[str]:
    """Return the values of an argument that this host knows."""
    if action.choices is not None:
        return action.choices
    kinds: dict[str, Callable[[], Iterable[str]]] = {
        "COMMAND": lambda: commands_of(parser),
        "SERVER": lambda: load_fleet(state).ids(),
        "SERVER|all|everyone": lambda: [*load_fleet(state).members(), ALL, EVERYONE],
        "JOB": lambda: _jobs(state),
        **dict.fromkeys(("ID", "ID|HANDLE", "TIME|ID"), lambda: _ids(state)),
        "WRITE": lambda: _writes(state),
        "ALARM": lambda: _alarms(state),
    }
    kind = action.metavar if isinstance(action.metavar, str) else ""
    return [value for value in kinds.get(kind, list)() if _SAFE.fullmatch(value)]


def _ids(state: StateDirectory) -> set[str]:
    """Return the ids of messages and threads."""
    inbox = read_inbox(state)
    unread = {name for message in (inbox.messages if inbox else ()) for name in (message.id, message.thread)}
    return unread | read_ids(state) | shown_ids(state) | {name for page in known_pages(state) for name in page.ids}


def _jobs(state: StateDirectory) -> list[str]:
    from ..coordination.builds.job import JOB_FILE  # no other command needs it

    return state.read(JOB_FILE, lambda record: [str(record["id"])]) or []


def _writes(state: StateDirectory) -> list[str]:
    contents = Outbox(state).read()
    return [
        name for item in (*contents.items, *contents.rejected) for name in (item.id, *(m.id for m in item.messages))
    ]


def _alarms(state: StateDirectory) -> list[str]:
    record = state.read(AUDIT_FILE, parse_record)
    return [alarm.id for alarm in record.recent(utc_now())] if record else []


def _beginning(values: Iterable[str], current: str) -> list[str]:
    return sorted(value for value in values if value.startswith(current))


def _with_digits(values: Iterable[str], current: str) -> list[str]:
    """Return the id with the random digits that a word begins, if there is only one."""
    found = [value for value in values if value.rpartition("_")[2].startswith(current)]
    return found if len(found) == 1 and len(current) >= MIN_LENGTH else []
