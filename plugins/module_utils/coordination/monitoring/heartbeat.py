# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Heartbeats: composing, publishing, reading and verifying them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from ..documents.json_document import new_document
from ..documents.secret_policy import REDACT, apply_secret_policy
from ..errors import DeadlineReached, DocumentDamaged, Locked, RemoteUnreachable
from ..identity import signatures
from ..identity.fleet import is_server_id
from ..identity.host import ACTIVITY_FILE, Host
from ..identity.verification import FALSE, Verification, Verifier, is_trusted
from ..machine import boot_id, system_facts, uptime_seconds
from ..store.snapshot import Change, Snapshot
from ..text import one_line
from ..timestamps import MAX_AHEAD, is_ahead, utc_text
from .heartbeat_document import Heartbeat
from .heartbeat_refs import HEARTBEAT, HeartbeatRefs

SEQUENCE_FILE = "sequence.json"
_NEVER = datetime.min.replace(tzinfo=timezone.utc)
BRANCH_EVERY = 5
"""With ``both``, every fifth heartbeat is also published on the branch."""


def compose_heartbeat(
    host: Host,
    problems: list[str],
    interval: int,
    version: str,
    started_at: str | None = None,
    progress: dict[str, Any] | None = None,
    attention: Sequence[str] = (),
    sends_alerts: bool = False,
) -> Heartbeat:
    """Compose the next heartbeat of this server.

    It is signed if trusted keys are installed.

    :param problems: the problems of this machine: service, disk, clock, token and clone. It is healthy if there are
        none.
    :param interval: seconds until the next heartbeat.
    :param version: the version of this program.
    :param started_at: the start of this program, as text in UTC; None for now.
    :param progress: the progress of the mail, from :func:`.mail_progress`; None to publish nothing about it.
    :param attention: what its manager has to do, such as to read overdue mail.
    :param sends_alerts: whether this server can send alerts for the fleet.
    :raises InvalidInput: if this is the operator.
    :raises SigningFailed: if this server cannot sign.
    """
    host.require_server("heartbeat")
    now = utc_text(host.clock())
    found = {"problems": problems, "attention": attention}
    lines = {name: [one_line(text) for text in texts] for name, texts in found.items()}
    texts = apply_secret_policy(lines, host.repository.pat_file, host.repository.notes, REDACT)
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
        **({"attention": texts["attention"]} if attention else {}),
        **({} if progress is None else {"mail": progress}),
        **({"alerts": True} if sends_alerts else {}),
    }
    return Heartbeat(host.signed(beat, signatures.HEARTBEAT))


def publish_heartbeat(host: Host, beat: Heartbeat, publish: str = "ref") -> None:
    """Publish a heartbeat, and record its sequence number.

    :param publish: ``ref``: on the ref of the server; ``main``: on the branch, where the shell scripts read it;
        ``both``: on the ref, and every ``BRANCH_EVERY`` heartbeats also on the branch.
    :raises DuplicateIdentity: if another host publishes heartbeats with the id of this server.
    :raises RemoteError: if the remote did not accept it.
    """
    if publish != "main":
        with HeartbeatRefs(host) as beats:
            beats.publish(beat, host.clock())
    if publish == "main" or (publish == "both" and beat.sequence % BRANCH_EVERY == 0):
        files = {f"{host.id}/{HEARTBEAT}": new_document(beat.raw)}
        host.write(lambda _snapshot: Change(None, files, f"{host.id}: beat"))
    host.state.write_json(SEQUENCE_FILE, {"sequence": beat.sequence})


class ServerHeartbeat(NamedTuple):
    """The newest heartbeat of a server.

    :param verification: the verification of its sender.
    :param trusted: whether to trust it.
    :param problems: the reasons why heartbeats with the id of the server are not trusted.
    """

    beat: Heartbeat
    verification: Verification
    trusted: bool
    problems: list[str]


def read_heartbeats(host: Host, snapshot: Snapshot, fetch: bool = True) -> dict[str, ServerHeartbeat]:
    """Read the newest heartbeat of each server, from the refs and the branch.

    The shell scripts write heartbeats to the branch. A trusted heartbeat precedes a newer one that is not trusted.

    :param fetch: whether to fetch the refs; otherwise the refs of the last fetch are read.
    :return: the heartbeats by server id.
    :raises RemoteError: if the fetch fails.
    """
    with HeartbeatRefs(host) as beats:
        on_refs = beats.read() if fetch else beats.known()
    claims = [
        *_on_branch(host, snapshot),
        *((beat, server) for server, beat in on_refs.items() if is_server_id(server)),
    ]
    verifier = Verifier(host, signatures.HEARTBEAT, remember=False)
    verified = list(zip(claims, verifier.verify([(beat.raw, server) for beat, server in claims])))
    servers = {server for _beat, server in claims}
    return {
        server: _newest(host, server, [(b, v) for (b, owner), v in verified if owner == server]) for server in servers
    }


def newest_heartbeats(host: Host, snapshot: Snapshot, problems: list[str]) -> dict[str, ServerHeartbeat]:
    """Read the newest heartbeat of each server; those of the last fetch if the remote cannot be reached.

    :param problems: gets the reason why it cannot be reached, unless the snapshot is not fresh either.
    :raises RemoteError: if the remote rejects the fetch.
    """
    try:
        return read_heartbeats(host, snapshot, fetch=snapshot.fresh)
    except (RemoteUnreachable, DeadlineReached, Locked) as error:
        problems.append(str(error))
        return read_heartbeats(host, snapshot, fetch=False)


def _on_branch(host: Host, snapshot: Snapshot) -> Iterator[tuple[Heartbeat, str]]:
    """Yield the heartbeats on the branch with the ids of their servers.

    A damaged heartbeat becomes a note.
    """
    for server in filter(is_server_id, snapshot.names()):
        try:
            document = snapshot.load_object(f"{server}/{HEARTBEAT}")
        except DocumentDamaged as error:
            host.repository.notes.append(f"{error.path}, line {error.line}: {error.reason}. It is ignored.")
            continue
        if document:
            yield Heartbeat(document.value), server


def _newest(host: Host, server: str, verified: list[tuple[Heartbeat, Verification]]) -> ServerHeartbeat:
    """Return the newest heartbeat of a server, with the problems of all.

    A trusted heartbeat precedes a newer one that is not trusted.
    """
    rejections = [_rejection(host, beat, verification) for beat, verification in verified]
    trusted = [
        is_trusted(host, server, verification) and not rejection
        for (_beat, verification), rejection in zip(verified, rejections)
    ]
    newest = max(range(len(verified)), key=lambda index: (trusted[index], verified[index][0].sent_at or _NEVER))
    beat, verification = verified[newest]
    problems = [f"a heartbeat in its name is not trusted: {reason}" for reason in rejections if reason]
    if not problems and not trusted[newest]:
        problems = [f"its heartbeat is not trusted: {verification.reason}"]
    return ServerHeartbeat(beat, verification, trusted[newest], problems)


def _rejection(host: Host, beat: Heartbeat, verification: Verification) -> str:
    """Return why a heartbeat is rejected; empty if it is not.

    A missing signature is not considered.

    The key must be valid now, not only at the timestamp: an expired key may have been stolen.
    """
    now = host.clock()
    if verification.verified == FALSE:
        return verification.reason
    if verification.signer and not verification.signer.is_valid(now):
        return f"{verification.reason}, with a key that is not valid now"
    if is_ahead(beat.sent_at, now):
        minutes = f"{MAX_AHEAD.total_seconds() / 60:.0f}"
        return f"{verification.reason}, dated more than {minutes} minutes ahead of the clock of this host"
    return ""
