# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of trusted keys, which Ansible creates and installs on every server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ..errors import InvalidInput, StateUnusable
from ..state_dir import StateDirectory
from ..timestamps import is_ahead, parse_time, utc_text
from .fleet import ALL, check_server_id, is_server_id

SIGNERS_FILE = "signers.json"

RESTORE = (
    "Restore it from version control, or adopt the record that is installed on the servers: "
    "ansible-playbook playbooks/trust.yml -e build_trust_adopt=true"
)

_PUBLIC_KEY = re.compile(r"(ssh-ed25519 [A-Za-z0-9+/]{68})(?: .*)?")
"""A public key as ssh-keygen prints it (RFC 8709): 51 bytes in Base64, without padding."""
_INVENTORY_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""Host names of the inventory, which earlier releases accepted as server ids."""
_REPOSITORY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Signer:
    """A public key of a server and its period of validity.

    The clock of the server may have been ahead when it created the key. So a key is also valid for ``MAX_AHEAD`` before
    ``valid_from``: no other host had it then.

    :param valid_from: in UTC.
    :param valid_until: in UTC; None if the key does not expire.
    """

    server: str
    key: str
    valid_from: datetime
    valid_until: datetime | None = None

    def is_valid(self, moment: datetime) -> bool:
        """Return whether the key is valid at a time."""
        return not is_ahead(self.valid_from, moment) and (self.valid_until is None or moment < self.valid_until)

    def was_valid(self, dated: datetime) -> bool:
        """Return whether the key was valid at a timestamp.

        A timestamp has whole seconds, so the last second counts.
        """
        return not is_ahead(self.valid_from, dated) and (self.valid_until is None or dated <= self.valid_until)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of this key in the record."""
        until = None if self.valid_until is None else utc_text(self.valid_until)
        return {"server": self.server, "key": self.key, "valid_from": utc_text(self.valid_from), "valid_until": until}


@dataclass(frozen=True)
class Signers:
    """The record of trusted keys: all keys, also expired ones.

    It is empty if no record is installed.

    :param repository: the id of the Build repository, which every signed document contains.
    """

    repository: str = ""
    signers: tuple[Signer, ...] = ()

    def of(self, server: str) -> list[Signer]:
        """Return all keys of a server, also expired ones."""
        return [signer for signer in self.signers if signer.server == server]

    def find(self, key: str) -> Signer | None:
        """Return the entry of a public key, None if it is not trusted."""
        return next((signer for signer in self.signers if signer.key == key), None)


def load_signers(state: StateDirectory) -> Signers:
    """Read the record of trusted keys of this host; without one, the result is empty.

    :raises StateUnusable: if it is invalid.
    """
    if not (state.path / SIGNERS_FILE).exists():
        return Signers()
    try:
        return parse_signers(state.read_json(SIGNERS_FILE))
    except InvalidInput as error:
        path = state.path / SIGNERS_FILE
        raise StateUnusable(
            f"{path}: {error.what}", "Run on the controller: ansible-playbook playbooks/trust.yml"
        ) from error


def parse_signers(record: Any) -> Signers:
    """Parse a record of trusted keys.

    :param record: an object with ``repository``, 32 hexadecimal digits, and ``signers``, a list of objects with
        ``server``, ``key``, ``valid_from`` and ``valid_until``.
    :raises InvalidInput: if it has another form.
    """
    try:
        if not _REPOSITORY.fullmatch(record["repository"]):
            raise ValueError("the id of the repository")
        if not isinstance(record["signers"], list):
            raise ValueError("the list of signers")
        return Signers(record["repository"], tuple(_parse_signer(entry) for entry in record["signers"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"This is not a record of trusted keys ({error}).", RESTORE) from error


def _parse_signer(entry: dict[str, Any]) -> Signer:
    valid_from, valid_until = parse_time(entry["valid_from"]), parse_time(entry["valid_until"])
    if valid_from is None or (valid_until is None and entry["valid_until"] is not None):
        raise ValueError(f"a time of {entry['server']!r}")
    if not is_server_id(entry["server"]) or public_key(entry["key"]) != entry["key"]:
        raise ValueError(f"the server or the key of {entry['server']!r}")
    return Signer(entry["server"], entry["key"], valid_from, valid_until)


def public_key(text: Any) -> str:
    """Return a public key without its comment.

    :raises ValueError: if it is not an Ed25519 key as ssh-keygen prints it.
    """
    match = _PUBLIC_KEY.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError("not an Ed25519 public key")
    return match.group(1)


def merge_signers(
    record: Any, keys: Mapping[str, Mapping[str, Any]], members: Iterable[str], now: datetime
) -> dict[str, Any]:
    """Merge collected keys into the record of trusted keys.

    A new key of a server expires its older keys. The keys of servers that are no members expire. Entries whose server
    cannot be a server id are removed.

    :param record: the record; None to create one with a new id of the repository.
    :param keys: for each server from which a key was collected: ``key``, the public key, and ``made``, the time of its
        creation in seconds since 1970, by the clock of the server. If it is far in the future, ``now`` counts. Other
        servers keep their keys.
    :param members: the ids of all servers.
    :param now: the current time in UTC.
    :return: the new record as a JSON value.
    :raises InvalidInput: if the record, a key or an id is invalid.
    """
    member_ids = set(map(check_server_id, members))
    for server in keys:
        check_server_id(server)
    known = Signers(os.urandom(16).hex()) if record is None else parse_signers(_without_invalid_ids(record))
    signers = list(known.signers)
    for server, collected in sorted(keys.items()):
        signers = _with_key(signers, server, str(collected["key"]), _utc(collected["made"]), now)
    signers = [_expired(signer, now) if signer.server not in member_ids else signer for signer in signers]
    signers.sort(key=lambda signer: (signer.server, signer.valid_from))
    return {"repository": known.repository, "signers": [signer.as_json() for signer in signers]}


def _without_invalid_ids(record: Any) -> Any:
    """Return a record without the keys of hosts whose name cannot be a server id.

    Earlier releases added them.
    """
    if not isinstance(record, dict) or not isinstance(record.get("signers"), list):
        return record
    return {**record, "signers": [entry for entry in record["signers"] if not _has_invalid_id(entry)]}


def _has_invalid_id(entry: Any) -> bool:
    name = entry.get("server") if isinstance(entry, dict) else None
    return isinstance(name, str) and bool(_INVENTORY_NAME.fullmatch(name)) and name != ALL and not is_server_id(name)


def _with_key(signers: list[Signer], server: str, text: str, made: datetime, now: datetime) -> list[Signer]:
    """Return the keys with a collected key of a server; unchanged if it is known."""
    remedy = f"Create a new key for it: ansible-playbook playbooks/trust.yml -e build_trust_rotate={server}"
    try:
        key = public_key(text)
    except ValueError as error:
        raise InvalidInput(f"The signing key of {server} is invalid ({error}).", remedy) from error
    known = next((signer for signer in signers if signer.key == key), None)
    if known is None:
        made = now if is_ahead(made, now) else made
        return [*(_expired(s, made) if s.server == server else s for s in signers), Signer(server, key, made)]
    if known.server != server:
        raise InvalidInput(
            f"{server} has the signing key of {known.server}: one of the two hosts was copied from the other.", remedy
        )
    if known.valid_until is not None and known.valid_until <= now:
        raise InvalidInput(f"The signing key of {server} expired at {utc_text(known.valid_until)}.", remedy)
    if is_ahead(known.valid_from, now):  # the clock of the controller was wrong when the key was collected
        others = [_expired(s, now) if s.server == server else s for s in signers if s is not known]
        return [*others, replace(known, valid_from=now)]
    return signers


def _expired(signer: Signer, moment: datetime) -> Signer:
    """Return a key that expires at a time; unchanged if it expires before."""
    if signer.valid_until is not None and signer.valid_until <= moment:
        return signer
    return Signer(signer.server, signer.key, signer.valid_from, max(moment, signer.valid_from))


def _utc(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(int(float(seconds)), timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidInput(
            f"{seconds!r} is not the time of the creation of a key.",
            "Run on the controller: ansible-playbook playbooks/trust.yml",
        ) from error
