# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of the fleet file, built from the inventory and validated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ..errors import InvalidInput
from ..text import short
from .fleet import FIELDS, KINDS, OPERATOR, check_server_id

MAX_TEXT = 100
"""The maximum number of characters of a host name or of the name of a manager."""
SCHEMES = ("https", "http", "ssh", "file")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?=:|//)")
"""The start of a URL: its scheme, or the name of a remote helper (gitremote-helpers(7)) before two colons."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def fleet_record(servers: Sequence[Mapping[str, Any]], remote: Any = "") -> dict[str, Any]:
    """Build the content of the fleet file.

    :param servers: for each member ``id``, its name in the inventory, ``hostname``, ``ip``, ``manager`` and
        ``partner``, which may be empty, and ``kind``, ``operator`` for the operator and empty for a server.
    :param remote: the URL or path of the Build repository; empty if it is not known.
    :raises InvalidInput: if a value is invalid; the text lists every invalid value with its host and its variable.
    """
    members = [{name: _text(server.get(name)) for name in FIELDS} for server in servers]
    ids = {member["id"] for member in members if member["kind"] != OPERATOR}
    problems = [*_problems_of_remote(_text(remote)), *_problems_of_names(members)]
    for member in members:
        problems += [f"{member['id']}: {problem}" for problem in _problems_of_member(member, ids)]
    if problems:
        raise InvalidInput(
            f"The inventory is invalid. {' '.join(problems)}", "Correct it. Nothing was written to any server."
        )
    shown = [{name: value for name, value in member.items() if value or name != "kind"} for member in members]
    return {"remote": _text(remote), "servers": shown}


def _problems_of_member(member: Mapping[str, str], ids: set[str]) -> Iterator[str]:
    """Describe the invalid values of a server, one sentence for each."""
    try:
        check_server_id(member["id"])
    except InvalidInput as error:
        yield str(error)
    if member["kind"] not in KINDS:
        yield f"The kind {short(member['kind'])!r} is not {OPERATOR}, and not empty."
    elif (member["id"] == OPERATOR) != (member["kind"] == OPERATOR):
        yield f"The name {OPERATOR} is that of the one host in the inventory group operators, and of no build server."
    if member["hostname"] and not (_HOST_NAME.fullmatch(member["hostname"]) and len(member["hostname"]) <= MAX_TEXT):
        yield f"builders_hostname, {short(member['hostname'])!r}, is not a host name."
    if member["ip"]:
        try:
            ip_address(member["ip"])
        except ValueError:
            yield f"builders_ip, {short(member['ip'])!r}, is not an IP address."
    if not member["manager"].isprintable() or len(member["manager"]) > MAX_TEXT:
        yield f"builders_manager is not one line of at most {MAX_TEXT} characters."
    if member["partner"] and member["partner"] not in ids - {member["id"]}:
        yield f"builders_partner, {short(member['partner'])!r}, is not another host of the inventory group builders."


def _problems_of_names(members: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Describe host names that several servers have."""
    seen: dict[str, str] = {}
    for member in members:
        name = member["hostname"].partition(".")[0].lower()
        if name and seen.setdefault(name, member["id"]) != member["id"]:
            yield f"{seen[name]} and {member['id']} have the same builders_hostname, {name}."


def _problems_of_remote(remote: str) -> Iterator[str]:
    """Describe the problem of the URL of the Build repository.

    The text does not repeat the URL, which may contain a token.
    """
    scheme = _SCHEME.match(remote)
    if not remote.isprintable() or remote != remote.strip() or remote.startswith("-"):
        yield "builders_remote_url begins with a hyphen or white space, ends with white space or is not printable."
    elif scheme and (scheme[1] not in SCHEMES or remote[scheme.end() :].startswith(":")):
        yield f"builders_remote_url has the scheme {short(scheme[1])}. Use a path or one of {', '.join(SCHEMES)}."
    elif scheme and scheme[1] != "file" and not remote[scheme.end() + 2 :].split("/")[0]:
        yield "builders_remote_url contains no host."


def _text(value: Any) -> str:
    return "" if value is None else str(value)
