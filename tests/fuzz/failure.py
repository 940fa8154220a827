"""What the fuzzer is looking for."""

from __future__ import annotations


class Violation(AssertionError):
    """A promise that the code under test has broken."""


class Hang(BaseException):
    """An example takes too long. Like KeyboardInterrupt, it is no error that anything on the way may handle."""
