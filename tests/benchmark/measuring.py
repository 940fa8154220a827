"""Comparative measurements: the sides take turns in one run, and the results are their ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, NamedTuple, TypeVar

T = TypeVar("T")

RATIO = "\u00d7"


@dataclass(frozen=True)
class Scale:
    """The size of a measurement.

    :param quick: whether it only has to show that it works.
    :param folder: an empty folder to work in.
    """

    folder: Path
    quick: bool = False

    def pick(self, full: T, quick: T) -> T:
        """Return one value for a full measurement, and another for a quick one."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Result:
    """One line of the table.

    :param name: what was measured.
    :param value: the ratio or count, in ``unit``.
    :param at_most: the upper goal, None if there is none.
    :param at_least: the lower goal, None if there is none.
    :param spread: the value's quartiles, in the same unit; None for a count.
    :param times: seconds of each action, by side.
    :param detail: further figures, by name, with their unit in the name.
    """

    name: str
    value: float
    unit: str = RATIO
    at_most: float | None = None
    at_least: float | None = None
    spread: tuple[float, float] | None = None
    times: Mapping[str, list[float]] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the goals are met; None if there are none."""
        if self.at_most is None and self.at_least is None:
            return None
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


class Row(NamedTuple):
    """A measurement: its name, and the function that returns its results."""

    name: str
    run: Callable[[Scale], list[Result]]


def seconds_of(action: Callable[[], object]) -> float:
    """Return the seconds that an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def alternate(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Run the sides in turn, each round in another order, and return the seconds of each action by side.

    The first round warms up and is not counted.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds + 1):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            took = seconds_of(sides[name])
            if number:
                times[name].append(took)
    return times


def compared(
    name: str, times: Mapping[str, list[float]], side: str, partner: str, at_most: float | None = None, **detail: Any
) -> Result:
    """Compare a side with its partner: return the ratio of the medians, and the quartiles of the rounds' ratios."""
    ratios = [one / other for one, other in zip(times[side], times[partner])]
    quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
    medians = {f"{one} ms": round(statistics.median(values) * 1000, 1) for one, values in times.items()}
    return Result(
        name,
        statistics.median(times[side]) / statistics.median(times[partner]),
        at_most=at_most,
        spread=(quartiles[0], quartiles[2]),
        times={one: list(values) for one, values in times.items() if one in (side, partner)},
        detail={**medians, **detail},
    )
