"""Functions that several processes call at the same time, each as a process of its own would."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Callable, TypeVar

T = TypeVar("T")


def in_forks(number: int, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> list[T]:
    """Call a function in forks of this process.

    :param number: how many forks there are.
    :param calls: the arguments of each call.
    :returns: what the calls returned, in their order.
    :raises Exception: what a call raised; BrokenProcessPool, with its text, where the error cannot be passed on.
    """
    with ProcessPoolExecutor(number, mp_context=multiprocessing.get_context("fork")) as pool:
        return list(pool.map(function, *zip(*calls)))
