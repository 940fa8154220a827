# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cycle of the service: look at the repository, write down what is new, beat."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..coordination import __version__
from ..coordination.builds.job import close as close_job
from ..coordination.delivery.deliver import deliver_waiting
from ..coordination.delivery.outbox import Outbox
from ..coordination.errors import (
    CoordinationError,
    DocumentDamaged,
    Locked,
    RemoteMissing,
    RemoteUnreachable,
    StateUnusable,
    explain,
)
from ..coordination.identity.host import Host
from ..coordination.mail.mailbox import read_mailbox
from ..coordination.monitoring.health import look_at_health, overdue_mail
from ..coordination.monitoring.heartbeat import compose_heartbeat, publish_heartbeat
from ..coordination.operations.archive import archive, first_notice
from ..coordination.operations.recover import withdrawal_notes
from ..coordination.store.snapshot import Snapshot
from ..coordination.timestamps import utc_now
from .config import ARCHIVE_OFF, Config
from .login import write_failure, write_summary
from .mail_log import log_new_mail
from .notification import notify
from .service_log import ServiceLog

ARCHIVE_EVERY = 3600
"""Seconds between two looks for messages that can be archived. They are days old by then: it never hurries."""


class Seen(NamedTuple):
    """What a look at the repository told."""

    health: dict[str, Any]
    mailbox: list[dict[str, Any]] | None
    commit: str | None
    fresh: bool


@dataclass
class Cycle:
    """What the service carries from one cycle to the next.

    :param started_at: when the service started, in UTC.
    :param interval: seconds until the next cycle, as the last one found it.
    """

    config: Config
    log: ServiceLog
    started_at: str
    interval: int
    _clone_at: str | None = field(default=None, init=False)
    _archive_at: float = field(default=0, init=False)
    _archive_failed: str = field(default="", init=False)
    _archive_notice: str = field(default="", init=False)

    def run(self) -> None:
        """Look, write down what is new, and beat.

        :raises Exception: when there was no beat, for whatever reason.
        """
        problems: dict[str, str] = {}
        try:
            with self.config.host() as host:
                try:
                    self._beat(host, problems)
                except CoordinationError as error:
                    with contextlib.suppress(StateUnusable):
                        write_failure(host, f"No heartbeat: {error}")
                    raise
                finally:
                    for note in [*host.repository.notes, *withdrawal_notes(host)]:
                        self.log.once(note, host.clock())
        except Exception as error:
            problems[f"beat {type(error).__name__}"] = f"No heartbeat: {explain(error)}"
            raise
        finally:
            self.log.problems(problems, utc_now())

    def _beat(self, host: Host, problems: dict[str, str]) -> None:
        """Beat, and add to ``problems`` what is wrong on this host, each under a name that stays the same."""
        self.interval = beat_interval(self.config, len(host.fleet.ids()))
        seen = host.repository.read(lambda snapshot: self._look(host, snapshot))
        self._write_down(host, seen, problems)
        if not seen.fresh:
            host.repository.notes.remove(host.repository.away)
            raise RemoteUnreachable(host.repository.away, "The next beat is tried as usual.")
        notify("WATCHDOG=1")
        waiting = self._deliver(host)
        notify("WATCHDOG=1")
        self._announce_archiving(host)
        own = [*overdue_mail(seen.health), *waiting, *problems.values()]
        beat = compose_heartbeat(host, own, self.interval, __version__, self.started_at)
        publish_heartbeat(host, beat, self.config.publish)
        self.log.write("Heartbeat updated", host.clock())
        notify("WATCHDOG=1")
        self._update_clone(host, seen.commit, problems)
        try:
            close_job(host)
        except (CoordinationError, OSError) as error:
            problems["job"] = f"The end of a job could not be published: {explain(error)}"
        notify("WATCHDOG=1")
        self._archive(host, problems)
        try:
            notices = [self._archive_notice] if self._archive_notice else []
            write_summary(host, seen.health, [*waiting, *problems.values(), *notices], self.interval)
        except StateUnusable as error:
            problems["state"] = error.what

    def _look(self, host: Host, snapshot: Snapshot) -> Seen:
        mailbox = None
        with contextlib.suppress(DocumentDamaged):
            mailbox = read_mailbox(snapshot).entries
        health = look_at_health(host, snapshot, self.config.reply_deadline)
        return Seen(health, mailbox, snapshot.commit, snapshot.fresh)

    def _write_down(self, host: Host, seen: Seen, problems: dict[str, str]) -> None:
        path = Path(self.config.log_folder, f"build-messages-{host.id}.log")
        if self.log.error:
            problems["log"] = self.log.error
        try:
            if seen.mailbox is not None:
                log_new_mail(host, seen.mailbox, path)
        except StateUnusable as error:
            problems["mail log"] = error.what
        except OSError as error:
            problems["mail log"] = f"{path} cannot be written ({error.strerror})"

    def _deliver(self, host: Host) -> list[str]:
        """Deliver what waits in the outbox, and tell what is wrong with it."""
        deliver_waiting(host)
        return Outbox(host.state).read().problems(host.clock())

    def _announce_archiving(self, host: Host) -> None:
        """Tell what will be archived here for the first time, a day before; until then nothing is."""
        if self.config.archive == ARCHIVE_OFF or time.monotonic() < self._archive_at:
            return
        try:
            self._archive_notice = first_notice(host)
        except CoordinationError as error:
            self._archive_notice = f"Nothing is archived: {error}"
        if self._archive_notice:
            self._archive_at = time.monotonic() + ARCHIVE_EVERY
            host.repository.notes.append(self._archive_notice)

    def _archive(self, host: Host, problems: dict[str, str]) -> None:
        """Archive what is done with, once in a while; that it failed is told until it succeeds."""
        if self.config.archive != ARCHIVE_OFF and time.monotonic() >= self._archive_at:
            self._archive_at = time.monotonic() + ARCHIVE_EVERY
            self._archive_failed = ""
            try:
                moved = archive(host).result
                if moved:
                    self.log.write(f"{len(moved)} message{'s' * (len(moved) != 1)} archived", host.clock())
            except (RemoteMissing, RemoteUnreachable):
                self._archive_at = 0  # the next beat tells of it, if it lasts
            except (CoordinationError, OSError) as error:
                self._archive_failed = (
                    f"Messages could not be archived, which is tried again in an hour: {explain(error)}"
                )
        if self._archive_failed:
            problems["archive"] = self._archive_failed

    def _update_clone(self, host: Host, commit: str | None, problems: dict[str, str]) -> None:
        if commit is None or commit == self._clone_at:
            return
        try:
            notes = host.repository.update_clone(commit)
        except Locked as error:
            notes = [error.what]
        self._clone_at = None if notes else commit
        if notes:
            problems["clone"] = " ".join(notes)


def beat_interval(config: Config, servers: int) -> int:
    """Seconds between two beats: as configured, or longer when the fleet's beats would exceed the push budget."""
    return max(config.interval, math.ceil(60 * servers / config.push_budget))
