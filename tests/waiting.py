"""Waiting for conditions in tests."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")

LIMIT = 600
"""Seconds after which a wait or a command counts as hung. No machine that still runs, however busy, needs as many."""


def until(condition: Callable[[], T], what: str) -> T:
    """Wait until a condition holds, and return what it returned.

    :param condition: is called until it returns something true.
    :param what: what is missing when it never does.
    :raises AssertionError: when it did not within the limit.
    """
    deadline = time.monotonic() + LIMIT
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} within {LIMIT} s")
        time.sleep(0.02)
