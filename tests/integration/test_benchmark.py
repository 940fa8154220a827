"""The benchmarks in their quick form: what they count, and that they tell what they could not measure. No times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TOP, environment
from ansible_collections.acs.builders.tests.benchmark import document, run
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


@pytest.mark.parametrize("name", ["8 hosts, local", "1 host, local", "8 hosts, 40 ms", "1 host, 40 ms"])
def test_a_race_delivers_each_message_once(told: dict[str, Any], name: str) -> None:
    assert told[f"race of {name}: delivered exactly once"]["met"]
    assert told[f"race of {name}: commits"]["value"] <= told[f"race of {name}: delivered exactly once"]["value"]


def test_a_second_set_up_changes_nothing(told: dict[str, Any]) -> None:
    assert told["second run of setup.yml: tasks that changed something"]["value"] == 0
    assert told["second run of setup.yml / no-op tasks"]["detail"]["tasks"]["ok"] > 20


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
    page.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    document.write(tmp_path, [Result("fine", 1.0, at_least=0.5)])
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "| fine | 1 \u00d7 |  | ≥ 0.5 | met |" in text
    assert "old" not in text
