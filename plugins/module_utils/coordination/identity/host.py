# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host as a server: its identity, its state and the Build repository."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Callable, TypeVar

from ..documents.json_document import check_text, new_document
from ..errors import CoordinationError, InvalidInput, SigningFailed, StateUnusable, explain
from ..state_dir import StateDirectory
from ..store.repository import Repository
from ..store.snapshot import Change, Receipt, Snapshot
from ..timestamps import utc_now
from .fleet import OPERATOR, Fleet, identify, is_server_id, load_fleet
from .signatures import KEY_FILE, MESSAGE, sign, signature_name, signing_key
from .trusted_keys import Signers, load_signers

T = TypeVar("T")

MESSAGES = "coordination/messages.json"
JOBS = "coordination/jobs.json"
LOCKS = "coordination/locks.json"

ACTIVITY_FILE = "manager.json"
"""In the state directory: the time of the last read or write of a message by the manager of this server."""

_REF_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@-]*")
_FIRST_DOCUMENTS: dict[str, dict[str, Any]] = {MESSAGES: {"messages": []}, JOBS: {"jobs": []}, LOCKS: {"locks": {}}}


@dataclass(frozen=True)
class Host:
    """The context of every operation.

    :param id: the id of this server.
    :param clock: returns the current time in UTC.
    :param check_mode: whether to change nothing, neither the remote nor the state directory.
    :param signers: the trusted keys.
    :param own_signatures: the names of the signatures made by this process, which need no check.
    """

    id: str
    fleet: Fleet
    state: StateDirectory
    repository: Repository
    clock: Callable[[], datetime] = utc_now
    check_mode: bool = False
    signers: Signers = field(default_factory=Signers)
    own_signatures: set[str] = field(default_factory=set)

    def write(
        self,
        function: Callable[[Snapshot], Change[T]],
        settle: Callable[[Receipt[T]], None] = lambda _receipt: None,
    ) -> Receipt[T]:
        """Run a transaction as this server, as :meth:`.Repository.write`.

        The first transaction on an empty remote also creates the documents that the shell scripts expect.
        """
        return self.repository.write(_with_first_documents(function), self.id, settle)

    def preview(self, function: Callable[[Snapshot], Change[T]]) -> Receipt[T]:
        """Return what a transaction as this server would write, without writing it."""
        return self.repository.preview(_with_first_documents(function))

    def signed(self, document: dict[str, Any], namespace: str = MESSAGE) -> dict[str, Any]:
        """Return a document with the signature of this server.

        It is unchanged if no trusted keys are installed.

        :param namespace: the namespace of the signature, one of those in :mod:`.signatures`.
        :raises SigningFailed: if this server cannot sign, or its key is not in the record of trusted keys.
        """
        if not self.signers.repository:
            return document
        unsigned = {name: value for name, value in document.items() if name != "signature"}
        unsigned["repository"] = self.signers.repository
        signed = {**unsigned, "signature": sign(unsigned, self.state.path / KEY_FILE, namespace)}
        signer = self.signers.find(signing_key(signed) or "")
        expired = signer and signer.valid_until is not None and signer.valid_until <= self.clock()
        if signer is None or signer.server != self.id or expired:
            raise SigningFailed(
                f"The signing key of this host is not the valid key of {self.id} in the record of trusted keys.",
                "Run on the controller: ansible-playbook playbooks/trust.yml",
            )
        self.own_signatures.add(signature_name(signed, signer.key, namespace))
        return signed

    def require_server(self, what: str) -> None:
        """Reject what only a server publishes, if this is the operator.

        :param what: a noun, for example ``heartbeat``.
        :raises InvalidInput: if this is the operator.
        """
        if self.id == OPERATOR:
            raise InvalidInput(f"The operator has no {what}.", "Run this on a build server.")

    @contextmanager
    def after_write(self) -> Iterator[None]:
        """Record a write in the state directory; a failure becomes a note."""
        try:
            yield
        except (StateUnusable, OSError) as error:
            self.repository.notes.append(f"The write was accepted, but not recorded on this host: {explain(error)}")

    def seen_servers(self, snapshot: Snapshot) -> Iterable[str]:
        """Yield the ids of the servers with a status or a heartbeat on the branch."""
        for name in snapshot.names():
            if is_server_id(name) and {"status.json", "heartbeat.json"} & set(snapshot.names(name)):
                yield name


def _with_first_documents(function: Callable[[Snapshot], Change[T]]) -> Callable[[Snapshot], Change[T]]:
    def extended(snapshot: Snapshot) -> Change[T]:
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
    """Identify this host and open the Build repository.

    The caller closes ``host.repository``.

    :param repo: the path of the clone.
    :param state_dir: the path of the state directory.
    :param remote: the name of the remote in the clone.
    :param branch: the branch with the documents.
    :param pat_file: the path of the token file; empty for none.
    :param timeout: the maximum of seconds for the network in one read or write.
    :param server_id: the id that the caller expects this server to have.
    :raises CoordinationError: if an argument is invalid, or the host cannot be identified.
    """
    for name, value in (("repo", repo), ("state_dir", state_dir), ("pat_file", pat_file)):
        check_text(value, name)
    for name, value in (("remote", remote), ("branch", branch)):
        if not _REF_NAME.fullmatch(value) or ".." in value:
            raise InvalidInput(f"{value!r} is not a valid name of a {name}.", f"Use the name of a {name} of the clone.")
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
