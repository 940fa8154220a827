# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat service, which runs cycles and looks until it receives SIGTERM or SIGINT."""

from __future__ import annotations

import contextlib
import os
import random
import time
from pathlib import Path
from typing import Callable

from ..coordination.errors import CloneInvalid, CoordinationError, StateUnusable, explain
from ..coordination.identity.config import Config
from ..coordination.identity.host import ACTIVITY_FILE
from ..coordination.mail.waiting import running_service, someone_waits
from ..coordination.state_dir import StateDirectory, Version
from ..coordination.text import one_line
from ..coordination.timestamps import utc_now, utc_text
from .cycle import Cycle
from .look_interval import JITTER as LOOK_JITTER
from .notification import notify
from .service_log import ServiceLog
from .signals import Signals, Stopped

JITTER = 0.1
"""The fraction of the interval by which a cycle is randomly earlier or later, so that servers do not push at once."""
POLL = 1
"""Seconds between two tests whether to look at once."""


class Calls:
    """What makes the service look at once: a process that waits for mail, or activity of the manager.

    :param state: the state directory of this server.
    """

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        self._answered = self._current()

    @property
    def someone_waits(self) -> bool:
        """Whether a process waited for mail at the last call of :meth:`answer`."""
        return self._answered[0]

    def answer(self) -> None:
        """Remember what a look that begins now takes into account."""
        self._answered = self._current()

    def is_new(self) -> bool:
        """Return whether a process waits, or the manager was active, since the last :meth:`answer`."""
        waits, activity = self._current()
        return (waits and not self.someone_waits) or activity != self._answered[1]

    def _current(self) -> tuple[bool, Version | None]:
        with contextlib.suppress(StateUnusable):  # the next cycle reports it
            return someone_waits(self._state), self._state.version(ACTIVITY_FILE)
        return False, None


def run(config: Config, once: bool = False) -> int:
    """Run cycles and looks until SIGTERM or SIGINT, or one cycle.

    SIGHUP starts the next cycle at once.

    :param once: whether to run one cycle only.
    :return: the exit code.
    :raises CoordinationError: if this host cannot be opened or, with ``once``, no heartbeat was published.
    """
    if once:
        _open(config).run()
        return 0
    signals = Signals()
    try:
        try:
            with running_service(StateDirectory(config.state_dir)):
                _run_cycles(config, signals)
        except CoordinationError as error:
            # systemd restarts the service; the wait limits the rate of restarts.
            notify("READY=1", f"STATUS={one_line(error.what)}")
            _wait(config.interval, signals)
            raise
    except Stopped:
        pass
    notify("STOPPING=1")
    return 0


def _open(config: Config) -> Cycle:
    with config.host() as host:
        host.require_server("heartbeat")
        log = ServiceLog(Path(config.log_folder, f"heartbeat-{host.id}.log"))
    return Cycle(config, log, utc_text(utc_now()), config.interval)


def _run_cycles(config: Config, signals: Signals) -> None:
    cycle = _open(config)
    notify("READY=1", "STATUS=Started")
    calls = Calls(StateDirectory(config.state_dir))
    while not signals.is_stopped:
        started = time.monotonic()
        calls.answer()
        notify("WATCHDOG=1", f"STATUS={_run_cycle(cycle)}")
        _look_until(time.monotonic() + _varied(cycle.interval, JITTER), cycle, started, calls, signals)


def _look_until(end: float, cycle: Cycle, last: float, calls: Calls, signals: Signals) -> None:
    """Look for mail until the next cycle.

    :param end: the time of the next cycle, by ``time.monotonic()``.
    :param last: the time of the last look.
    :param signals: SIGHUP starts the next cycle at once.
    """
    while True:
        due = last + _varied(cycle.look_interval(calls.someone_waits), LOOK_JITTER)
        _wait(min(due, end) - time.monotonic(), signals, calls.is_new)
        if signals.wait(0) or time.monotonic() >= end:
            signals.clear()
            return
        last = time.monotonic()
        calls.answer()
        cycle.look()
        notify("WATCHDOG=1")


def _varied(seconds: float, jitter: float) -> float:
    return seconds * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 (no secret)


def _run_cycle(cycle: Cycle) -> str:
    """Run one cycle, and return its result for the status line of systemd.

    :raises CloneInvalid: if the clone is missing; after a restart the service opens a new clone.
    """
    try:
        cycle.run()
    except CloneInvalid:
        raise
    except Exception as error:  # an unexpected error must not end the service
        return one_line(f"No heartbeat: {explain(error)}")
    return f"Last heartbeat at {utc_text(utc_now())}"


def _wait(seconds: float, signals: Signals, is_called: Callable[[], bool] = bool) -> None:
    """Wait for a time, SIGHUP or a condition, which is tested every ``POLL`` seconds.

    The watchdog of systemd is notified meanwhile (sd_watchdog_enabled(3)).
    """
    slice_seconds = int(os.environ.get("WATCHDOG_USEC", 120_000_000)) / 3_000_000
    notified = time.monotonic()
    end = notified + seconds
    while (left := end - time.monotonic()) > 0 and not signals.wait(min(left, slice_seconds, POLL)) and not is_called():
        if time.monotonic() - notified >= slice_seconds:
            notify("WATCHDOG=1")
            notified = time.monotonic()
