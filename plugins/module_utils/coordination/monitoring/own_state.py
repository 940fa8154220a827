# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of this server itself, as it is now: the problems of its machine, and what its manager has to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..delivery.outbox import Outbox
from ..errors import StateUnusable
from ..identity.host import Host
from ..machine import free_space
from ..mail.activation import activation_problems
from ..mail.waiting import service_runs
from ..secrets import token_file
from ..text import short
from ..timestamps import MAX_AHEAD, duration

SUMMARY_FILE = "summary.json"
"""The record of the last cycle of the service. ``service`` in it are the problems that only the service knows."""
MIN_FREE = 500_000_000
"""The free bytes that the file systems with the state and the clone need at least."""


def machine_problems(host: Host, clock_difference: float | None) -> dict[str, str]:
    """Return the problems of the disk, the token file and the clock, each under a constant name.

    :param clock_difference: seconds, from :func:`.clocks.clock_difference`.
    """
    return {**dict(_disk(host)), **dict(_token(host)), **dict(_clock(clock_difference))}


def service_problems(host: Host) -> list[str]:
    """Return the problems that the service has found in its last cycle, none if it does not run."""
    try:
        known = service_runs(host.state) and host.state.read(SUMMARY_FILE, lambda record: record.get("service"))
    except StateUnusable as error:
        return [str(error)]
    return list(map(str, known)) if isinstance(known, list) else []


def own_attention(host: Host, overdue: list[dict[str, Any]]) -> list[str]:
    """Return what the manager of this server has to do.

    :param overdue: the overdue messages to this server, from :func:`.mail_health.look_at_mail`.
    :raises StateUnusable: if the outbox cannot be read.
    """
    waiting = Outbox(host.state).read().problems(host.clock())
    try:
        return [*overdue_mail(overdue), *waiting, *activation_problems(host.state)]
    except StateUnusable as error:
        return [*overdue_mail(overdue), *waiting, str(error)]


def overdue_mail(overdue: list[dict[str, Any]]) -> list[str]:
    """Return a sentence about overdue messages; the list is empty if there are none."""
    if not overdue:
        return []
    number = "1 message is" if len(overdue) == 1 else f"{len(overdue)} messages are"
    sender, message_id = (short(overdue[0][name]) for name in ("from", "id"))
    seconds = overdue[0]["age_seconds"]
    since = "" if seconds is None else f" for {duration(seconds)}"
    oldest = f"the oldest from {sender}{since} ({message_id})"
    return [f"{number} unread for too long, {oldest}. Read and answer: builderctl read"]


def _disk(host: Host) -> Iterator[tuple[str, str]]:
    seen = set()
    for path in ("/", str(host.state.path), host.repository.clone):
        space = free_space(path)
        if space and space.device not in seen and space.free < MIN_FREE:
            left = f"{space.free / 10**6:.0f} MB"
            remedy = f"Free space there; the largest folders: du -x {path} | sort -n | tail"
            yield f"disk {path}", f"The file system of {path} has only {left} left. {remedy}"
        seen.add(space and space.device)


def _token(host: Host) -> Iterator[tuple[str, str]]:
    if host.repository.url.startswith(("http://", "https://")):
        for number, problem in enumerate(token_file.problems(host.repository.pat_file)):
            yield f"token {number}", problem


def _clock(difference: float | None) -> Iterator[tuple[str, str]]:
    if difference is not None and abs(difference) > MAX_AHEAD.total_seconds():
        direction = "behind" if difference < 0 else "ahead of"
        text = f"Its clock is {duration(abs(difference))} {direction} those of the other servers."
        yield "clock", f"{text} Compare: timedatectl"
