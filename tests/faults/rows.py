"""The rows of the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.acs.builders.tests.faults.world import World


def _always() -> str:
    return ""


@dataclass(frozen=True)
class Row:
    """A kind of fault.

    :param name: its name, in the report and for ``--row``.
    :param run: injects it in a world; the second parameter is the length: 1 for a full run, 0.1 for a tenth of it.
    :param cannot: returns why it cannot be injected on this machine; empty if it can.
    """

    name: str
    run: Callable[[World, float], None]
    cannot: Callable[[], str] = _always


def rounds(length: float, full: int) -> range:
    """Return the rounds of a row, at least one.

    :param full: the number of rounds in a full run.
    """
    return range(max(1, round(full * length)))
