# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification of the sender of a message, a status document or a heartbeat."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from ..errors import StateUnusable
from ..timestamps import parse_time, utc_text
from .host import Host
from .signatures import MESSAGE, is_signed_by, signature_name, signing_key
from .trusted_keys import Signer

TRUE, FALSE, UNSIGNED, MARKED = VERIFIED = ("true", "false", "unsigned", "marked")
"""The results: signed by its sender; not signed by the sender that it names; not signed; signed by its sender, but the
repository has marks of this server beside it that this server did not set."""

LABELS = {
    TRUE: "verified",
    FALSE: "NOT FROM ITS SENDER",
    UNSIGNED: "unsigned",
    MARKED: "verified, marks by others",
}
"""The results as the command and the log print them."""

NOT_OPERATORS = "not the operator's"
"""What they print besides for an answer to a question to the operator that he has not signed."""

CHECKS_FILE = "verdicts.json"
"""A cache, which looks write too: each check is a process of about 8 ms. Without it, the results are the same."""
MAX_REMEMBERED = 60_000
"""The maximum number of remembered checks, more than a mailbox has messages; the oldest are removed first."""
BATCH = 500
"""The number of signatures whose checks are saved at once. An interrupted process loses at most one batch."""


class Verification(NamedTuple):
    """The result of a verification.

    :param verified: one of ``VERIFIED``.
    :param reason: the reason, in words.
    :param signer: the key of the signature; None unless ``verified`` is ``TRUE``.
    """

    verified: str
    reason: str
    signer: Signer | None = None


class Verifier:
    """Verifies the senders of documents.

    The check of a signature is saved, because its result never changes. The validity of its key is tested each time.

    :param namespace: the namespace of the signatures: messages, statuses and heartbeats each have their own.
    :param remember: whether to save the checks; false for heartbeats, which are soon replaced.
    """

    def __init__(self, host: Host, namespace: str = MESSAGE, remember: bool = True) -> None:
        self._host = host
        self._checks = _Checks(host, namespace, keep=remember and not host.check_mode)

    def verify(self, documents: Iterable[tuple[dict[str, Any], str]]) -> list[Verification]:
        """Verify documents.

        :param documents: each document with the id of the server that it names as its sender.
        :return: the results, in the order of the documents.
        """
        claims = [
            (document, server, self._host.signers.find(signing_key(document) or "")) for document, server in documents
        ]
        valid = iter(self._checks.check([(document, signer.key) for document, _server, signer in claims if signer]))
        return [
            self._result(document, server, signer, signer is not None and next(valid))
            for document, server, signer in claims
        ]

    def _result(self, document: dict[str, Any], server: str, signer: Signer | None, is_valid: bool) -> Verification:
        signers = self._host.signers
        if document.get("signature") is None:
            sender = self._host.fleet.server_of(server)  # unsigned messages may name it by its host name
            if not signers.of(sender):
                return Verification(UNSIGNED, "not signed")
            if is_before_keys(self._host, parse_time(document.get("timestamp")), sender):
                return Verification(UNSIGNED, f"not signed, and dated before {sender} had a key")
            return Verification(UNSIGNED, f"not signed, although {sender} has a key")
        if not signers.repository:
            return Verification(FALSE, "signed, but this server has no record of trusted keys (playbooks/trust.yml)")
        if signing_key(document) is None:
            return Verification(FALSE, "its signature is malformed")
        if signer is None:
            return Verification(FALSE, "signed with an unknown key")
        if not is_valid:
            return Verification(FALSE, f"the signature of {signer.server} does not match the content")
        if signer.server != server:
            return Verification(FALSE, f"forged: it is signed by {signer.server}")
        if document.get("repository") != signers.repository:
            return Verification(FALSE, f"{server} signed it for another repository")
        written = parse_time(document.get("timestamp"))
        if written is None:
            return Verification(FALSE, f"{server} signed it with an invalid timestamp")
        if not signer.was_valid(written):
            reason = f"{server} signed it with a key that was not valid at its time ({_validity(signer)})"
            return Verification(FALSE, reason)
        return Verification(TRUE, f"signed by {server}", signer)


def is_trusted(host: Host, server: str, verification: Verification) -> bool:
    """Return whether to trust a document of a server.

    It is signed, or it is unsigned and the server has no key.
    """
    return verification.verified == TRUE or (verification.verified == UNSIGNED and not host.signers.of(server))


def is_before_keys(host: Host, written: datetime | None, server: str) -> bool:
    """Return whether a document is dated before the first key of its server.

    It is false if the document has no valid time, or the server has no key.

    :param written: the time of the document in UTC.
    """
    keys = host.signers.of(server)
    return bool(keys) and written is not None and written < min(key.valid_from for key in keys)


def _validity(signer: Signer) -> str:
    until = "" if signer.valid_until is None else f" until {utc_text(signer.valid_until)}"
    return f"from {utc_text(signer.valid_from)}{until}"


class _Checks:
    """Checks of signatures.

    Signatures that this process made, or that were checked before, are not checked again.
    """

    def __init__(self, host: Host, namespace: str, keep: bool) -> None:
        self._state = host.state
        self._own_signatures = host.own_signatures
        self._namespace = namespace
        self._keep = keep
        self._known: dict[str, bool] = {}
        with contextlib.suppress(StateUnusable):  # a damaged file is replaced
            known = self._state.read_json(CHECKS_FILE)
            self._known = {k: v for k, v in known.items() if isinstance(v, bool)} if isinstance(known, dict) else {}

    def check(self, claims: list[tuple[dict[str, Any], str]]) -> list[bool]:
        """Return whether documents have a valid signature of a key.

        :param claims: each document with the public key in its signature.
        """
        names = [signature_name(document, key, self._namespace) for document, key in claims]
        unchecked = [
            (name, (document, key, self._namespace))
            for name, (document, key) in dict(zip(names, claims)).items()
            if name not in self._known and name not in self._own_signatures
        ]
        for start in range(0, len(unchecked), BATCH):
            batch = dict(unchecked[start : start + BATCH])
            self._known.update(zip(batch, _check(list(batch.values()))))
            if self._keep:
                with contextlib.suppress(StateUnusable):
                    self._state.write_json(CHECKS_FILE, dict(list(self._known.items())[-MAX_REMEMBERED:]))
        return [name in self._own_signatures or self._known[name] for name in names]


def _check(claims: list[tuple[dict[str, Any], str, str]]) -> list[bool]:
    """Check signatures, in as many processes at once as this machine has cores."""
    from concurrent.futures import ThreadPoolExecutor  # its import takes as long as the check of a signature

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda claim: is_signed_by(*claim), claims))
