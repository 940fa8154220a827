"""The results in docs/performance.md and docs/measurements.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ansible_collections.acs.builders.tests.benchmark.measuring import RATIO, Result
from ansible_collections.acs.builders.tests.benchmark.plot import Curves, write_plot

BEGIN, END = "<!-- bench:table -->", "<!-- bench:end -->"
FELT_PAGE, ALL_PAGE = "performance.md", "measurements.md"
"""The page with the results that a user feels, and the page with all of them."""
FELT = (
    "send, builderctl, https, 40 ms: ours",
    "send, builderctl, local: ours",
    "send, builderctl, local: child",
    "read, nothing new",
    "wait that ends",
    "start of builderctl",
    "hook with nothing",
    "looks, https, 40 ms: ",
    "50 servers, 60 minutes: seen",
    "50 servers, 60 minutes: looks",
    "50 servers, 60 minutes: pushes",
    "respond.yml",
    "install_packages.yml",
    "ansible build1",
    "files sent",
    "second run of setup.yml /",
    "first run of setup.yml, 100,000 commits: time",
    "10,000 past messages against 100: send",
    "10,000 past messages against 100: list",
    "10,000 past messages against 100: mark",
    "10,000 past messages against 100: reply",
    "10,000 past messages against 100: health",
    "10,000 messages in the mailbox",
    "simulated days",
    "race of 8 hosts, one by one, 40 ms: rate / that",
    "race of 8 hosts, one by one, 40 ms: longest",
    "page about 10000 messages: time",
    "comparison",
)
"""The beginnings of the names of the results that a user feels."""
GROWTH, GROWTH_END = "<!-- bench:growth -->", "<!-- bench:growth end -->"


def value_of(result: Result) -> str:
    """Return the value with its unit."""
    number = f"{result.value:.3g}" if abs(result.value) < 1000 else f"{result.value:,.0f}"
    return f"{number} {result.unit}".rstrip()


def spread_of(result: Result) -> str:
    """Return the quartiles of the rounds as text."""
    return f"{result.spread[0]:.3g} to {result.spread[1]:.3g}" if result.spread else ""


def goal_of(result: Result) -> str:
    """Return the goal with its sign."""
    goals = [f"≤ {result.at_most:g}"] if result.at_most is not None else []
    goals += [f"≥ {result.at_least:g}"] if result.at_least is not None else []
    unit = f" {result.unit}" if goals and result.unit not in ("", RATIO) else ""
    return ", ".join(goals) + unit


def markdown(results: Sequence[Result], measured: str) -> str:
    """Return the results as a table.

    :param measured: the date and the commit of the results.
    """
    lines = ["| what | result | middle half | goal | | measured |", "|---|---|---|---|---|---|"]
    for result in results:
        met = {None: "", True: "met", False: "**missed**"}[result.met]
        cells = (result.name, value_of(result), spread_of(result), goal_of(result), met, measured)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def growth(curves: Curves) -> str:
    """Return the time and memory of the operations for each number of messages, as a table."""
    sizes = [point[0] for point in next(iter(curves.values()))]
    lines = ["| operation | " + " | ".join(f"{size:,.0f}" for size in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    for name, points in curves.items():
        cells = [f"{milliseconds:.0f} ms, {megabytes:.0f} MB" for _size, milliseconds, megabytes in points]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(folder: Path, results: Sequence[Result], is_all: bool, measured: str) -> None:
    """Write the tables between their marks, and the plot; what was not measured stays as it is.

    :param folder: the folder of the two pages.
    :param is_all: whether all rows were measured, so that other lines of the tables are obsolete.
    :param measured: the date and the commit of the results.
    """
    curves = {result.name.rpartition(" of ")[2]: result.detail["points"] for result in results if _is_curve(result)}
    others = [result for result in results if not _is_curve(result)]
    felt = [result for result in others if result.name.startswith(FELT)]
    for page, shown in ((folder / FELT_PAGE, felt), (folder / ALL_PAGE, others)):
        text = page.read_text(encoding="utf-8")
        new = markdown(shown, measured)
        text = _between(text, BEGIN, END, new if is_all else _merged(_inside(text, BEGIN, END), new))
        if curves and page.name == ALL_PAGE:
            text = _between(text, GROWTH, GROWTH_END, growth(curves))
            write_plot(curves, folder / "performance.svg")
        page.write_text(text, encoding="utf-8")


def _merged(old: str, new: str) -> str:
    """Return a table updated with the lines of another one, which replace those with the same name."""
    lines = {line.split(" | ")[0]: line for line in (*old.splitlines(), *new.splitlines())}
    return "\n".join(lines.values())


def _is_curve(result: Result) -> bool:
    return "points" in result.detail


def _inside(text: str, begin: str, end: str) -> str:
    return text.partition(begin)[2].partition(end)[0].strip("\n")


def _between(text: str, begin: str, end: str, new: str) -> str:
    """Return a text with new content between two marks."""
    before, _begin, rest = text.partition(begin)
    return f"{before}{begin}\n{new}\n{end}{rest.partition(end)[2]}"
