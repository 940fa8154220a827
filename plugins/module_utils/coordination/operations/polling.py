# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until a condition is true."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[bool], T], timeout: float, pause: float) -> T:
    """Call a condition until its result is true, at least once.

    :param condition: gets whether this is the last call.
    :param timeout: the maximum wait in seconds.
    :param pause: seconds between two calls.
    :return: the last result of the condition.
    """
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        found = condition(left <= 0)
        if found or left <= 0:
            return found
        time.sleep(min(pause, left))
