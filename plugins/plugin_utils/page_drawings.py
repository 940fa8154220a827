# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawings of the page about the fleet: where each shape is, in units of its SVG image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import parse_time, utc_text

WIDTH = 720
LEFT = 110
"""The width of the names of the servers."""
LANE = 30
"""The height of the lane of a server."""
PLOT_HEIGHT = 140
MAX_NODES = 24
"""The maximum number of servers in the drawing of the waits."""
TICKS = 3
BEND = 26
"""How far the line of a wait is from the straight one, so that both directions are seen."""
NODE = 26
"""The distance of the end of a line from the middle of a server."""


def draw_waits(waits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arrange the servers that wait, or are waited for, in a circle.

    :return: ``nodes``, each with ``name``, ``x`` and ``y``; ``edges``, each with ``from``, ``to``, ``number``,
        ``since``, its ``path``, and ``x`` and ``y`` of its label; and the ``height`` of the image.
    """
    names = list(dict.fromkeys(name for wait in waits for name in (wait["from"], wait["to"])))[:MAX_NODES]
    height = 160 if len(names) <= 2 else 320
    places = {name: _on_circle(index, len(names), height) for index, name in enumerate(sorted(names))}
    pairs: dict[tuple[str, str], list[str]] = {}
    for wait in waits:
        pairs.setdefault((wait["from"], wait["to"]), []).append(wait["since"])
    edges = [
        {"from": start, "to": end, "number": len(times), "since": min(times), **_arc(places[start], places[end])}
        for (start, end), times in pairs.items()
        if start in places and end in places and start != end
    ]
    nodes = [{"name": name, "x": round(x), "y": round(y)} for name, (x, y) in places.items()]
    return {"nodes": nodes, "edges": edges, "height": height}


def _on_circle(index: int, number: int, height: int) -> tuple[float, float]:
    angle = math.pi + 2 * math.pi * index / max(1, number)
    return WIDTH / 2 + math.cos(angle) * (WIDTH / 2 - 90), height / 2 + math.sin(angle) * (height / 2 - 40)


def _arc(start: tuple[float, float], end: tuple[float, float]) -> dict[str, Any]:
    """Return the path between two servers, and the place of its label."""
    (x1, y1), (x2, y2) = start, end
    length = math.hypot(x2 - x1, y2 - y1) or 1
    along, aside = ((x2 - x1) / length, (y2 - y1) / length), ((y1 - y2) / length, (x2 - x1) / length)
    middle = ((x1 + x2) / 2 + 2 * BEND * aside[0], (y1 + y2) / 2 + 2 * BEND * aside[1])
    first = (x1 + NODE * along[0] + 8 * aside[0], y1 + NODE * along[1] + 8 * aside[1])
    last = (x2 - NODE * along[0] + 8 * aside[0], y2 - NODE * along[1] + 8 * aside[1])
    path = f"M{first[0]:.0f} {first[1]:.0f}Q{middle[0]:.0f} {middle[1]:.0f} {last[0]:.0f} {last[1]:.0f}"
    return {"path": path, "x": round((x1 + x2) / 2 + BEND * aside[0]), "y": round((y1 + y2) / 2 + BEND * aside[1])}


def draw_builds(builds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arrange builds on a time axis, in a lane for each server.

    :return: ``lanes``, each with ``name`` and ``y``; ``bars``, each with ``x``, ``y``, ``width`` and the ``build``;
        ``ticks``, each with ``x`` and ``time``; and the ``height`` of the image.
    """
    spans = [(build, *_span(build)) for build in builds]
    spans = [span for span in spans if span[1]]
    servers = sorted({build["server"] for build, _start, _end in spans})
    lanes = {name: 8 + LANE * index for index, name in enumerate(servers)}
    height = 8 + LANE * len(lanes) + 24
    if not spans:
        return {"lanes": [], "bars": [], "ticks": [], "height": height}
    first, last = min(start for _build, start, _end in spans), max(end for _build, _start, end in spans)
    length = max((last - first).total_seconds(), 1)

    def place(when: datetime) -> float:
        return LEFT + (WIDTH - LEFT - 10) * float((when - first).total_seconds() / length)

    bars = [
        {
            "x": round(place(start), 1),
            "y": lanes[build["server"]],
            "width": round(max(4, place(end) - place(start)), 1),
            "build": build,
        }
        for build, start, end in spans
    ]
    moments = [first + timedelta(seconds=length * index / TICKS) for index in range(TICKS + 1)]
    ticks = [{"x": round(place(moment)), "time": utc_text(moment)} for moment in moments]
    return {"lanes": [{"name": n, "y": y} for n, y in lanes.items()], "bars": bars, "ticks": ticks, "height": height}


def _span(build: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the start and the end of a build; none without an end."""
    end = parse_time(build["completed_at"])
    start = parse_time(build["started_at"]) or end
    return (min(start, end), end) if start and end else (None, None)


def draw_traffic(days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Stack the messages of each day by type.

    :return: ``bars``, each with ``x``, ``y``, ``width``, ``height`` and ``type``; ``labels``, each with ``x`` and
        ``day``; and ``most``, the number of messages of the day that has most.
    """
    most = max((sum(day["counts"].values()) for day in days), default=0)
    step = (WIDTH - 50) / max(1, len(days))
    bars = []
    for index, day in enumerate(days):
        top = float(PLOT_HEIGHT)
        for kind, number in reversed(list(day["counts"].items())):
            if number:
                size = (PLOT_HEIGHT - 10) * number / most
                top -= size
                place = {"x": round(40 + step * index, 1), "y": round(top, 1), "width": round(step * 0.8, 1)}
                bars.append({**place, "height": round(size, 1), "type": kind, "number": number, "day": day["day"]})
    labels = [{"x": round(40 + step * index), "day": day["day"]} for index, day in enumerate(days) if index % 7 == 0]
    return {"bars": bars, "labels": labels, "most": most}
