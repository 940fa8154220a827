# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``builderctl whoami``: what a session on this server starts with, in one look."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Callable, TypeVar

from ..coordination import __version__
from ..coordination.errors import CoordinationError, InvalidInput
from ..coordination.git.clone_config import read_remote
from ..coordination.git.library import require_gitpython
from ..coordination.git.process import git_version
from ..coordination.identity.config import Config, load_config
from ..coordination.identity.fleet import NO_FLEET, OPERATOR, Fleet, identify, load_fleet
from ..coordination.machine import hostname
from ..coordination.mail.inbox import read_inbox
from ..coordination.mail.waiting import service_runs
from ..coordination.secrets import token_file
from ..coordination.state_dir import StateDirectory
from ..coordination.text import clean, one_line
from ..coordination.timestamps import utc_now
from .command import AddCommand, Outcome
from .formats import age
from .login import SERVICE_REMEDY, read_summary

T = TypeVar("T")


def add(command: AddCommand) -> None:
    """Add the command."""
    command(
        "whoami",
        "show this server: its id, partner, versions, service, clone and token file",
        ["builderctl whoami", "builderctl whoami --json"],
        "Each problem is shown with its remedy, and is no error of this command. There is no access to the network, "
        "and the content of the token file is not shown.",
    )


def run(path: str) -> Outcome:
    """Collect what is known about this server, without access to the network.

    :param path: the path of the configuration.
    """
    problems: list[str] = []
    config = _tried(lambda: load_config(path), Config(), problems)
    state = StateDirectory(config.state_dir)
    fleet = _tried(lambda: load_fleet(state), NO_FLEET, problems)
    own_id = _tried(lambda: identify(fleet, state), None, problems)
    url = _tried(lambda: _remote_url(config, state, fleet), None, problems)
    data = clean(
        {
            "server": own_id,
            "host": hostname(),
            "partner": _tried(lambda: _partner(fleet, own_id), None, problems),
            "versions": _versions(problems),
            "service": None if own_id == OPERATOR else _tried(lambda: _service(state, problems), None, problems),
            "mail": _tried(lambda: _mail(state), None, problems),
            "clone": {"path": config.repo, "remote": url, "branch": config.branch},
            "token_file": {"path": config.pat_file, "state": _token_state(config.pat_file, url, problems)},
            "state_dir": config.state_dir,
            "config": path,
            "problems": problems,
        }
    )
    return Outcome(data, lambda _paint: "\n".join(_lines(data, utc_now())))


def _tried(function: Callable[[], T], otherwise: T, problems: list[str]) -> T:
    """Call a function; an error becomes a problem."""
    try:
        return function()
    except CoordinationError as error:
        problems.append(str(error))
        return otherwise


def _partner(fleet: Fleet, own_id: str | None) -> str | None:
    """Return the default recipient of this server, None if it has none."""
    try:
        return fleet.default_recipient(own_id) if own_id else None
    except InvalidInput:
        return None


def _versions(problems: list[str]) -> dict[str, str | None]:
    _tried(require_gitpython, None, problems)
    return {
        "collection": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "git": _tried(git_version, None, problems),
    }


def _remote_url(config: Config, state: StateDirectory, fleet: Fleet) -> str:
    url = read_remote(config.repo, config.remote, state).url
    fleet.check_remote(url)
    return url


def _service(state: StateDirectory, problems: list[str]) -> dict[str, Any]:
    runs = service_runs(state)
    record = read_summary(state)
    if not runs:
        problems.append("The heartbeat service does not run. Start it: systemctl start build-heartbeat")
    elif record and record["failure"]:
        problems.append(f"{record['failure']} {SERVICE_REMEDY}")
    return {"running": runs, "last_cycle": record["at"] if record else None}


def _mail(state: StateDirectory) -> dict[str, Any] | None:
    """Return the number of unread messages as the service saw it last, None if it never looked."""
    inbox = read_inbox(state)
    return {"unread": inbox.unread_count, "looked_at": inbox.looked_at} if inbox else None


def _token_state(path: str, url: str | None, problems: list[str]) -> str:
    """Return the state of the token file: ``usable``, ``missing``, ``not usable``, or ``not needed``."""
    if url is not None and not url.startswith(("http://", "https://")):
        return "not needed"
    problems += token_file.problems(path)
    try:
        token_file.read_token(path)
    except token_file.NoTokenFile as error:
        problems.append(f"{error} If the remote needs a token, put a file with it there, with mode 0600.")
        return "missing"
    except token_file.NoToken:
        return "not usable"
    return "usable"


def _lines(data: dict[str, Any], now: datetime) -> Iterable[str]:
    versions = {name: version or "missing" for name, version in data["versions"].items()}
    partner = f", partner {data['partner']}" if data["partner"] else ""
    yield f"{data['server'] or 'a server without id'} on host {data['host']}{partner}"
    yield "versions    acs.builders {collection}, Python {python}, Git {git}".format(**versions)
    service, mail = data["service"] or {}, data["mail"]
    last = age(service.get("last_cycle"), now) or "never"
    if data["server"] != OPERATOR:  # he runs no service, which would look for mail
        yield f"service     {'running' if service.get('running') else 'not running'}, last cycle: {last}"
        yield (
            f"mail        {mail['unread']} unread, looked {age(mail['looked_at'], now)}"
            if mail
            else "mail        not known"
        )
    clone = data["clone"]
    yield f"clone       {clone['path']}, branch {clone['branch']} of {clone['remote'] or 'an unknown remote'}"
    yield f"token file  {data['token_file']['path']}: {data['token_file']['state']}"
    yield f"state       {data['state_dir']}"
    yield f"settings    {data['config']}"
    yield from (f"Problem: {one_line(problem)}" for problem in data["problems"])
