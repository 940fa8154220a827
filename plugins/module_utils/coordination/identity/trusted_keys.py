# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may sign in whose name: the record that Ansible makes and installs on every server."""

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
    "Restore it from where it is kept under version control, or take over the one that the servers have: "
    "ansible-playbook playbooks/trust.yml -e build_trust_adopt=true"
)

_PUBLIC_KEY = re.compile(r"(ssh-ed25519 [A-Za-z0-9+/]{68})(?: .*)?")
"""A public key as ssh-keygen prints it (RFC 8709): 51 bytes in base64, without padding."""
_INVENTORY_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""What earlier releases took for a server id, as the inventory had it."""
_REPOSITORY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Signer:
    """A key of a server, and from when until when it is valid (None: for as long as nobody ends it), in UTC.

    The clock by which it was made may have been ahead and be right now, so it is valid ``MAX_AHEAD`` earlier too:
    nobody else had it then.
    """

    server: str
    key: str
    valid_from: datetime
    valid_until: datetime | None = None

    def is_valid(self, moment: datetime) -> bool:
        """Whether the key is valid at a time."""
        return not is_ahead(self.valid_from, moment) and (self.valid_until is None or moment < self.valid_until)

    def was_valid(self, dated: datetime) -> bool:
        """Whether the key was valid when something was dated. Times are whole seconds: the last one counts."""
        return not is_ahead(self.valid_from, dated) and (self.valid_until is None or dated <= self.valid_until)

    def as_json(self) -> dict[str, Any]:
        """The signer as it stands in the record."""
        until = None if self.valid_until is None else utc_text(self.valid_until)
        return {"server": self.server, "key": self.key, "valid_from": utc_text(self.valid_from), "valid_until": until}


@dataclass(frozen=True)
class Signers:
    """Every key that was ever trusted, and the id of the Build repository; both empty where no trust is set up."""

    repository: str = ""
    signers: tuple[Signer, ...] = ()

    def of(self, server: str) -> list[Signer]:
        """The keys of a server, valid or not."""
        return [signer for signer in self.signers if signer.server == server]

    def find(self, key: str) -> Signer | None:
        """Whose key this is."""
        return next((signer for signer in self.signers if signer.key == key), None)


def load_signers(state: StateDirectory) -> Signers:
    """Read the record of this host; without one, nobody is trusted.

    :raises StateUnusable: when there is one and it cannot be used.
    """
    if not (state.path / SIGNERS_FILE).exists():
        return Signers()
    try:
        return parse_signers(state.read_json(SIGNERS_FILE))
    except InvalidInput as error:
        path = state.path / SIGNERS_FILE
        raise StateUnusable(f"{path}: {error.what}", "Run playbooks/trust.yml again.") from error


def parse_signers(record: Any) -> Signers:
    """Read a record.

    :raises InvalidInput: when it is not one.
    """
    try:
        if not _REPOSITORY.fullmatch(record["repository"]):
            raise ValueError("the id of the repository")
        if not isinstance(record["signers"], list):
            raise ValueError("the list of signers")
        return Signers(record["repository"], tuple(_parse_signer(entry) for entry in record["signers"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"This is no record of signers ({error}).", RESTORE) from error


def _parse_signer(entry: dict[str, Any]) -> Signer:
    valid_from, valid_until = parse_time(entry["valid_from"]), parse_time(entry["valid_until"])
    if valid_from is None or (valid_until is None and entry["valid_until"] is not None):
        raise ValueError(f"a time of {entry['server']!r}")
    if not is_server_id(entry["server"]) or public_key(entry["key"]) != entry["key"]:
        raise ValueError(f"the server or the key of {entry['server']!r}")
    return Signer(entry["server"], entry["key"], valid_from, valid_until)


def public_key(text: Any) -> str:
    """A public key without its comment.

    :raises ValueError: when it is no Ed25519 key as ssh-keygen prints one.
    """
    match = _PUBLIC_KEY.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError("no Ed25519 public key")
    return match.group(1)


def merge_signers(
    record: Any, keys: Mapping[str, Mapping[str, Any]], members: Iterable[str], now: datetime
) -> dict[str, Any]:
    """The record after keys were collected: a new key ends the older ones of its server, and who left has none.

    An id that no server can have, which nobody believes, is left out of the record.

    :param record: the one before; None when there is none yet, then the repository gets its id.
    :param keys: for each server that was asked, ``key``, its public key, and ``made``, when it was made, in seconds
        since 1970 by that server's clock, which also dates its messages (where that is far ahead, ``now`` counts).
        Servers that were not asked keep theirs.
    :param members: the ids of all servers that there are.
    :param now: the time, in UTC.
    :raises InvalidInput: when the record, a key or an id cannot be used.
    """
    there = set(map(check_server_id, members))
    for server in keys:
        check_server_id(server)
    known = Signers(os.urandom(16).hex()) if record is None else parse_signers(_of_servers(record))
    signers = list(known.signers)
    for server, collected in sorted(keys.items()):
        signers = _with_key(signers, server, str(collected["key"]), _utc(collected["made"]), now)
    signers = [_ended(signer, now) if signer.server not in there else signer for signer in signers]
    signers.sort(key=lambda signer: (signer.server, signer.valid_from))
    return {"repository": known.repository, "signers": [signer.as_json() for signer in signers]}


def _of_servers(record: Any) -> Any:
    """A record without what earlier releases took into it: the keys of hosts whose name no server can have."""
    if not isinstance(record, dict) or not isinstance(record.get("signers"), list):
        return record
    return {**record, "signers": [one for one in record["signers"] if not _is_impossible(one)]}


def _is_impossible(entry: Any) -> bool:
    name = entry.get("server") if isinstance(entry, dict) else None
    return isinstance(name, str) and bool(_INVENTORY_NAME.fullmatch(name)) and name != ALL and not is_server_id(name)


def _with_key(signers: list[Signer], server: str, text: str, made: datetime, now: datetime) -> list[Signer]:
    remedy = f"Make a new key for it: ansible-playbook playbooks/trust.yml -e build_trust_rotate={server}"
    try:
        key = public_key(text)
    except ValueError as error:
        raise InvalidInput(f"{server} has a signing key that cannot be used ({error}).", remedy) from error
    there = next((signer for signer in signers if signer.key == key), None)
    if there is None:
        made = now if is_ahead(made, now) else made
        return [*(_ended(s, made) if s.server == server else s for s in signers), Signer(server, key, made)]
    if there.server != server:
        raise InvalidInput(
            f"{server} has the signing key of {there.server}: one of the two hosts was copied from the other.", remedy
        )
    if there.valid_until is not None and there.valid_until <= now:
        raise InvalidInput(f"The signing key of {server} ended at {utc_text(there.valid_until)}.", remedy)
    if is_ahead(there.valid_from, now):  # the clock of this machine was far ahead too, and is right now
        others = [_ended(s, now) if s.server == server else s for s in signers if s is not there]
        return [*others, replace(there, valid_from=now)]
    return signers


def _ended(signer: Signer, moment: datetime) -> Signer:
    if signer.valid_until is not None and signer.valid_until <= moment:
        return signer
    return Signer(signer.server, signer.key, signer.valid_from, max(moment, signer.valid_from))


def _utc(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(int(float(seconds)), timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidInput(
            f"{seconds!r} is no time at which a key was made.",
            "Run on the controller: ansible-playbook playbooks/trust.yml",
        ) from error
