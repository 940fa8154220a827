# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the fleet, and the id of this server."""

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
from ..json_errors import json_reason
from ..state_dir import StateDirectory
from ..text import did_you_mean

DEFAULT_STATE_DIR = "/var/lib/acs-builders"
SYSTEM_FLEET_FILE = "/etc/acs-builders/fleet.json"
SYSTEM_ID_FILE = "/etc/build_server_id"
ALL = "all"
"""The recipient that stands for every server except the sender."""
EVERYONE = "everyone"
"""What a sender writes for all other servers and the operator. No message has it as its recipient."""
OPERATOR = "operator"
"""The id, and the kind, of the member of the fleet that stands for the person who runs it."""
RESERVED = frozenset({ALL, EVERYONE, "system", "coordination", "scripts", "docs", "shared", "messages"})
"""Folder names of the Build repository and words of the protocol, which cannot be server ids."""

KINDS = ("", OPERATOR)
"""The kinds of members; that of a server is empty."""
FIELDS = ("id", "hostname", "ip", "manager", "partner", "kind")
"""What the fleet file says about a member."""

SETUP = "Run on the controller: ansible-playbook setup.yml"

_ID = re.compile(r"[a-z][a-z0-9-]{0,31}")
_SEPARATORS = re.compile(r"[\s,;]+")
"""The text between several recipients."""


def is_server_id(value: Any) -> bool:
    """Return whether a value can be a server id.

    An id is a lower-case name of at most 32 characters, and not a reserved word.
    """
    return isinstance(value, str) and _ID.fullmatch(value) is not None and value not in RESERVED


def check_server_id(value: str) -> str:
    """Return ``value`` if it can be a server id.

    :raises InvalidInput: if it cannot.
    """
    if is_server_id(value):
        return value
    reason = "is a reserved word" if value in RESERVED else "is not a server id"
    raise InvalidInput(
        f"{value!r} {reason}.",
        "A server id has at most 32 lower-case letters, digits and hyphens, and begins with a letter, for example "
        "build1.",
    )


@dataclass(frozen=True)
class Server:
    """A member of the fleet file: a server, or the operator. A field is empty if it is not known.

    :param kind: ``OPERATOR``, or empty for a server.
    """

    id: str
    hostname: str = ""
    ip: str = ""
    manager: str = ""
    partner: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Fleet:
    """All servers, and the operator.

    :param servers: the members of the fleet file; empty without a fleet file.
    :param expected: whether there is a fleet file. Then a server that it does not list is unknown; otherwise every
        valid id is accepted.
    :param remote: the URL of the Build repository; empty if the fleet file has none.
    """

    servers: tuple[Server, ...] = ()
    expected: bool = False
    remote: str = ""

    def check_remote(self, url: str) -> None:
        """Reject a remote other than that of the fleet file.

        The token must not be sent to another host.

        :param url: the URL of the remote of the clone.
        :raises CloneInvalid: if they differ; the text names both.
        """
        if self.remote and _normalized_url(url) != _normalized_url(self.remote):
            raise CloneInvalid(
                f"The remote of the clone is {url}, but this server was set up with {self.remote}. Nothing was sent.",
                "Find out who changed it. Then run on the controller: ansible-playbook setup.yml",
            )

    def get(self, server_id: str) -> Server:
        """Return the server with an id; only with its id if the fleet file lacks it."""
        return next((server for server in self.servers if server.id == server_id), Server(server_id))

    def server_of(self, name: Any) -> str:
        """Return the id of the server with a name.

        A name is an id or a host name, in any case, with or without white space.

        :return: the name itself as text if no server has it.
        """
        plain = name.strip().lower() if isinstance(name, str) else ""
        server_id = self._ids_by_name.get(plain) or self._ids_by_name.get(plain.partition(".")[0]) or plain
        return server_id if _ID.fullmatch(server_id) else "" if name is None else str(name)

    def recipients(self, to: Any) -> frozenset[str]:
        """Parse the recipient of a message to server ids, of which :data:`ALL` may be one.

        :param to: the value in the message: a name, several names with commas or spaces between them, or a list.
        :return: the ids, also of servers that are not in the fleet; empty if the value contains no id.
        """
        if isinstance(to, list):
            return frozenset(name for one in to if isinstance(one, str) for name in self.recipients(one))
        if not isinstance(to, str):
            return frozenset()
        if to not in self._parsed_recipients:
            names = map(self.server_of, _SEPARATORS.split(to))
            self._parsed_recipients[to] = frozenset(name for name in names if name == ALL or is_server_id(name))
        return self._parsed_recipients[to]

    def has_recipient(self, to: Any) -> bool:
        """Return whether the recipient of a message includes a server of this fleet."""
        recipients = self.recipients(to)
        return bool(recipients & self._valid_recipients if self.expected else recipients)

    @cached_property
    def _valid_recipients(self) -> frozenset[str]:
        return frozenset([ALL, *self.members()])

    @cached_property
    def _ids_by_name(self) -> dict[str, str]:
        """The ids by name in lower case.

        An id precedes a host name, which precedes the first label of a host name.
        """
        labels = [server.hostname.partition(".")[0].lower() for server in self.servers]
        names = {label: server.id for label, server in zip(labels, self.servers) if labels.count(label) == 1}
        names.update({server.hostname.lower(): server.id for server in self.servers})
        names.update({server.id: server.id for server in self.servers})
        return {name: server for name, server in names.items() if name}

    @cached_property
    def _parsed_recipients(self) -> dict[str, frozenset[str]]:
        """The cache of :meth:`recipients`."""
        return {}

    def ids(self, seen: Iterable[str] = ()) -> list[str]:
        """Return the ids of all servers, sorted. The operator is no server.

        :param seen: the servers with documents in the repository, which count without a fleet file.
        """
        if self.expected:
            return sorted(server.id for server in self.servers if server.kind != OPERATOR)
        return sorted(set(seen) - {OPERATOR})

    def members(self) -> list[str]:
        """Return the ids of the members of the fleet file, sorted: all servers, and the operator if there is one."""
        return sorted(server.id for server in self.servers)

    def check_recipient(self, server_id: str) -> str:
        """Return ``server_id`` if a message can be addressed to it.

        :raises InvalidInput: if it is not a server id.
        :raises UnknownServer: if the fleet file does not list it.
        """
        check_server_id(server_id)
        if self.expected and server_id == OPERATOR and OPERATOR not in self.members():
            raise UnknownServer(
                "The fleet has no operator.",
                f"Add the host {OPERATOR} to the inventory group operators, then run on the controller: "
                "ansible-playbook setup.yml",
            )
        if self.expected and server_id not in self.members():
            raise UnknownServer(
                f"The fleet has no server {server_id}.",
                f"{did_you_mean(server_id, self.members())}Its servers are {', '.join(self.members())}. To add one, "
                "add it to the inventory, then run on the controller: ansible-playbook setup.yml",
            )
        return server_id

    def default_recipient(self, sender: str, seen: Iterable[str] = ()) -> str:
        """Return the partner of the sender; without a partner, the only other server.

        :raises InvalidInput: if there is no partner, and not exactly one other server.
        :raises UnknownServer: if the partner is not in the fleet file.
        """
        partner = self.get(sender).partner
        others = [server for server in self.ids(seen) if server != sender]
        if partner:
            return self.check_recipient(partner)
        if len(others) == 1:
            return others[0]
        raise InvalidInput(
            f"{sender} has no partner, and the number of other servers is {len(others)}.",
            f"Name the recipient with --to SERVER (a module: to=SERVER): {', '.join([*others, ALL])}.",
        )


NO_FLEET = Fleet()
"""The fleet without a fleet file."""


def load_fleet(state: StateDirectory) -> Fleet:
    """Read the fleet file.

    It is ``fleet.json`` in the state directory, or else ``SYSTEM_FLEET_FILE``.

    :raises StateUnusable: if it cannot be read or is not a fleet file.
    """
    for path in (state.path / "fleet.json", Path(SYSTEM_FLEET_FILE)):
        try:
            return _parse_fleet(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except OSError as error:
            remedy = permission_remedy(error, SETUP)
            raise StateUnusable(f"{path} cannot be read ({error.strerror}).", remedy) from error
        except (ValueError, RecursionError) as error:
            raise StateUnusable(f"{path} is not a fleet file ({json_reason(error)}).", SETUP) from error
        except (TypeError, KeyError) as error:
            raise StateUnusable(f"{path} is not a fleet file (it has no list of servers with ids).", SETUP) from error
    return Fleet()


def _parse_fleet(text: str) -> Fleet:
    servers = []
    record = json.loads(text)
    for entry in record["servers"]:
        if not is_server_id(entry["id"]):
            raise ValueError(f"{entry['id']!r} is not a server id")
        servers.append(Server(*(str(entry.get(name) or "") for name in FIELDS)))
        if (servers[-1].id == OPERATOR) != (servers[-1].kind == OPERATOR) or servers[-1].kind not in KINDS:
            raise ValueError(f"{entry['id']} cannot be of the kind {servers[-1].kind!r}")
    if len({server.id for server in servers}) != len(servers):
        raise ValueError("it lists a server twice")
    return Fleet(tuple(servers), expected=True, remote=str(record.get("remote") or ""))


def _normalized_url(url: str) -> str:
    """Return a URL or path in a form that can be compared.

    A trailing slash and ``.git`` are removed, in a path also ``.`` and ``..``.
    """
    plain = url if ":" in url.partition("/")[0] else os.path.normpath(url)
    return plain.rstrip("/").removesuffix(".git")


def identify(fleet: Fleet, state: StateDirectory, given: str | None = None) -> str:
    """Return the id of this server.

    It is read from the first of these: ``server_id`` in the state directory, /etc/build_server_id (only with the
    default state directory), the entry with the name of this host in the fleet file, ``given``.

    :param given: the id that the caller expects.
    :raises IdentityMismatch: if there is no id, or it differs from ``given``.
    :raises InvalidInput: if an id is malformed.
    """
    if given is not None:
        check_server_id(given)
    own, source = _own_id(fleet, state)
    if own is None:
        if given is None:
            raise IdentityMismatch(
                "The server id of this host is not configured.",
                f"Write it, for example build1, to {state.path / 'server_id'} (a module: or set the option server_id), "
                "or run on the controller: ansible-playbook setup.yml",
            )
        return given
    check_server_id(own)
    if given not in (None, own):
        raise IdentityMismatch(
            f"This host is {own} (source: {source}) and cannot write in the name of {given}.",
            f"Run this on {given}, or omit the option server_id.",
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
            remedy = permission_remedy(error, SETUP)
            raise StateUnusable(f"{path} cannot be read ({error.strerror}).", remedy) from error
        except UnicodeDecodeError as error:
            raise StateUnusable(f"{path} cannot be read ({error}).", SETUP) from error
    host = machine.hostname().partition(".")[0].lower()
    for server in fleet.servers:
        if server.hostname.partition(".")[0].lower() == host:
            return server.id, f"the host name {server.hostname}"
    return None, ""
