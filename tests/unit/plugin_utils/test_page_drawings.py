"""Test the positions of the shapes in the drawings."""

from __future__ import annotations

from typing import Any

from ansible_collections.acs.builders.plugins.plugin_utils.page_drawings import (
    LANE,
    LEFT,
    MAX_NODES,
    PLOT_HEIGHT,
    WIDTH,
    draw_builds,
    draw_traffic,
    draw_waits,
)


def wait(start: str, end: str, since: str = "2026-11-22T07:00:00Z") -> dict[str, str]:
    """Return a wait of one server for another."""
    return {"from": start, "to": end, "since": since}


def test_waits_of_a_pair_are_one_line_with_their_number_and_the_oldest() -> None:
    drawn = draw_waits(
        [wait("build1", "build2"), wait("build1", "build2", "2026-11-20T00:00:00Z"), wait("build2", "build1")]
    )
    assert [node["name"] for node in drawn["nodes"]] == ["build1", "build2"]
    forward, back = drawn["edges"]
    assert (forward["number"], forward["since"], back["number"]) == (2, "2026-11-20T00:00:00Z", 1)
    assert forward["y"] != back["y"], "the labels overlap"
    assert draw_waits([])["edges"] == []


def test_all_servers_are_inside_of_the_image_and_not_too_many() -> None:
    drawn = draw_waits([wait(f"build{number}", f"build{number + 1}") for number in range(100)])
    places = {(node["x"], node["y"]) for node in drawn["nodes"]}
    assert len(places) == MAX_NODES
    assert all(40 <= x <= WIDTH - 40 and 20 <= y <= drawn["height"] - 36 for x, y in places)
    names = {node["name"] for node in drawn["nodes"]}
    assert all({edge["from"], edge["to"]} <= names for edge in drawn["edges"])


def build(server: str, start: str, end: str) -> dict[str, Any]:
    """Return a build on the 22nd of a month."""
    times = {"started_at": start and f"2026-11-22T{start}:00Z", "completed_at": end and f"2026-11-22T{end}:00Z"}
    return {"server": server, **times}


def test_builds_are_bars_in_the_lane_of_their_server() -> None:
    drawn = draw_builds(
        [build("build2", "09:00", "10:00"), build("build1", "06:00", "08:00"), build("build1", "", "10:00")]
    )
    assert [(lane["name"], lane["y"]) for lane in drawn["lanes"]] == [("build1", 8), ("build2", 8 + LANE)]
    second, first, point = drawn["bars"]
    assert (first["x"], first["y"], second["y"], point["width"]) == (LEFT, 8, 8 + LANE, 4)
    assert abs(first["width"] - 2 * second["width"]) < 1 and second["x"] + second["width"] <= WIDTH
    assert (drawn["ticks"][0]["time"], drawn["ticks"][-1]["time"]) == ("2026-11-22T06:00:00Z", "2026-11-22T10:00:00Z")


def test_builds_that_never_ended_or_ended_before_they_began() -> None:
    assert draw_builds([build("build1", "06:00", "")])["bars"] == []
    (one,) = draw_builds([build("build1", "07:00", "06:00")])["bars"]
    assert (one["x"], one["width"]) == (LEFT, 4)


def test_traffic_is_stacked_by_type() -> None:
    days = [
        {"day": "2026-11-21", "counts": {"error": 1, "info": 3}},
        {"day": "2026-11-22", "counts": {"error": 0, "info": 2}},
    ]
    drawn = draw_traffic(days)
    assert drawn["most"] == 4
    bars = {(one["day"], one["type"]): one for one in drawn["bars"]}
    assert len(bars) == 3
    info, error = bars["2026-11-21", "info"], bars["2026-11-21", "error"]
    assert info["y"] + info["height"] == PLOT_HEIGHT and error["y"] + error["height"] == info["y"]
    assert draw_traffic([]) == {"bars": [], "labels": [], "most": 0}
