# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who wrote it: the verdict on a message, a status document or a heartbeat."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..errors import StateUnusable
from ..timestamps import parse_time, utc_text
from .host import Host
from .signatures import MESSAGE, is_signed_by, signature_name, signing_key
from .trusted_keys import Signer

TRUE, FALSE, UNSIGNED, MARKED = VERIFIED = ("true", "false", "unsigned", "marked")
"""The verdicts: signed by its sender; in its sender's name and not by it; not signed at all; signed by its sender, but
the repository carries marks of this server beside it that this server has not made."""

WORDS = {
    TRUE: "verified sender",
    FALSE: "NOT FROM ITS SENDER",
    UNSIGNED: "unsigned",
    MARKED: "verified sender, foreign marks",
}
"""The verdicts for people."""

VERDICTS_FILE = "verdicts.json"
KEPT = 60_000
"""Signatures whose check is remembered, more than a mailbox can hold; one is forgotten for each that is new beyond."""
PORTION = 500
"""Signatures that are checked before they are remembered: whoever is interrupted goes on there the next time."""


class Verdict(NamedTuple):
    """One of ``VERIFIED``, why, and whose key it was signed with (None unless the signature is good)."""

    verified: str
    reason: str
    signer: Signer | None = None


class Judge:
    """Gives verdicts on what claims to come from a server.

    Whether a signature fits is the same for ever, so it is remembered; whether its key is valid is looked up each time.

    :param namespace: of the signatures: messages, statuses and heartbeats have each their own.
    :param remember: false for what is soon replaced, as heartbeats are.
    """

    def __init__(self, host: Host, namespace: str = MESSAGE, remember: bool = True) -> None:
        self._host = host
        self._checks = _Checks(host, namespace, keep=remember and not host.check_mode)

    def judge(self, documents: Iterable[tuple[dict[str, Any], str]]) -> list[Verdict]:
        """The verdicts on documents, each with the server that it claims to come from."""
        claims = [
            (document, server, self._host.signers.find(signing_key(document) or "")) for document, server in documents
        ]
        good = iter(self._checks.make([(document, signer.key) for document, _server, signer in claims if signer]))
        return [
            self._verdict(document, server, signer, signer is not None and next(good))
            for document, server, signer in claims
        ]

    def _verdict(self, document: dict[str, Any], server: str, signer: Signer | None, is_good: bool) -> Verdict:
        signers = self._host.signers
        if document.get("signature") is None:
            meant = self._host.fleet.server_of(server)  # as it is shown, however it is written
            if not signers.of(meant):
                return Verdict(UNSIGNED, "not signed")
            older = _is_before_keys(document, signers.of(meant))
            return Verdict(UNSIGNED, f"not signed, {'from before' if older else 'although'} {meant} has a key")
        if not signers.repository:
            return Verdict(FALSE, "signed, but this server was not told whom to trust (playbooks/trust.yml)")
        if signing_key(document) is None:
            return Verdict(FALSE, "its signature cannot be read")
        if signer is None:
            return Verdict(FALSE, "signed with a key that no server of this fleet has")
        if not is_good:
            return Verdict(FALSE, f"it was changed: {signer.server} has signed something else")
        if signer.server != server:
            return Verdict(FALSE, f"forged: it is signed by {signer.server}")
        if document.get("repository") != signers.repository:
            return Verdict(FALSE, f"{server} signed it for another repository")
        written = parse_time(document.get("timestamp"))
        if written is None:
            return Verdict(FALSE, f"{server} signed it with a time that cannot be read")
        if not signer.was_valid(written):
            return Verdict(FALSE, f"{server} signed it with a key that was not valid at its time ({_validity(signer)})")
        return Verdict(TRUE, f"signed by {server}", signer)


def is_believed(host: Host, server: str, verdict: Verdict) -> bool:
    """Whether something counts as its server's own: it is signed, or that server never had a key."""
    return verdict.verified == TRUE or (verdict.verified == UNSIGNED and not host.signers.of(server))


def is_before_keys(host: Host, document: dict[str, Any], server: str) -> bool:
    """Whether something is dated before its server had its first key."""
    keys = host.signers.of(server)
    return bool(keys) and _is_before_keys(document, keys)


def _is_before_keys(document: dict[str, Any], keys: list[Signer]) -> bool:
    """Whether something is dated before its server had its first key."""
    written = parse_time(document.get("timestamp"))
    return written is not None and written < min(key.valid_from for key in keys)


def _validity(signer: Signer) -> str:
    until = "" if signer.valid_until is None else f" until {utc_text(signer.valid_until)}"
    return f"from {utc_text(signer.valid_from)}{until}"


class _Checks:
    """Which signatures are good: those that this process made or that were checked before, and those that are new."""

    def __init__(self, host: Host, namespace: str, keep: bool) -> None:
        self._state = host.state
        self._made = host.made
        self._namespace = namespace
        self._keep = keep
        self._known: dict[str, bool] = {}
        with contextlib.suppress(StateUnusable):  # whatever is wrong with it, it is made anew
            known = self._state.read_json(VERDICTS_FILE)
            self._known = {k: v for k, v in known.items() if isinstance(v, bool)} if isinstance(known, dict) else {}

    def make(self, claims: list[tuple[dict[str, Any], str]]) -> list[bool]:
        """Whether signatures are good: those that were not checked before are checked, and remembered by portions."""
        digests = [signature_name(document, key, self._namespace) for document, key in claims]
        todo = [
            (digest, (document, key, self._namespace))
            for digest, (document, key) in dict(zip(digests, claims)).items()
            if digest not in self._known and digest not in self._made
        ]
        for start in range(0, len(todo), PORTION):
            portion = dict(todo[start : start + PORTION])
            self._known.update(zip(portion, _check(list(portion.values()))))
            if self._keep:
                with contextlib.suppress(StateUnusable):
                    self._state.write_json(VERDICTS_FILE, dict(list(self._known.items())[-KEPT:]))
        return [digest in self._made or self._known[digest] for digest in digests]


def _check(claims: list[tuple[dict[str, Any], str, str]]) -> list[bool]:
    """Whether signatures are good, checked by as many processes at once as there are cores."""
    from concurrent.futures import ThreadPoolExecutor  # it takes as long to load as a signature to be checked

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda claim: is_signed_by(*claim), claims))
