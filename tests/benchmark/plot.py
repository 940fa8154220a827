"""A plot of the growth of time and memory, as SVG (W3C, Scalable Vector Graphics 1.1)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

Point = tuple[int, float, float]
"""Messages, milliseconds and megabytes."""
Curves = dict[str, list[Point]]
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#8a5fb0", "#c77d0a", "#4d4d4d", "#0f9d9d", "#a0522d", "#d147a3", "#6b8e23")
WIDTH, HEIGHT = 960, 470
PLOT_WIDTH, PLOT_HEIGHT, TOP, LEFTS = 330, 340, 50, (70, 480)
LEGEND = 830


def write_plot(curves: Curves, path: Path) -> None:
    """Write two panels, of time and of memory, each with a line for every operation.

    :param curves: the points of each operation, by its name.
    """
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_panel(curves, LEFTS[0], "time of an operation, ms", 1),
        *_panel(curves, LEFTS[1], "memory of its process, MB", 2),
        *_legend(list(curves)),
        "</svg>",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _panel(curves: Curves, left: int, title: str, column: int) -> Iterator[str]:
    """Yield one panel: its title, its axes and its lines."""
    points = [point for line in curves.values() for point in line]
    across = _Axis([point[0] for point in points], left, left + PLOT_WIDTH)
    up = _Axis([point[column] for point in points], TOP + PLOT_HEIGHT, TOP)
    yield f'<text x="{left}" y="{TOP - 20}" font-weight="bold">{escape(title)}</text>'
    for value in across.ticks():
        x = across.place(value)
        yield _line(x, TOP, x, TOP + PLOT_HEIGHT)
        yield f'<text x="{x:.1f}" y="{TOP + PLOT_HEIGHT + 18}" text-anchor="middle">{value:,.0f}</text>'
    for value in up.ticks():
        y = up.place(value)
        yield _line(left, y, left + PLOT_WIDTH, y)
        yield f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,.0f}</text>'
    yield f'<text x="{left}" y="{TOP + PLOT_HEIGHT + 40}">messages in the mailbox</text>'
    for colour, line in zip(COLOURS, curves.values()):
        places = " ".join(f"{across.place(point[0]):.1f},{up.place(point[column]):.1f}" for point in line)
        yield f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'


def _legend(names: Sequence[str]) -> Iterator[str]:
    """Yield the names with their colours."""
    for number, (colour, name) in enumerate(zip(COLOURS, names)):
        y = TOP + 10 + 20 * number
        yield f'<line x1="{LEGEND}" y1="{y}" x2="{LEGEND + 20}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{LEGEND + 26}" y="{y + 4}">{escape(name)}</text>'


class _Axis:
    """A logarithmic axis between two coordinates of the drawing."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low, self._high = math.log10(min(values)), math.log10(max(values))
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        """Return the coordinate of a value."""
        part = (math.log10(value) - self._low) / ((self._high - self._low) or 1)
        return self._start + part * (self._end - self._start)

    def ticks(self) -> list[float]:
        """Return round values on it: 1, 2, 5 and so on."""
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        values = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
        return [value for value in values if self._low - 1e-9 <= math.log10(value) <= self._high + 1e-9]
