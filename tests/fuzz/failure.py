"""What the fuzzer is looking for."""

from __future__ import annotations


class Violation(AssertionError):
    """A promise that the code under test has broken."""


class Hang(BaseException):
    """An example takes too long. Like KeyboardInterrupt, it is no error that anything on the way may handle."""


class Refused(Exception):
    """The code under test has refused an example, as it may; ``size`` is that of the example in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size
