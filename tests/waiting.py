"""Waiting for conditions in tests."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")

NEVER = 30
"""Seconds after which what is waited for does not come."""


def until(condition: Callable[[], T], what: str, seconds: float = NEVER) -> T:
    """Wait until something holds, and return it.

    :param what: what is missing when it does not come.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} within {seconds} s")
