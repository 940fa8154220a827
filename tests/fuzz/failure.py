"""The failures that the fuzzer looks for."""

from __future__ import annotations


class Violation(AssertionError):
    """A violation of a guarantee by the code under test."""


class Hang(BaseException):
    """An example takes too long. As with KeyboardInterrupt, handlers of Exception do not catch it."""


class Refused(Exception):
    """The code under test has refused an example, which is allowed; ``size`` is the size of the example in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size
