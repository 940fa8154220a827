# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet file as the inventory makes it: what its readers would refuse is refused before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ..errors import InvalidInput
from ..text import short
from .fleet import check_server_id

FIELDS = ("id", "hostname", "ip", "manager", "partner")
MAX_TEXT = 100
"""Characters that a host name or the name of a manager may have."""
SCHEMES = ("https", "http", "ssh", "file")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?=:|//)")
"""What a URL begins with: its scheme, or the name of a remote helper of Git."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def fleet_record(servers: Sequence[Mapping[str, Any]], remote: Any = "") -> dict[str, Any]:
    """The content of the fleet file.

    :param servers: for each server ``id``, its name in the inventory, and ``hostname``, ``ip``, ``manager`` and
        ``partner``, which may be empty.
    :param remote: the URL or path of the Build repository; empty when it is not known.
    :raises InvalidInput: naming everything that cannot be used, with the host and the variable.
    """
    members = [{name: _text(server.get(name)) for name in FIELDS} for server in servers]
    problems = [*_of_remote(_text(remote)), *_of_names(members)]
    for member in members:
        problems += [f"{member['id']}: {problem}" for problem in _of_member(member, {one["id"] for one in members})]
    if problems:
        raise InvalidInput(
            f"The inventory cannot be used. {' '.join(problems)}", "Correct it; nothing was written on any server."
        )
    return {"remote": _text(remote), "servers": members}


def _of_member(member: Mapping[str, str], ids: set[str]) -> Iterator[str]:
    """What is wrong with a server, one sentence each."""
    try:
        check_server_id(member["id"])
    except InvalidInput as error:
        yield str(error)
    if member["hostname"] and not (_HOST_NAME.fullmatch(member["hostname"]) and len(member["hostname"]) <= MAX_TEXT):
        yield f"builders_hostname, {short(member['hostname'])!r}, is no host name."
    if member["ip"]:
        try:
            ip_address(member["ip"])
        except ValueError:
            yield f"builders_ip, {short(member['ip'])!r}, is no IP address."
    if not member["manager"].isprintable() or len(member["manager"]) > MAX_TEXT:
        yield f"builders_manager is not one line of at most {MAX_TEXT} characters."
    if member["partner"] and member["partner"] not in ids - {member["id"]}:
        yield f"builders_partner, {short(member['partner'])!r}, is no other host of the inventory group builders."


def _of_names(members: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Host names by which one host would be two servers."""
    seen: dict[str, str] = {}
    for member in members:
        name = member["hostname"].partition(".")[0].lower()
        if name and seen.setdefault(name, member["id"]) != member["id"]:
            yield f"{seen[name]} and {member['id']} have the same builders_hostname, {name}."


def _of_remote(remote: str) -> Iterator[str]:
    """What is wrong with the URL of the Build repository. It may hold a token, so that it is not repeated."""
    scheme = _SCHEME.match(remote)
    if not remote.isprintable() or remote != remote.strip() or remote.startswith("-"):
        yield "builders_remote_url begins with a hyphen or a blank, ends with a blank or cannot be printed."
    elif scheme and (scheme[1] not in SCHEMES or remote[scheme.end() :].startswith(":")):
        yield f"builders_remote_url is a path or begins with {', '.join(SCHEMES)}, and not with {short(scheme[1])}."
    elif scheme and scheme[1] != "file" and not remote[scheme.end() + 2 :].split("/")[0]:
        yield "builders_remote_url names no host."


def _text(value: Any) -> str:
    return "" if value is None else str(value)
