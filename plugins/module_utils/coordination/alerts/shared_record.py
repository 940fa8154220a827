# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what was sent as the whole fleet has it, in a ref of the Build repository.

``refs/alerts/told`` is one commit without a parent that contains alerts.json. It is replaced with a lease: of two
servers that replace the same version, one succeeds. Only what it has recorded is sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..documents.json_document import new_document, parse_object
from ..errors import DeadlineReached, DocumentDamaged
from ..git.bare_repository import BareRepository
from ..git.failures import ConnectionLost, PushRejected, explain_failure
from ..identity import signatures
from ..identity.fleet import is_server_id
from ..identity.host import Host
from ..identity.verification import Verifier, is_trusted
from ..text import short
from ..timestamps import utc_text
from .record import NO_ALERTS, Record, parse_record

REFS = "refs/alerts/"
REF = f"{REFS}told"
FILE = "alerts.json"


class SharedRecord:
    """The record of the fleet, as of the last :meth:`read`."""

    def __init__(self, host: Host, bare: BareRepository) -> None:
        self._host = host
        self._bare = bare
        self._commit = ""

    def read(self) -> Record:
        """Fetch the record; an empty one if it is missing, damaged or not from a server of the fleet.

        :raises RemoteError: if the remote cannot be reached or refuses the fetch.
        """
        return self._bare.repaired(self._read)

    def _read(self) -> Record:
        command = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--prune", self._bare.url)
        outcome = self._bare.ask(*command, f"+{REFS}*:{REFS}*", timeout=self._host.repository.timeout)
        if outcome.status != 0:
            doing = "fetching the record of alerts"
            error = self._bare.checked(explain_failure(outcome, self._bare.url), outcome, doing)
            if isinstance(error, ConnectionLost):
                raise DeadlineReached(f"The record of alerts was not sent ({error}).", "Try again later.") from error
            raise error
        self._commit = self._bare.refs(REFS, every=True).get(REF, "")
        try:
            data = self._bare.read(self._commit, FILE) if self._bare.refs(REFS).get(REF) else None
            document = parse_object(data, FILE).value if data is not None else None
            if document is not None and self._is_trusted(document):
                return parse_record(document)
        except (DocumentDamaged, AttributeError, KeyError, TypeError, ValueError) as error:
            self._note(f"it is damaged ({short(str(error))})")
        return NO_ALERTS

    def replace(self, record: Record) -> bool:
        """Replace the record that was read, and return whether no other server has replaced it before.

        :raises RemoteError: if the remote does not accept it.
        :raises SigningFailed: if this server cannot sign.
        """
        now = self._host.clock()
        signed = self._host.signed(
            {"server": self._host.id, "timestamp": utc_text(now), **record.as_json()}, signatures.ALERTS
        )
        files = {FILE: new_document(signed)}
        return self._bare.repaired(lambda: self._push(files, int(now.timestamp())))

    def _push(self, files: dict[str, bytes], when: int) -> bool:
        commit = self._bare.commit(None, files, f"{self._host.id}: alerts", self._host.id, when)
        try:
            self._bare.push(REF, commit, self._commit, self._host.repository.timeout, "recording alerts")
        except (PushRejected, ConnectionLost):
            return False  # after a lost answer, the next read shows whether it was accepted
        self._commit = commit
        return True

    def _is_trusted(self, document: dict[str, Any]) -> bool:
        server = document.get("server")
        if not is_server_id(server):
            self._note("it names no server")
            return False
        verifier = Verifier(self._host, signatures.ALERTS, remember=False)
        (verification,) = verifier.verify([(document, str(server))])
        if not is_trusted(self._host, str(server), verification):
            self._note(verification.reason)
            return False
        return True

    def _note(self, reason: str) -> None:
        self._host.repository.notes.append(f"The record of alerts in {REF} is ignored: {reason}.")


@contextlib.contextmanager
def shared_record(host: Host) -> Iterator[SharedRecord]:
    """Open the record of the fleet, and close it afterwards.

    :raises Locked: if another process of this host reads or writes it for long.
    """
    repository = host.repository
    with host.state.lock("alerts.lock"):
        bare = BareRepository(host.state.make() / "alerts.git", repository.origin, repository.pat_file, host.state)
        bare.make()
        try:
            yield SharedRecord(host, bare)
            bare.run("prune", "--expire=now")
        finally:
            bare.close()
