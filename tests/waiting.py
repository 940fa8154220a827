"""Waiting for conditions in tests."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")

LIMIT = 600
"""Seconds after which a wait or a command counts as hung. No machine that still runs, however busy, needs as many."""


def until(condition: Callable[[], T], what: str) -> T:
    """Wait until a condition holds, and return what it returned.

    The longer it waits, the less often it asks, so that long waits leave the processor to what they wait for.

    :param condition: is called until it returns something true.
    :param what: what is missing when it never does.
    :raises AssertionError: when it did not within the limit.
    """
    begin = time.monotonic()
    while True:
        found = condition()
        if found:
            return found
        waited = time.monotonic() - begin
        if waited > LIMIT:
            raise AssertionError(f"{what} within {LIMIT} s")
        time.sleep(min(max(0.02, waited / 50), 0.5))
