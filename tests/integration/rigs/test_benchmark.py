"""Test what the benchmarks count and how they report results. ``make bench QUICK=1`` runs all rows."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.acs.builders.tests.benchmark import document, run
from ansible_collections.acs.builders.tests.benchmark.floor import Floor
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, alternate, compared
from ansible_collections.acs.builders.tests.benchmark.rows_fleet import Fleet, count_pushes
from ansible_collections.acs.builders.tests.benchmark.scene import (
    OLD_REMOTE,
    Command,
    count_children,
    make_scene,
    old_send,
)
from ansible_collections.acs.builders.tests.builders import MESSAGES, git


def test_a_send_asks_the_remote_once_and_a_list_fetches_once(tmp_path: Path) -> None:
    """Determined from their child processes."""
    command = Command(make_scene(tmp_path))
    command.send()
    sent = count_children(command, tmp_path / "send", "send", "Counted", "x")
    assert sent == ["ssh-keygen sign", "git cat-file", "git push", "git merge"]
    listed = count_children(command, tmp_path / "list", "read")
    assert listed.count("git fetch") == 1 and "git push" not in listed


def test_nobody_in_a_fleet_starves(tmp_path: Path) -> None:
    """Three servers in three minutes of simulated time."""
    builders = make_scene(tmp_path, ("build1", "build2", "build3"))
    simulated = Fleet(builders, 180)
    simulated.settle()
    pushes = count_pushes(builders)
    simulated.run()
    refs = Counter(pushes.read_text().splitlines())
    assert set(simulated.sent) <= set(simulated.seen)
    assert set(simulated.beats.values()) == {3}
    assert refs.pop("refs/heads/main") == len(simulated.sent)
    assert refs == {f"refs/heartbeats/{server}": 3 for server in builders.ids}


def test_the_old_way_and_the_floor_deliver(tmp_path: Path) -> None:
    builders = make_scene(tmp_path)
    floor = Floor(builders.remote, 2)
    old_send(builders)
    floor.push()
    floor.push()
    old = json.loads(git("show", f"main:{MESSAGES}", cwd=tmp_path / OLD_REMOTE))["messages"]
    assert old[-1]["subject"] == "Measured"
    pushed = json.loads(git("show", f"main:{MESSAGES}", cwd=Path(floor.url)))["messages"]
    assert [message["id"] for message in pushed[-2:]] == ["floor_0", "floor_1"]


def test_sides_take_turns_and_the_first_round_does_not_count() -> None:
    done: list[str] = []
    times = alternate({"one": lambda: done.append("one"), "two": lambda: done.append("two")}, rounds=2)
    assert done == ["one", "two", "two", "one", "one", "two"]
    assert [len(values) for values in times.values()] == [2, 2]


def test_a_comparison_shows_ratio_and_goal() -> None:
    result = compared("a / b", {"a": [2.0, 2.0, 4.0], "b": [1.0, 1.0, 1.0]}, "a", "b", at_most=1.5)
    assert (result.value, result.met) == (2.0, False)
    assert document.markdown([result], "today").endswith("| a / b | 2 \u00d7 | 2 to 4 | ≤ 1.5 | **missed** | today |")


def test_a_row_that_fails_is_reported_and_the_others_are_measured() -> None:
    def fail(_scale: Scale) -> list[Result]:
        raise RuntimeError("no disk")

    results, errors = run.measure([Row("bad", fail), Row("good", lambda _scale: [Result("fine", 1.0)])], quick=True)
    assert [result.name for result in results] == ["fine"]
    assert errors == ["bad: RuntimeError: no disk"]


def test_an_unknown_row_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--row", "nothing like it"]) == 2
    assert "--list shows all" in capsys.readouterr().err


@pytest.fixture
def pages(tmp_path: Path) -> list[Path]:
    """Return the two pages with an old table."""
    marks = (document.BEGIN, document.END, document.GROWTH, document.GROWTH_END)
    made = [tmp_path / name for name in (document.FELT_PAGE, document.ALL_PAGE)]
    for page in made:
        page.write_text("before\n{}\nold\n{}\n{}\nold\n{}\nafter\n".format(*marks))
    return made


FELT, OTHER = document.FELT[0], "fine"


def test_the_pages_get_the_tables(tmp_path: Path, pages: list[Path]) -> None:
    points = [[100, 10.0, 20.0], [1000, 30.0, 25.0]]
    results = [Result(OTHER, 1.0, at_least=0.5), Result("time of list", 3.0, detail={"points": points})]
    document.write(tmp_path, [*results, Result(FELT, 2.0)], is_all=True, measured="today")
    felt, every = (page.read_text() for page in pages)
    assert "| list | 10 ms, 20 MB | 30 ms, 25 MB |" in every
    drawn = ElementTree.parse(tmp_path / "performance.svg").getroot()
    assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    assert every.startswith("before\n") and every.endswith("\nafter\n")
    line = f"| {OTHER} | 1 \u00d7 |  | ≥ 0.5 | met | today |"
    assert line in every and line not in felt
    assert f"| {FELT} | 2 \u00d7 |  |  |  | today |" in felt and f"| {FELT} |" in every
    assert "old" not in every


def test_the_pages_keep_what_was_not_measured_again(tmp_path: Path, pages: list[Path]) -> None:
    document.write(tmp_path, [Result("one", 1.0), Result("two", 2.0), Result(FELT, 2.0)], is_all=True, measured="today")
    document.write(tmp_path, [Result("one", 3.0), Result("three", 3.0)], is_all=False, measured="tomorrow")
    felt, every = (page.read_text() for page in pages)
    assert f"| {FELT} |" in felt and "today" in felt and "tomorrow" not in felt
    table = every.partition(document.END)[0].splitlines()[4:]
    cells = [line.strip("| ").split(" | ") for line in table]
    assert [(one[0], one[1], one[-1]) for one in cells] == [
        ("one", "3 \u00d7", "tomorrow"),
        ("two", "2 \u00d7", "today"),
        (FELT, "2 \u00d7", "today"),
        ("three", "3 \u00d7", "tomorrow"),
    ]
