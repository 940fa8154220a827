# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat of a server: making one, publishing it, and reading everybody's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..documents.json_document import new_document
from ..documents.secret_policy import REDACT, guarded
from ..errors import DocumentDamaged
from ..identity import signatures
from ..identity.fleet import is_server_id
from ..identity.host import ACTIVITY_FILE, Host
from ..identity.verification import FALSE, Verification, Verifier, is_trusted
from ..machine import boot_id, system_facts, uptime_seconds
from ..store.snapshot import Change, Snapshot
from ..text import clean, one_line
from ..timestamps import MAX_AHEAD, is_ahead, parse_time, utc_text
from .heartbeat_refs import HEARTBEAT, Beats

SEQUENCE_FILE = "sequence.json"
PUBLISH = ("ref", "main", "both")
BRANCH_EVERY = 5
"""Beats from one on the branch to the next, where they are published on both."""


def compose_heartbeat(
    host: Host, problems: list[str], interval: int, version: str, started_at: str | None = None
) -> dict[str, Any]:
    """Make this server's next heartbeat, signed where trust is set up.

    :param problems: why it is not healthy; none when it is.
    :param interval: seconds until the next one.
    :param version: of the program that beats.
    :param started_at: when that program started, in UTC; now when None.
    :raises SigningFailed: when this server cannot sign.
    """
    now = utc_text(host.clock())
    lines = {"problems": [one_line(text) for text in problems]}
    texts = guarded(lines, host.repository.pat_file, host.repository.notes, REDACT)
    sequence = (host.state.read(SEQUENCE_FILE, lambda record: int(record["sequence"])) or 0) + 1
    beat = {
        "server": host.id,
        "timestamp": now,
        "uptime_seconds": uptime_seconds(),
        "healthy": not problems,
        "problems": texts["problems"],
        "system": system_facts(),
        "interval_seconds": interval,
        "sequence": sequence,
        "boot_id": boot_id(),
        "daemon": {"pid": os.getpid(), "started_at": started_at or now, "version": version},
        "manager_last_active": host.state.read(ACTIVITY_FILE, lambda record: str(record["last_active"])),
    }
    return host.signed(beat, signatures.HEARTBEAT)


def publish_heartbeat(host: Host, beat: dict[str, Any], publish: str = "ref") -> None:
    """Publish a heartbeat; its sequence number counts once it was taken.

    :param publish: ``ref``: on the server's ref; ``main``: on the branch, where the old scripts look for it;
        ``both``: on the ref, and every fifth time on the branch too.
    :raises DuplicateIdentity: when another host beats as this server.
    :raises RemoteError: when the remote did not take it.
    """
    if publish != "main":
        with Beats(host) as beats:
            beats.publish(beat, host.clock())
    if publish == "main" or (publish == "both" and beat["sequence"] % BRANCH_EVERY == 0):
        files = {f"{host.id}/{HEARTBEAT}": new_document(beat)}
        host.write(lambda _snapshot: Change(None, files, f"{host.id}: beat"))
    host.state.write_json(SEQUENCE_FILE, {"sequence": beat["sequence"]})


class Heard(NamedTuple):
    """The heartbeat of a server: the verdict on it, whether it counts as its own, and what is to be doubted."""

    beat: dict[str, Any]
    verdict: Verification
    believed: bool
    doubts: list[str]


def read_heartbeats(host: Host, snapshot: Snapshot, fetch: bool = True) -> dict[str, Heard]:
    """The newest heartbeat of each server, from the refs and from the branch, where the old scripts beat.

    One that is believed goes before a newer one that is not.

    :param fetch: whether to ask the remote; else those that were fetched last are returned.
    :raises RemoteError: when the remote cannot be reached or says no.
    """
    with Beats(host) as beats:
        on_refs = beats.read() if fetch else beats.known()
    claims = [
        *_on_branch(host, snapshot),
        *((beat, server) for server, beat in on_refs.items() if is_server_id(server)),
    ]
    judged = list(zip(claims, judge_beats(host, claims)))
    servers = {server for _beat, server in claims}
    return {server: _heard(host, server, [(b, v) for (b, owner), v in judged if owner == server]) for server in servers}


def _on_branch(host: Host, snapshot: Snapshot) -> Iterator[tuple[dict[str, Any], str]]:
    for server in filter(is_server_id, snapshot.names()):
        try:
            document = snapshot.load_object(f"{server}/{HEARTBEAT}")
        except DocumentDamaged as error:
            host.repository.notes.append(f"{error.path}, line {error.line}: {error.reason}. It is left out.")
            continue
        if document:
            yield document.value, server


def judge_beats(host: Host, claims: Sequence[tuple[dict[str, Any], str]]) -> list[Verification]:
    """The verdicts on heartbeats, each with the server that it claims to come from."""
    return Verifier(host, signatures.HEARTBEAT, remember=False).verify(claims)


def _heard(host: Host, server: str, judged: list[tuple[dict[str, Any], Verification]]) -> Heard:
    """The one among a server's heartbeats that counts, and why the others, or this one too, are not believed."""
    objections = [_objection(host, beat, verdict) for beat, verdict in judged]
    believed = [
        is_trusted(host, server, verdict) and not objection for (_beat, verdict), objection in zip(judged, objections)
    ]
    best = max(range(len(judged)), key=lambda index: (believed[index], _sent(judged[index][0])))
    beat, verdict = judged[best]
    doubts = [f"a heartbeat in its name is not believed: {reason}" for reason in objections if reason]
    if not doubts and not believed[best]:
        doubts = [f"its heartbeat is not believed: {verdict.reason}"]
    return Heard(clean(beat), verdict, believed[best], doubts)


def _objection(host: Host, beat: dict[str, Any], verdict: Verification) -> str:
    """What speaks against a heartbeat, other than that it is not signed; empty when nothing does.

    A key that is not valid now may be in anybody's hands.
    """
    now = host.clock()
    if verdict.verified == FALSE:
        return verdict.reason
    if verdict.signer and not verdict.signer.is_valid(now):
        return f"{verdict.reason}, with a key that is not valid now"
    if is_ahead(parse_time(beat.get("timestamp")), now):
        return f"{verdict.reason}, dated more than {MAX_AHEAD.total_seconds() / 60:.0f} minutes ahead of this host"
    return ""


def _sent(beat: dict[str, Any]) -> float:
    moment = parse_time(beat.get("timestamp"))
    return moment.timestamp() if moment else 0.0
