"""Concurrent function calls in forked processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Callable, TypeVar

T = TypeVar("T")


def in_forks(number: int, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> list[T]:
    """Call a function in forks of this process.

    :param number: the number of forks.
    :param calls: the arguments of each call.
    :returns: the results, in the order of the calls.
    :raises Exception: the error of a call; BrokenProcessPool, with its text, if the error cannot be pickled.
    """
    with ProcessPoolExecutor(number, mp_context=multiprocessing.get_context("fork")) as pool:
        return list(pool.map(function, *zip(*calls)))
