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
from typing import Any

from ..coordination.errors import CloneInvalid, CoordinationError
from ..coordination.host import utc_now
from ..coordination.messages import utc_text
from ..coordination.printable import one_line
from .config import Config
from .cycle import Cycle
from .notification import check_notification, notify
from .service_log import ServiceLog

JITTER = 0.1
"""The part of an interval by which a beat comes earlier or later, so that the servers do not beat in step."""


class Stopped(BaseException):
    """The service was told to stop. Like KeyboardInterrupt, it is no error that anything on the way may handle."""


def run(config: Config, once: bool = False) -> int:
    """Beat until SIGTERM or SIGINT, or once; return the exit code.

    :raises CoordinationError: when this host cannot beat at all or, with ``once``, did not.
    """
    check_notification()
    with config.host() as host:
        log = ServiceLog(Path(config.log_folder, f"heartbeat-{host.id}.log"))
    cycle = Cycle(config, log, utc_text(utc_now()), config.interval)
    if once:
        cycle.run()
        return 0
    stopping = threading.Event()

    def stop(_number: int, _frame: Any) -> None:
        stopping.set()
        raise Stopped

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        notify("READY=1", "STATUS=Started")
        while not stopping.is_set():
            notify("WATCHDOG=1", f"STATUS={_try(cycle)}")
            _wait(cycle.interval * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 (no secret)
    except Stopped:
        pass
    notify("STOPPING=1")
    return 0


def _try(cycle: Cycle) -> str:
    """Run a cycle and tell how it went.

    :raises CloneInvalid: when there is no clone: it may have been replaced, and a new start sees the new one.
    """
    try:
        cycle.run()
    except CloneInvalid:
        raise
    except (CoordinationError, OSError) as error:
        return one_line(f"No heartbeat: {error}")
    return f"Last beat at {utc_text(utc_now())}"


def _wait(seconds: float) -> None:
    """Sleep, telling systemd's watchdog in time that this is no hang."""
    slice_seconds = int(os.environ.get("WATCHDOG_USEC", 120_000_000)) / 3_000_000
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, slice_seconds))
        notify("WATCHDOG=1")
