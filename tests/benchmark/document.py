"""The results as they stand in docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ansible_collections.acs.builders.tests.benchmark.measuring import RATIO, Result

BEGIN, END = "<!-- bench:table -->", "<!-- bench:end -->"


def value_of(result: Result) -> str:
    """The value with its unit."""
    number = f"{result.value:.3g}" if abs(result.value) < 1000 else f"{result.value:,.0f}"
    return f"{number} {result.unit}".rstrip()


def spread_of(result: Result) -> str:
    """Between what the middle half of the rounds lies."""
    return f"{result.spread[0]:.3g} to {result.spread[1]:.3g}" if result.spread else ""


def goal_of(result: Result) -> str:
    """The goal with its sign."""
    goals = [f"≤ {result.at_most:g}"] if result.at_most is not None else []
    goals += [f"≥ {result.at_least:g}"] if result.at_least is not None else []
    unit = f" {result.unit}" if goals and result.unit not in ("", RATIO) else ""
    return ", ".join(goals) + unit


def markdown(results: Sequence[Result]) -> str:
    """The results as a table."""
    lines = ["| what | measured | middle half | goal | |", "|---|---|---|---|---|"]
    for result in results:
        met = {None: "", True: "met", False: "**missed**"}[result.met]
        lines.append(f"| {result.name} | {value_of(result)} | {spread_of(result)} | {goal_of(result)} | {met} |")
    return "\n".join(lines)


def write(folder: Path, results: Sequence[Result]) -> None:
    """Put the table between its marks.

    :param folder: where performance.md is.
    """
    page = folder / "performance.md"
    before, _begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{markdown(results)}\n{END}{after}", encoding="utf-8")
