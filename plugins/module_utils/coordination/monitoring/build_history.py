# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The past builds of all servers, from the versions of their statuses that this host knows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from ..documents.json_document import parse_object
from ..errors import DocumentDamaged
from ..identity import signatures
from ..identity.host import Host
from ..identity.verification import Verifier, is_trusted
from ..status.document import Status, status_path
from ..store.snapshot import Snapshot
from ..text import clean, short
from ..timestamps import parse_time, utc_text

MAX_COMMITS = 200
"""The number of commits, the newest ones that changed a status, whose builds are shown."""
TEXTS = ("id", "status", "branch", "commit", "reason")


def past_builds(host: Host, snapshot: Snapshot, servers: Iterable[str]) -> list[dict[str, Any]]:
    """Return the builds that have ended, the newest first. Statuses that are not trusted are left out.

    :return: for each build its ``server``, ``id``, ``status``, ``branch``, ``commit`` and ``reason`` as text, and
        ``started_at`` and ``completed_at``, times in UTC or empty.
    """
    found: dict[tuple[str, str, str], tuple[Status, dict[str, Any]]] = {}
    for server, status in _versions(snapshot, servers):
        build = _build(server, status.last_build or {})
        if build["completed_at"]:
            found.setdefault((server, build["id"], build["started_at"]), (status, build))
    claims = [(status.raw, build["server"]) for status, build in found.values()]
    verified = Verifier(host, signatures.STATUS).verify(claims)
    builds = [
        build
        for (_status, build), verification in zip(found.values(), verified)
        if is_trusted(host, build["server"], verification)
    ]
    return sorted(builds, key=lambda build: build["completed_at"], reverse=True)


def _versions(snapshot: Snapshot, servers: Iterable[str]) -> Iterator[tuple[str, Status]]:
    """Yield the known versions of the statuses of servers, for each server the newest first."""
    paths = {status_path(server): server for server in servers}
    for path, contents in snapshot.versions(list(paths), MAX_COMMITS).items():
        for data in contents:
            with contextlib.suppress(DocumentDamaged):
                yield paths[path], Status(parse_object(data, path).value)


def _build(server: str, build: dict[str, Any]) -> dict[str, Any]:
    times = {name: parse_time(build.get(name)) for name in ("started_at", "completed_at")}
    return {
        "server": server,
        **{name: short(str(clean(build.get(name)) or "")) for name in TEXTS},
        **{name: utc_text(when) if when else "" for name, when in times.items()},
    }
