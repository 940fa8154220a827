# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the servers are, and which of them this host is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import machine
from ..errors import CloneInvalid, IdentityMismatch, InvalidInput, StateUnusable, UnknownServer, permission_remedy
from ..state_dir import StateDirectory

DEFAULT_STATE_DIR = "/var/lib/acs-builders"
SYSTEM_FLEET_FILE = "/etc/acs-builders/fleet.json"
SYSTEM_ID_FILE = "/etc/build_server_id"
ALL = "all"
"""The recipient that means every server but the sender."""
RESERVED = frozenset({ALL, "system", "coordination", "scripts", "docs", "shared", "messages"})
"""Folder names of the Build repository and words of the protocol; no server may be called so."""

_ID = re.compile(r"[a-z][a-z0-9-]{0,31}")
_BETWEEN = re.compile(r"[\s,;]+")


def is_server_id(value: Any) -> bool:
    """Whether a value can be a server id: a lower-case name of at most 32 characters, not a reserved word."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None and value not in RESERVED


def check_server_id(value: str) -> str:
    """Return ``value`` when it can be a server id.

    :raises InvalidInput: when it cannot.
    """
    if is_server_id(value):
        return value
    reason = "is a reserved word" if value in RESERVED else "is not a server id"
    raise InvalidInput(
        f"{value!r} {reason}.",
        "A server id begins with a lower-case letter, goes on with lower-case letters, digits and hyphens, "
        "and has at most 32 characters, for example build1.",
    )


@dataclass(frozen=True)
class Server:
    """A member of the fleet, as the fleet file describes it."""

    id: str
    hostname: str = ""
    ip: str = ""
    manager: str = ""
    partner: str = ""


@dataclass(frozen=True)
class Fleet:
    """The servers that there are.

    ``expected`` is true when the list comes from a fleet file: then it is complete, and a server that is
    not in it is unknown. Without one, ``servers`` is empty and any well-formed id is accepted.
    ``remote`` is the URL of the Build repository; empty when the file does not tell.
    """

    servers: tuple[Server, ...] = ()
    expected: bool = False
    remote: str = ""

    def check_remote(self, url: str) -> None:
        """Refuse a remote that is not the one this server was set up with: the token would go there.

        :raises CloneInvalid: naming both.
        """
        if self.remote and _plain_url(url) != _plain_url(self.remote):
            raise CloneInvalid(
                f"The remote of the clone is {url}, but this server was set up with {self.remote}. Nothing was sent.",
                "Find out who changed it. Run the setup playbook: it puts the right one back, or takes over a new one.",
            )

    def get(self, server_id: str) -> Server:
        """The server with this id; only its id is filled in when nothing else is known of it."""
        return next((server for server in self.servers if server.id == server_id), Server(server_id))

    def server_of(self, name: Any) -> str:
        """The server that a name means, however it is written: an id or a host name, in any case, with blanks around.

        :return: the name itself as a text when it means none.
        """
        plain = name.strip().lower() if isinstance(name, str) else ""
        meant = self._names.get(plain) or self._names.get(plain.partition(".")[0]) or plain
        return meant if _ID.fullmatch(meant) else "" if name is None else str(name)

    def recipients(self, to: Any) -> frozenset[str]:
        """The servers that the recipient of a message means, whether the fleet has them or not, or :data:`ALL`.

        :param to: as others wrote it: a name, several with commas or blanks between them, or a list of names.
        :return: empty when it names none.
        """
        if isinstance(to, list):
            return frozenset(name for one in to if isinstance(one, str) for name in self.recipients(one))
        if not isinstance(to, str):
            return frozenset()
        if to not in self._meant:
            names = map(self.server_of, _BETWEEN.split(to))
            self._meant[to] = frozenset(name for name in names if name == ALL or is_server_id(name))
        return self._meant[to]

    def has_recipient(self, to: Any) -> bool:
        """Whether any server of this fleet gets a message to a recipient."""
        meant = self.recipients(to)
        return bool(meant & self._known if self.expected else meant)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset([ALL, *self.ids()])

    @cached_property
    def _names(self) -> dict[str, str]:
        """What servers are called in lower case, each name with the id: ids before host names, these before labels."""
        labels = [server.hostname.partition(".")[0].lower() for server in self.servers]
        names = {label: server.id for label, server in zip(labels, self.servers) if labels.count(label) == 1}
        names.update({server.hostname.lower(): server.id for server in self.servers})
        names.update({server.id: server.id for server in self.servers})
        return {name: server for name, server in names.items() if name}

    @cached_property
    def _meant(self) -> dict[str, frozenset[str]]:
        """What recipients meant that were read before."""
        return {}

    def ids(self, seen: Iterable[str] = ()) -> list[str]:
        """The ids of all servers, sorted: of the fleet file, or without one those ``seen`` in the repository."""
        return sorted(server.id for server in self.servers) if self.expected else sorted(set(seen))

    def check_recipient(self, server_id: str) -> str:
        """Return ``server_id`` when a message can be addressed to it.

        :raises InvalidInput: when it is not an id.
        :raises UnknownServer: when the fleet file does not name it.
        """
        check_server_id(server_id)
        if self.expected and server_id not in self.ids():
            raise UnknownServer(
                f"The fleet has no server {server_id}.",
                f"Its servers are {', '.join(self.ids())}. A new one is added to the inventory and set up.",
            )
        return server_id

    def default_recipient(self, sender: str, seen: Iterable[str] = ()) -> str:
        """The sender's partner, or the only other server.

        :raises InvalidInput: when there is no such server, or more than one.
        :raises UnknownServer: when the fleet file names a partner that it does not have.
        """
        partner = self.get(sender).partner
        others = [server for server in self.ids(seen) if server != sender]
        if partner:
            return self.check_recipient(partner)
        if len(others) == 1:
            return others[0]
        raise InvalidInput(
            f"{sender} has no partner, and there is not just one other server.",
            f"Name the recipient with --to SERVER (a module: to=SERVER): {', '.join([*others, ALL])}.",
        )


NO_FLEET = Fleet()
"""Where nobody tells which servers there are."""


def load_fleet(state: StateDirectory) -> Fleet:
    """Read the fleet file: ``fleet.json`` in the state directory, else the one in /etc.

    :raises StateUnusable: when there is one and it is not a fleet file.
    """
    for path in (state.path / "fleet.json", Path(SYSTEM_FLEET_FILE)):
        try:
            return _parse_fleet(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except OSError as error:
            remedy = permission_remedy(error, "Run the setup playbook again.")
            raise StateUnusable(f"{path} cannot be read ({error.strerror}).", remedy) from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise StateUnusable(f"{path} is not a fleet file ({error}).", "Run the setup playbook again.") from error
    return Fleet()


def _parse_fleet(text: str) -> Fleet:
    servers = []
    record = json.loads(text)
    for entry in record["servers"]:
        if not is_server_id(entry["id"]):
            raise ValueError(f"{entry['id']!r} is not a server id")
        servers.append(Server(*(str(entry.get(name) or "") for name in ("id", "hostname", "ip", "manager", "partner"))))
    if len({server.id for server in servers}) != len(servers):
        raise ValueError("it names a server twice")
    return Fleet(tuple(servers), expected=True, remote=str(record.get("remote") or ""))


def _plain_url(url: str) -> str:
    """A URL or path without what makes no difference: a last slash, .git, and steps that lead nowhere."""
    plain = url if ":" in url.partition("/")[0] else os.path.normpath(url)
    return plain.rstrip("/").removesuffix(".git")


def identify(fleet: Fleet, state: StateDirectory, given: str | None = None) -> str:
    """Which server this host is.

    The first of these that exists: ``server_id`` in the state directory, /etc/build_server_id (only with the
    default state directory), this host's name in the fleet file, ``given``.

    :param given: the id that the caller wants to speak for; no server speaks for another.
    :raises IdentityMismatch: when nothing tells, or when it is another than ``given``.
    :raises InvalidInput: when an id is malformed.
    """
    if given is not None:
        check_server_id(given)
    own, source = _own_id(fleet, state)
    if own is None:
        if given is None:
            raise IdentityMismatch(
                "Nothing tells which server this host is.",
                f"Run the setup playbook, or write the id, for example build1, to {state.path / 'server_id'} "
                "(a module: or give it as server_id).",
            )
        return given
    check_server_id(own)
    if given not in (None, own):
        raise IdentityMismatch(
            f"This host is {own} ({source}) and cannot speak for {given}.",
            f"Run this on {given}, or leave server_id out.",
        )
    return own


def _own_id(fleet: Fleet, state: StateDirectory) -> tuple[str | None, str]:
    files = [state.path / "server_id"]
    if str(state.path) == DEFAULT_STATE_DIR:
        files.append(Path(SYSTEM_ID_FILE))
    for path in files:
        try:
            return path.read_text(encoding="utf-8").strip(), str(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            remedy = permission_remedy(error, "Run the setup playbook again.")
            raise StateUnusable(f"{path} cannot be read ({error.strerror}).", remedy) from error
        except UnicodeDecodeError as error:
            raise StateUnusable(f"{path} cannot be read ({error}).", "Run the setup playbook again.") from error
    host = machine.hostname().partition(".")[0].lower()
    for server in fleet.servers:
        if server.hostname.partition(".")[0].lower() == host:
            return server.id, f"its host name is {server.hostname}"
    return None, ""
