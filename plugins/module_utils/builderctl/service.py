# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The heartbeat service: beats until it is told to stop."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from ..coordination.errors import CloneInvalid, CoordinationError, explain
from ..coordination.text import one_line
from ..coordination.timestamps import utc_now, utc_text
from .config import Config
from .cycle import Cycle
from .notification import notify
from .service_log import ServiceLog

JITTER = 0.1
"""The part of an interval by which a beat comes earlier or later, so that the servers do not beat in step."""


class Stopped(BaseException):
    """The service was told to stop. Like KeyboardInterrupt, it is no error that anything on the way may handle."""


class Signals(NamedTuple):
    """What systemd has asked for: that the service stops, or that it beats at once."""

    stop: threading.Event
    beat: threading.Event


def run(config: Config, once: bool = False) -> int:
    """Beat until SIGTERM or SIGINT, or once; return the exit code. SIGHUP asks for a beat at once.

    :raises CoordinationError: when this host cannot beat at all or, with ``once``, did not.
    """
    if once:
        _open(config).run()
        return 0
    signals = _handle_signals()
    try:
        try:
            _beat_on(config, signals)
        except CoordinationError as error:
            # systemd starts the service again, and an interval between two starts is no flood.
            notify("READY=1", f"STATUS={one_line(error.what)}")
            _wait(config.interval, signals.beat)
            raise
    except Stopped:
        pass
    notify("STOPPING=1")
    return 0


def _open(config: Config) -> Cycle:
    with config.host() as host:
        log = ServiceLog(Path(config.log_folder, f"heartbeat-{host.id}.log"))
    return Cycle(config, log, utc_text(utc_now()), config.interval)


def _beat_on(config: Config, signals: Signals) -> None:
    cycle = _open(config)
    notify("READY=1", "STATUS=Started")
    while not signals.stop.is_set():
        notify("WATCHDOG=1", f"STATUS={_try(cycle)}")
        _wait(cycle.interval * random.uniform(1 - JITTER, 1 + JITTER), signals.beat)  # noqa: S311 (no secret)


def _handle_signals() -> Signals:
    signals = Signals(threading.Event(), threading.Event())

    def stop(_number: int, _frame: Any) -> None:
        signals.stop.set()
        raise Stopped

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, lambda _number, _frame: signals.beat.set())
    return signals


def _try(cycle: Cycle) -> str:
    """Run a cycle and tell how it went.

    :raises CloneInvalid: when there is no clone: it may have been replaced, and a new start sees the new one.
    """
    try:
        cycle.run()
    except CloneInvalid:
        raise
    except Exception as error:  # whatever it is, the next cycle may go well
        return one_line(f"No heartbeat: {explain(error)}")
    return f"Last beat at {utc_text(utc_now())}"


def _wait(seconds: float, beat: threading.Event) -> None:
    """Wait until the time is over or a beat is asked for, telling systemd's watchdog in time that this is no hang."""
    slice_seconds = int(os.environ.get("WATCHDOG_USEC", 120_000_000)) / 3_000_000
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not beat.wait(min(left, slice_seconds)):
        notify("WATCHDOG=1")
    beat.clear()
