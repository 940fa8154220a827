"""The benchmarks in their quick form: what they count, and that they tell what they could not measure. No times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TOP, environment
from ansible_collections.acs.builders.tests.benchmark import document, rows_curve, run
from ansible_collections.acs.builders.tests.benchmark.floor import Floor
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, alternate, compared
from ansible_collections.acs.builders.tests.benchmark.scene import OLD_REMOTE, make_scene, old_send
from ansible_collections.acs.builders.tests.builders import MESSAGES, git

PROGRAM = TOP / "tests" / "benchmark" / "run.py"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What all rows tell, by name."""
    folder = tmp_path_factory.mktemp("benchmark")
    command = [sys.executable, str(PROGRAM), "--quick", "--json", str(folder / "told.json")]
    done = subprocess.run(
        command, env=environment(folder / "home"), capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "told.json").read_text())
    assert report["errors"] == []
    assert (folder / "told.pyperf.json").exists()
    results = {result["name"]: result for result in report["results"]}
    assert all(name in done.stdout for name in results)
    return results


def test_a_send_needs_one_push_and_no_fetch(told: dict[str, Any]) -> None:
    assert told["send, https, 40 ms: fetches"]["value"] == 0
    assert told["send, https, 40 ms: pushes"]["value"] == 1


def test_a_send_starts_four_processes(told: dict[str, Any]) -> None:
    children = told["send, builderctl, local: child processes"]["detail"]["children"]
    assert children == ["ssh-keygen sign", "git cat-file", "git push", "git merge"]


def test_a_list_needs_one_fetch(told: dict[str, Any]) -> None:
    assert told["list: fetches"]["value"] == 1


@pytest.mark.parametrize("name", ["8 hosts, at once", "8 hosts, one by one", "1 host, one by one"])
@pytest.mark.parametrize("where", ["local", "40 ms"])
def test_a_race_delivers_each_message_once(told: dict[str, Any], name: str, where: str) -> None:
    assert told[f"race of {name}, {where}: delivered exactly once"]["met"]
    assert (
        told[f"race of {name}, {where}: commits"]["value"]
        <= told[f"race of {name}, {where}: delivered exactly once"]["value"]
    )


def test_a_second_set_up_changes_nothing(told: dict[str, Any]) -> None:
    assert told["second run of setup.yml: tasks that changed something"]["value"] == 0
    assert told["second run of setup.yml / no-op tasks"]["detail"]["tasks"]["ok"] > 20


def test_what_is_past_is_archived(told: dict[str, Any]) -> None:
    assert told["150 past messages against 100: left in the mailbox"]["value"] == 2


def test_every_operation_has_a_curve(told: dict[str, Any]) -> None:
    curves = {name.rpartition(" of ")[2]: one["detail"]["points"] for name, one in told.items() if "time of" in name}
    assert set(curves) == set(rows_curve.OPERATIONS)
    assert all([point[0] for point in points] == [100, 150] for points in curves.values())


def test_heartbeats_leave_nothing_behind(told: dict[str, Any]) -> None:
    assert told["30 days of beats: commits on main"]["value"] == 0
    assert told["30 days of beats: growth of the remote"]["met"]
    assert told["30 days of beats: fresh clone, after / before, bytes"]["met"]


def test_the_service_keeps_no_descriptors_and_no_children(told: dict[str, Any]) -> None:
    assert told["service: more descriptors"]["value"] == 0
    assert told["service: more child processes"]["value"] == 0


def test_nobody_in_the_fleet_starves(told: dict[str, Any]) -> None:
    assert told["4 servers, 10 minutes: messages not seen"]["value"] == 0
    assert told["4 servers, 10 minutes: pushes of beats a minute"]["met"]
    assert told["4 servers, 10 minutes: fewest beats / most"]["met"]


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
    marks = (document.BEGIN, document.END, document.GROWTH, document.GROWTH_END)
    page.write_text("before\n{}\nold\n{}\n{}\nold\n{}\nafter\n".format(*marks))
    points = [[100, 10.0, 20.0], [1000, 30.0, 25.0]]
    document.write(
        tmp_path,
        [Result("fine", 1.0, at_least=0.5), Result("time of list", 3.0, detail={"points": points})],
        is_all=True,
    )
    text = page.read_text()
    assert "| list | 10 ms, 20 MB | 30 ms, 25 MB |" in text
    drawn = ElementTree.parse(tmp_path / "performance.svg").getroot()
    assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "| fine | 1 \u00d7 |  | ≥ 0.5 | met |" in text
    assert "old" not in text


def test_the_page_keeps_what_was_not_measured_again(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"{document.BEGIN}\n{document.END}\n")
    document.write(tmp_path, [Result("one", 1.0), Result("two", 2.0)], is_all=True)
    document.write(tmp_path, [Result("one", 3.0), Result("three", 3.0)], is_all=False)
    names = [
        line.split(" | ")[0:2] for line in page.read_text().splitlines() if line.startswith("| t") or "one" in line
    ]
    assert names == [["| one", "3 \u00d7"], ["| two", "2 \u00d7"], ["| three", "3 \u00d7"]]
