# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cycle of the service, and the looks between two cycles.

A cycle reads the repository, handles new mail, delivers the outbox and publishes a heartbeat. A look asks the remote
for its newest commit, and handles new mail.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from ..coordination import __version__
from ..coordination.builds.job import close as close_job
from ..coordination.delivery.deliver import deliver_waiting
from ..coordination.delivery.outbox import Outbox
from ..coordination.errors import (
    CoordinationError,
    Locked,
    RemoteMissing,
    RemoteUnreachable,
    StateUnusable,
    explain,
)
from ..coordination.identity.config import ARCHIVE_OFF, Config
from ..coordination.identity.host import Host
from ..coordination.mail.mailbox import readable_messages
from ..coordination.mail.message import Message
from ..coordination.monitoring.health import look_at_health
from ..coordination.monitoring.heartbeat import compose_heartbeat, publish_heartbeat
from ..coordination.monitoring.mail_progress import mail_progress
from ..coordination.monitoring.own_state import machine_problems, own_attention
from ..coordination.operations.archive import archive, archiving_notice
from ..coordination.operations.recover import withdrawal_notes
from ..coordination.store.snapshot import Snapshot
from ..coordination.timestamps import utc_now
from .alert_cycle import AlertCycle
from .login import write_failure, write_summary
from .look_interval import look_interval
from .new_mail import NewMail
from .notification import notify
from .service_log import ServiceLog

ARCHIVE_EVERY = 3600
"""Seconds between two runs of the archiving, which moves messages that are days old."""


class Observation(NamedTuple):
    """The result of a read of the repository.

    :param health: the health of the fleet.
    :param mailbox: the messages of the mailbox; None if it is damaged.
    :param commit: the commit that was read; None if the branch is empty.
    :param fresh: whether the remote was reached.
    """

    health: dict[str, Any]
    mailbox: list[Message] | None
    commit: str | None
    fresh: bool


@dataclass
class Cycle:
    """The cycles and looks of the service, and the state between two of them.

    :param config: the configuration.
    :param log: the log of the service.
    :param started_at: the start of the service, as text in UTC.
    :param interval: seconds until the next cycle; each cycle updates it.
    """

    config: Config
    log: ServiceLog
    started_at: str
    interval: int
    _mail: NewMail = field(init=False)
    _alerts: AlertCycle | None = field(init=False)
    _servers: int = field(default=0, init=False)
    _failures: int = field(default=0, init=False)
    _is_delivering: bool = field(default=False, init=False)
    _clone_commit: str | None = field(default=None, init=False)
    _clone_problem: str = field(default="", init=False)
    _next_archive: float = field(default=0, init=False)
    _archive_failed: str = field(default="", init=False)
    _archive_notice: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._mail = NewMail(self.config.log_folder)
        self._alerts = AlertCycle(self.config) if self.config.alerts else None

    def run(self) -> None:
        """Run one cycle.

        :raises Exception: if no heartbeat was published.
        """
        problems: dict[str, str] = {}
        self._failures += 1
        try:
            with self._host() as host:
                try:
                    self._beat(host, problems)
                except CoordinationError as error:
                    with contextlib.suppress(StateUnusable):
                        write_failure(host, f"No heartbeat: {error}")
                    raise
        except Exception as error:
            if self._alerts:
                self._alerts.lost_sight()
            problems[f"beat {type(error).__name__}"] = f"No heartbeat: {explain(error)}"
            raise
        finally:
            self.log.problems(problems, utc_now())
        self._failures = 0

    def look(self) -> None:
        """Handle new mail if the branch of the remote has moved, and deliver the outbox.

        The next cycle does the same and reports a failure, so it is only counted here.
        """
        self._failures += 1
        with contextlib.suppress(Exception), self._host() as host:
            tip = host.repository.remote_tip()
            notify("WATCHDOG=1")
            if not self._mail.is_handled(host, tip) and not host.repository.read_at(tip, partial(self._handle, host)):
                return
            notify("WATCHDOG=1")
            deliver_waiting(host)
            self._is_delivering = bool(Outbox(host.state).read().items)
            if not self._is_delivering:
                self._failures = 0

    def look_interval(self, someone_waits: bool) -> float:
        """Return the seconds until the next look.

        :param someone_waits: whether a process of this server waits for mail.
        """
        until = self._mail.expected_until
        is_expected = until is not None and utc_now() < until
        return look_interval(
            self._servers, someone_waits or self._is_delivering or is_expected, self._failures, self.interval
        )

    def _handle(self, host: Host, snapshot: Snapshot) -> bool:
        """Handle the mail of a snapshot, and return whether it is fresh and was handled."""
        return not self._mail.handle(host, snapshot.commit, readable_messages(snapshot)) and snapshot.fresh

    @contextlib.contextmanager
    def _host(self) -> Iterator[Host]:
        """Open this host, and log its notes at the end."""
        with self.config.host() as host:
            self._servers = len(host.fleet.ids())
            try:
                yield host
            finally:
                for note in [*host.repository.notes, *withdrawal_notes(host)]:
                    if note != host.repository.away:  # it is part of an error
                        self.log.once(note, host.clock())

    def _beat(self, host: Host, problems: dict[str, str]) -> None:
        """Publish a heartbeat, and collect the problems of this host.

        The problems are added to ``problems``, each under a constant name.
        """
        self.interval = heartbeat_interval(self.config, self._servers)
        observed = host.repository.read(lambda snapshot: self._observe(host, snapshot))
        if self.log.error:
            problems["log"] = self.log.error
        mail_problem = self._mail.handle(host, observed.commit, observed.mailbox)
        if mail_problem:
            problems["mail"] = mail_problem
        if not observed.fresh:
            raise RemoteUnreachable(host.repository.away, "The next cycle tries again.")
        notify("WATCHDOG=1")
        deliver_waiting(host)
        notify("WATCHDOG=1")
        self._announce_archiving(host)
        sends_alerts = self._collect_alerts(host, problems)
        progress, progress_problems = mail_progress(host, observed.mailbox)
        problems.update(("shown", problem) for problem in progress_problems)
        problems.update({"clone": self._clone_problem} if self._clone_problem else {})
        machine = machine_problems(host, observed.health["clock_difference_seconds"])
        attention = own_attention(host, observed.health["messages"]["overdue_mail"])
        found = [*machine.values(), *problems.values()]
        beat = compose_heartbeat(
            host, found, self.interval, __version__, self.started_at, progress, attention, sends_alerts=sends_alerts
        )
        publish_heartbeat(host, beat, self.config.publish)
        self.log.write("Heartbeat updated", host.clock())
        notify("WATCHDOG=1")
        self._send_alerts(host, observed, beat.problems, problems)
        self._update_clone(host, observed.commit, problems)
        try:
            close_job(host)
        except (CoordinationError, OSError) as error:
            problems["job"] = f"The result of a job cannot be published: {explain(error)}"
        notify("WATCHDOG=1")
        self._archive(host, problems)
        try:
            notices = [self._archive_notice] if self._archive_notice else []
            reported = [*attention, *machine.values(), *problems.values(), *notices]
            service = [
                text for name, text in problems.items() if name != "archive"
            ]  # the health names a damaged document
            write_summary(host, observed.health, reported, service, self.interval)
        except StateUnusable as error:
            problems["state"] = error.what
        problems.update(machine)

    def _observe(self, host: Host, snapshot: Snapshot) -> Observation:
        health = look_at_health(host, snapshot, self.config.reply_deadline, keep=True)
        return Observation(health, readable_messages(snapshot), snapshot.commit, snapshot.fresh)

    def _collect_alerts(self, host: Host, problems: dict[str, str]) -> bool:
        """Add the problems of sending alerts, and return whether this server can send alerts."""
        if self._alerts is None:
            return False
        try:
            problems.update(self._alerts.collect(host))
        except CoordinationError as error:
            problems["alerts"] = f"No alerts are sent: {error}"
        return self._alerts.has_ways

    def _send_alerts(
        self, host: Host, observed: Observation, own_problems: list[str], problems: dict[str, str]
    ) -> None:
        """Send alerts about what has changed. A failure becomes a problem, and the next cycle tries again."""
        if self._alerts:
            try:
                self._alerts.run(host, observed.health, observed.mailbox, own_problems)
            except (CoordinationError, OSError) as error:
                problems["alerts"] = f"Alerts are not sent: {explain(error)}"
            notify("WATCHDOG=1")

    def _announce_archiving(self, host: Host) -> None:
        """Announce the first archiving of this server a day before it."""
        if self.config.archive == ARCHIVE_OFF or time.monotonic() < self._next_archive:
            return
        try:
            self._archive_notice = archiving_notice(host)
        except CoordinationError as error:
            self._archive_notice = f"Nothing is archived: {error}"
        if self._archive_notice:
            self._next_archive = time.monotonic() + ARCHIVE_EVERY
            host.repository.notes.append(self._archive_notice)

    def _archive(self, host: Host, problems: dict[str, str]) -> None:
        """Archive messages every ``ARCHIVE_EVERY`` seconds.

        A failure remains a problem until the next success.
        """
        if self.config.archive != ARCHIVE_OFF and time.monotonic() >= self._next_archive:
            self._next_archive = time.monotonic() + ARCHIVE_EVERY
            self._archive_failed = ""
            try:
                moved = archive(host).result
                if moved:
                    self.log.write(f"{len(moved)} message{'s' * (len(moved) != 1)} archived", host.clock())
            except (RemoteMissing, RemoteUnreachable):
                self._next_archive = 0  # the next cycle tries again, and reports the remote if it is still away
            except (CoordinationError, OSError) as error:
                self._archive_failed = (
                    f"Messages cannot be archived; the service tries again in an hour: {explain(error)}"
                )
        if self._archive_failed:
            problems["archive"] = self._archive_failed

    def _update_clone(self, host: Host, commit: str | None, problems: dict[str, str]) -> None:
        """Update the clone. A failure remains a problem until the next success, so that the next heartbeat has it."""
        if commit is None or commit == self._clone_commit:
            return
        try:
            notes = host.repository.update_clone(commit, host.id)
            self._clone_problem = " ".join(notes)
        except Locked as error:
            notes = [str(error)]
        self._clone_commit = None if notes else commit
        problems.pop("clone", None)
        problems.update({"clone": " ".join(notes)} if notes else {})


def heartbeat_interval(config: Config, servers: int) -> int:
    """Return the seconds between two heartbeats.

    A fleet whose heartbeats would exceed the push budget gets more than the configured seconds.

    :param servers: the number of servers in the fleet.
    """
    return max(config.interval, math.ceil(60 * servers / config.push_budget))
