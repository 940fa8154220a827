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


def test_a_comparison_tells_ratio_and_goal() -> None:
    result = compared("a / b", {"a": [2.0, 2.0, 4.0], "b": [1.0, 1.0, 1.0]}, "a", "b", at_most=1.5)
    assert (result.value, result.met) == (2.0, False)
    assert document.markdown([result]).endswith("| a / b | 2 \u00d7 | 2 to 4 | ≤ 1.5 | **missed** |")


def test_a_row_that_fails_is_told_and_the_others_are_measured() -> None:
    def fail(_scale: Scale) -> list[Result]:
        raise RuntimeError("no disk")

    results, errors = run.measure([Row("bad", fail), Row("good", lambda _scale: [Result("fine", 1.0)])], quick=True)
    assert [result.name for result in results] == ["fine"]
    assert errors == ["bad: RuntimeError: no disk"]


def test_an_unknown_row_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--row", "nothing like it"]) == 2
    assert "--list shows all" in capsys.readouterr().err


def test_the_page_gets_the_table(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    measured = (document.MEASURED, document.MEASURED_END)
    marks = (*measured, document.BEGIN, document.END, document.GROWTH, document.GROWTH_END)
    page.write_text("before\n{}\nold\n{}\n{}\nold\n{}\n{}\nold\n{}\nafter\n".format(*marks))
    points = [[100, 10.0, 20.0], [1000, 30.0, 25.0]]
    document.write(
        tmp_path,
        [Result("fine", 1.0, at_least=0.5), Result("time of list", 3.0, detail={"points": points})],
        is_all=True,
        measured="today",
    )
    text = page.read_text()
    assert "| list | 10 ms, 20 MB | 30 ms, 25 MB |" in text
    drawn = ElementTree.parse(tmp_path / "performance.svg").getroot()
    assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "| fine | 1 \u00d7 |  | ≥ 0.5 | met |" in text
    assert "old" not in text
    assert "\n".join((measured[0], "Measured today.", measured[1])) in text


def test_the_page_keeps_what_was_not_measured_again(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"{document.MEASURED}\n{document.MEASURED_END}\n{document.BEGIN}\n{document.END}\n")
    document.write(tmp_path, [Result("zero", 0.0)], is_all=False, measured="yesterday")
    assert "\nMeasured again yesterday, rows: 1.\n" in page.read_text() and page.read_text().count("zero") == 1
    document.write(tmp_path, [Result("one", 1.0), Result("two", 2.0)], is_all=True, measured="today")
    document.write(tmp_path, [Result("one", 3.0), Result("three", 3.0)], is_all=False, measured="tomorrow")
    assert "Measured today.\nMeasured again tomorrow, rows: 2." in page.read_text()
    names = [
        line.split(" | ")[0:2] for line in page.read_text().splitlines() if line.startswith("| t") or "one" in line
    ]
    assert names == [["| one", "3 \u00d7"], ["| two", "2 \u00d7"], ["| three", "3 \u00d7"]]
