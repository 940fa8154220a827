"""Waiting for conditions in tests."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")

LIMIT = 600
"""Seconds after which a wait or a command counts as hung: more than even a very busy machine needs."""


def until(condition: Callable[[], T], what: str) -> T:
    """Wait until a condition holds, and return its value.

    The longer it waits, the less often it calls the condition, so that long waits use little CPU time.

    :param condition: is called until it returns a true value.
    :param what: what is missing if it never does, for the error.
    :raises AssertionError: if it did not within the limit.
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
