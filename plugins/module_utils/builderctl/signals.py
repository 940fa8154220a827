# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signals that the service receives."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from types import FrameType


class Stopped(BaseException):
    """The service received a signal to stop.

    Like KeyboardInterrupt, it does not derive from Exception.
    """


class Signals:
    """The received signals. The handlers take no lock, because the code that they interrupt may hold it.

    :ivar is_stopped: whether SIGTERM or SIGINT was received.
    """

    def __init__(self) -> None:
        self.is_stopped = False
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._wake)

    def wait(self, seconds: float) -> bool:
        """Wait until a signal has been received since :meth:`clear`, and return whether one has.

        :param seconds: the maximum time.
        """
        return bool(select.select([self._reader], [], [], max(0.0, seconds))[0])

    def clear(self) -> None:
        """Forget that a signal was received."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._reader, select.PIPE_BUF):
                pass

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.is_stopped = True
        self._wake(number, frame)  # Python ignores an exception that is raised in a finalizer
        raise Stopped

    def _wake(self, _number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._writer, b"\0")
