# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host as a server of the fleet: its identity, its state and its view of the Build repository."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Callable

from ..documents.json_document import check_text, new_document
from ..errors import CoordinationError, InvalidInput, SigningFailed, StateUnusable, explain
from ..state_dir import StateDirectory
from ..store.repository import Repository
from ..store.snapshot import Change, Receipt, Snapshot
from ..timestamps import utc_now
from .fleet import Fleet, identify, is_server_id, load_fleet
from .signatures import KEY_FILE, MESSAGE, sign, signature_name, signing_key
from .trusted_keys import Signers, load_signers

MESSAGES = "coordination/messages.json"
JOBS = "coordination/jobs.json"
LOCKS = "coordination/locks.json"

ACTIVITY_FILE = "manager.json"
"""In the state directory: when this server's manager last read or wrote a message."""

_REF_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@-]*")
_FIRST_DOCUMENTS: dict[str, dict[str, Any]] = {MESSAGES: {"messages": []}, JOBS: {"jobs": []}, LOCKS: {"locks": {}}}


@dataclass(frozen=True)
class Host:
    """What every operation needs to know.

    :param id: the server that this host is.
    :param clock: what tells the time.
    :param check_mode: whether writes are only tried out: nothing is pushed and no state is kept.
    :param signers: whose signatures this host trusts.
    :param made: the names of the signatures that this process has made, which need no check.
    """

    id: str
    fleet: Fleet
    state: StateDirectory
    repository: Repository
    clock: Callable[[], datetime] = utc_now
    check_mode: bool = False
    signers: Signers = field(default_factory=Signers)
    made: set[str] = field(default_factory=set)

    def write(
        self,
        function: Callable[[Snapshot], Change],
        settle: Callable[[Receipt], None] = lambda _receipt: None,
    ) -> Receipt:
        """Carry out a transaction as this server, as :meth:`.Repository.write`.

        The first one on an empty remote makes the documents that the shell scripts expect.
        """
        return self.repository.write(_with_first_documents(function), self.id, settle)

    def preview(self, function: Callable[[Snapshot], Change]) -> Receipt:
        """What a transaction as this server would write."""
        return self.repository.preview(_with_first_documents(function))

    def signed(self, document: dict[str, Any], namespace: str = MESSAGE) -> dict[str, Any]:
        """A document with this server's signature; as it is where no trust is set up.

        :param namespace: what the signature is for.
        :raises SigningFailed: when this server cannot sign, or its key is not the one that the others know.
        """
        if not self.signers.repository:
            return document
        unsigned = {name: value for name, value in document.items() if name != "signature"}
        unsigned["repository"] = self.signers.repository
        signed = {**unsigned, "signature": sign(unsigned, self.state.path / KEY_FILE, namespace)}
        signer = self.signers.find(signing_key(signed) or "")
        ended = signer and signer.valid_until is not None and signer.valid_until <= self.clock()
        if signer is None or signer.server != self.id or ended:
            raise SigningFailed(
                f"The signing key of this host is not the valid one of {self.id} in the record of signers.",
                "Run on the controller: ansible-playbook playbooks/trust.yml",
            )
        self.made.add(signature_name(signed, signer.key, namespace))
        return signed

    @contextmanager
    def after_write(self) -> Iterator[None]:
        """Keep this host's own record of a write that the remote has taken; that it cannot be kept is only noted."""
        try:
            yield
        except (StateUnusable, OSError) as error:
            self.repository.notes.append(f"The write was taken, but this host's record of it failed: {explain(error)}")

    def seen_servers(self, snapshot: Snapshot) -> Iterable[str]:
        """The servers that have a status or a heartbeat in the repository."""
        for name in snapshot.names():
            if is_server_id(name) and {"status.json", "heartbeat.json"} & set(snapshot.names(name)):
                yield name


def _with_first_documents(function: Callable[[Snapshot], Change]) -> Callable[[Snapshot], Change]:
    def extended(snapshot: Snapshot) -> Change:
        change = function(snapshot)
        if snapshot.commit is not None or not change.files:
            return change
        first = {path: new_document(value) for path, value in _FIRST_DOCUMENTS.items()}
        return replace(change, files={**first, **change.files})

    return extended


def open_host(
    repo: str,
    state_dir: str,
    remote: str = "origin",
    branch: str = "main",
    pat_file: str = "",
    timeout: float = 60,
    server_id: str | None = None,
    check_mode: bool = False,
) -> Host:
    """Find out who this host is and open the Build repository; close ``host.repository`` in the end.

    :param repo: the clone where people work.
    :param state_dir: the state directory.
    :param timeout: seconds that one read or write may take on the network.
    :param server_id: the server to speak for, when the caller insists.
    :raises CoordinationError: when one of these cannot be used.
    """
    for name, value in (("repo", repo), ("state_dir", state_dir), ("pat_file", pat_file)):
        check_text(value, name)
    for name, value in (("remote", remote), ("branch", branch)):
        if not _REF_NAME.fullmatch(value) or ".." in value:
            raise InvalidInput(f"{value!r} cannot be the name of a {name}.", f"Give the {name} of the clone.")
    repo = os.path.abspath(repo)
    state = StateDirectory(os.path.abspath(state_dir))
    fleet = load_fleet(state)
    own_id = identify(fleet, state, server_id)
    signers = load_signers(state)
    repository = Repository(repo, state, remote, branch, pat_file, timeout)
    try:
        fleet.check_remote(repository.url)
    except CoordinationError:
        repository.close()
        raise
    return Host(own_id, fleet, state, repository, check_mode=check_mode, signers=signers)
