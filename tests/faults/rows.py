"""What a row of the report is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.acs.builders.tests.faults.world import World


def _always() -> str:
    return ""


@dataclass(frozen=True)
class Row:
    """A kind of fault.

    :param name: what it is, for people and for ``--row``.
    :param run: injects it in a world; the second parameter says how much: 1 is a full run, 0.1 a short look.
    :param cannot: why it cannot be injected on this machine, empty when it can.
    """

    name: str
    run: Callable[[World, float], None]
    cannot: Callable[[], str] = _always


def rounds(length: float, full: int) -> range:
    """The rounds of a row, at least one.

    :param full: how many there are in a full run.
    """
    return range(max(1, round(full * length)))
