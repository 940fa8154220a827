"""Running targets with examples that Hypothesis generates from a seed, within limits of time and memory."""

from __future__ import annotations

import hashlib
import signal
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError
from ansible_collections.acs.builders.tests.fuzz.failure import Hang, Refused, Violation
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

CPU_LIMIT = 10.0
WALL_LIMIT = 600.0
"""Limits of CPU and wall-clock seconds for one example, which even a busy machine does not need. The examples are
small, so an operation that takes longer would not end with a large one."""
TRACING = 10
"""The factor of the CPU limit while memory is traced."""
MEMORY_BASE = 24_000_000
MEMORY_FACTOR = 200
"""The limit of memory for an example: a number of bytes, and a multiple of the size of its input."""
MEASURED_EVERY = 16
"""The number of examples of which one has its memory measured; large ones are always measured."""
LARGE = 200_000
"""Bytes of a large example."""
ROUND = 25
"""Examples of one round, which has its own seed, so that it can be repeated alone."""
SHRINKING = 15.0
"""Seconds for shrinking a failing example."""


class Target(NamedTuple):
    """A target of the fuzzer.

    :param run: runs an example and returns its size in bytes; a CoordinationError is no failure.
    :param show: returns an example as text for the report of a failure.
    """

    name: str
    examples: st.SearchStrategy[Any]
    run: Callable[[Any], int]
    show: Callable[[Any], str] = repr


@dataclass
class Result:
    """The result of a target: the numbers of examples and of refused ones, and the slowest and the largest example.

    :param slowest: the seconds of the slowest example.
    :param peak: the most bytes of memory that an example used.
    """

    name: str
    executions: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_example: str = ""
    peak: int = 0
    failure: str = ""
    example: str = ""
    failed_round: int | None = None


@dataclass
class _Budget:
    """The time for shrinking a failing example; after it, only examples that failed before are run."""

    until: float | None = None
    failed: set[str] = field(default_factory=set)

    def skips(self, example: Any) -> bool:
        """Return whether an example is skipped."""
        return self.until is not None and time.monotonic() > self.until and repr(example) not in self.failed

    def note(self, example: Any) -> None:
        """Record that an example failed."""
        self.until = self.until or time.monotonic() + SHRINKING
        self.failed.add(repr(example))


def run_target(target: Target, number: int, seconds: float, only: int | None = None, most: int | None = None) -> Result:
    """Run a target in rounds until its time has passed or an example fails.

    :param number: the seed.
    :param only: the only round to run, regardless of the time.
    :param most: the most rounds to run.
    """
    result = Result(target.name)
    started = time.monotonic()
    current = only or 0
    while True:
        _run_round(target, result, f"{number}/{target.name}/{current}")
        result.seconds = time.monotonic() - started
        if result.failure:
            result.failed_round = current
        current += 1
        if result.failure or only is not None or result.seconds >= seconds or current == most:
            return result


def _run_round(target: Target, result: Result, name: str) -> None:
    budget = _Budget()
    failing: list[Any] = []

    @seed(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    @settings(
        max_examples=ROUND,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(target.examples)
    def attempt(example: Any) -> None:
        if budget.skips(example):
            return
        try:
            _execute(target, result, example)
        except Exception:
            budget.note(example)
            failing[:] = [example]
            raise

    try:
        attempt()
    except Exception as error:
        result.failure = "".join(traceback.format_exception(type(error), error, error.__traceback__)[-30:])
        result.example = target.show(failing[0]) if failing else ""


def _execute(target: Target, result: Result, example: Any) -> None:
    measured = result.executions % MEASURED_EVERY == 0
    result.executions += 1
    seconds, size, peak = _measure(target, result, example, measured)
    if size > LARGE and not measured:
        _seconds, size, peak = _measure(target, result, example, True)
    result.peak = max(result.peak, peak)
    if seconds > result.slowest:
        result.slowest, result.slowest_example = seconds, target.show(example)
    if peak > MEMORY_BASE + MEMORY_FACTOR * size:
        raise Violation(f"an example of {size} bytes used {peak} bytes of memory")


def _measure(target: Target, result: Result, example: Any, memory: bool) -> tuple[float, int, int]:
    """Run an example and return its CPU seconds, its size in bytes and, if measured, its memory."""
    started = time.process_time()
    size = 0
    if memory:
        tracemalloc.start(1)
    try:
        with _limited(CPU_LIMIT * (TRACING if memory else 1)):
            size = target.run(example)
    except CoordinationError:
        result.refused += 1
    except Refused as refused:
        result.refused += 1
        size = refused.size
    except SystemExit as error:
        raise Violation(f"SystemExit: it ended the program with {error.code}") from error
    finally:
        peak = tracemalloc.get_traced_memory()[1] if memory else 0
        if memory:
            tracemalloc.stop()
    return time.process_time() - started, size, peak


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Limit the time of the context.

    :param seconds: the limit of CPU time.
    :raises Violation: if it took longer.
    """

    def stop(_number: int, _frame: Any) -> None:
        raise Hang

    before = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WALL_LIMIT)
    try:
        yield
    except Hang as error:
        raise Violation(f"it took more than {seconds:g} s of CPU time or {WALL_LIMIT:g} s") from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
