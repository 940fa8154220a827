"""Test the program of `make test`: its reports of steps and tests, and that it leaves no processes."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TOP
from ansible_collections.acs.builders.tests.waiting import LIMIT, until
from checks import processes, summary
from checks.processes import Ended, Processes
from checks.report import Test as ReportedTest
from checks.report import read_tests
from checks.steps import PARTS, STEPS, Step
from checks.summary import Result

SUITE = """
import pytest

def test_good(): pass

def test_bad(): assert 1 == 2, "one is not two"

@pytest.mark.parametrize("word", ["it's", "$HOME"])
def test_words(word): raise KeyError(word)

@pytest.fixture
def broken(): raise OSError("no scene")

def test_scene(broken): pass

def test_left_out(): pytest.skip("not here")
"""


REPLACED = f"until grep -qx sleep /proc/$!/comm && grep -qa {processes.MARK} /proc/$!/environ; do :; done"
"""Waits for a sleep in the background. During execve(2) a process has no environment for a moment."""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Processes:
    """Return processes whose output goes to a folder of this test."""
    monkeypatch.setattr(processes, "OUTPUT", tmp_path / "output")
    monkeypatch.delenv("KEEP", raising=False)
    return Processes(tmp_path, tmp_path / "reports", is_live=False)


def shell(script: str, *clean_up: str) -> Step:
    """Return a step that runs a shell script."""
    return Step("unit", "a script", ("/bin/sh", "-c", script), clean_up)


def is_running(pid: str) -> bool:
    """Return whether a process exists and has not ended."""
    try:
        return "State:\tZ" not in Path("/proc", pid, "status").read_text()
    except OSError:  # it may end at any moment
        return False


def test_reports_have_every_test_and_the_files_that_cannot_be_read(tmp_path: Path) -> None:
    suite, reports = tmp_path / "test_suite.py", tmp_path / "reports"
    suite.write_text(SUITE)
    (tmp_path / "test_unreadable.py").write_text("import nothing_like_this")
    reports.mkdir()
    command = [sys.executable, "-m", "pytest", "--continue-on-collection-errors"]
    command += [f"--report-log={reports / 'one.jsonl'}", f"--rootdir={tmp_path}", str(tmp_path)]
    subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=LIMIT, check=False)
    outcomes = {test.name.rpartition("::")[2]: test.outcome for test in read_tests(reports)}
    assert outcomes == {
        "test_unreadable.py": "failed",
        **{"test_good": "passed", "test_bad": "failed", "test_scene": "failed", "test_left_out": "skipped"},
        **{"test_words[it's]": "failed", "test_words[$HOME]": "failed"},
    }
    reasons = {test.name.rpartition("::")[2]: test.reason for test in read_tests(reports)}
    assert reasons["test_bad"].startswith("AssertionError: one is not two")
    assert reasons["test_scene"] == "OSError: no scene" and reasons["test_good"] == reasons["test_left_out"] == ""
    assert "nothing_like_this" in reasons["test_unreadable.py"]


def test_the_reason_of_a_failure_is_shown_once_and_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    ended = Ended(Step("unit", "a script", ()), 1)
    long = f"begin{'x' * 9000}end"
    tests = [ReportedTest(name, "failed", reason=long) for name in ("a", "b")] + [ReportedTest("c")]
    summary.show_reasons([Result(ended, tests)])
    printed = capsys.readouterr().out
    assert printed.startswith("\n==> why tests failed\na\nb\n    beginxx") and printed.endswith("xxend\n")
    assert printed.count("begin") == 1 and len(printed) < 1600
    summary.show_reasons([Result(ended, [ReportedTest("c")])])
    assert capsys.readouterr().out == ""


def test_a_report_whose_last_line_was_cut_has_the_tests_before(tmp_path: Path) -> None:
    line = '{"$report_type": "TestReport", "nodeid": "a", "outcome": "passed", "when": "call", "duration": 1.5}'
    (tmp_path / "one.jsonl").write_text(f"{line}\n{line[:40]}")
    assert [(test.name, test.total) for test in read_tests(tmp_path)] == [("a", 1.5)]


def test_a_step_that_runs_pytest_itself_gets_the_arguments_in_a_variable(started: Processes) -> None:
    step = shell("printf '%s.' $# \"$WORDS\"")._replace(arguments_variable="WORDS")
    ended = started.run(step, ["-k", "one or two"])
    assert processes.log_file(ended.step).read_text() == "0.-k 'one or two'."


def test_a_step_reports_its_exit_code_and_keeps_its_output(started: Processes) -> None:
    ended = started.run(shell("echo out; echo err >&2; exit 3"), [])
    assert (ended.code, ended.left) == (3, ())
    assert processes.log_file(ended.step).read_text() == "out\nerr\n"


def test_what_a_step_leaves_running_is_ended_and_fails_it(
    started: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LEAVE_SECONDS", 0)
    ended = started.run(shell(f"setsid sleep 1000 & echo $! > {tmp_path / 'pid'}; {REPLACED}"), [])
    result = Result(ended, [])
    assert ended.code == 0 and result.has_failed and "sleep 1000" in ended.left[0]
    until(lambda: not is_running((tmp_path / "pid").read_text().strip()), "no end of the process that was left")


def test_a_step_that_does_not_want_to_end_is_ended_and_cleaned_up(
    started: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.1)
    pids, cleaned = tmp_path / "pids", tmp_path / "cleaned"
    record = f"echo $! $$ > {pids}.new; mv {pids}.new {pids}"
    script = f"trap '' INT; setsid sleep 1000 & {REPLACED}; {record}; while :; do sleep 1; done"
    step = shell(script, "/bin/sh", "-c", f"touch {cleaned}")
    thread = threading.Thread(target=started.run, args=(step, []))
    thread.start()
    until(pids.exists, "no start")
    started.stop()
    thread.join(LIMIT)
    assert cleaned.exists()
    for pid in pids.read_text().split():
        until(lambda pid=pid: not is_running(pid), "no end of the step")  # type: ignore[misc]
    assert started.run(step, []).code is None, "nothing starts afterwards"


def test_an_interrupted_run_ends_all_its_steps(tmp_path: Path) -> None:
    """Its exit code is that of a shell for a program ended by SIGINT."""
    environment = {name: value for name, value in os.environ.items() if name != processes.MARK}
    separate = {"PROBE": str(tmp_path), "BUILDERS_OUTPUT": str(tmp_path / "output")}  # not those of the current run
    command = [sys.executable, str(TOP / "tools" / "test"), "lint"]
    with subprocess.Popen(
        command, env={**environment, **separate}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        until(lambda: found(tmp_path), "no step")
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=LIMIT)[0].decode()
    assert process.returncode == 130, output
    assert "Stopped before all checks were completed." in output
    until(lambda: not found(tmp_path), "no end of all steps")  # a killed step exists for a moment


def found(folder: Path) -> list[str]:
    """Return the processes of steps that have a folder in their environment."""
    steps = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            text = environment.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"PROBE={folder}\0" in text and processes.MARK in text:
            steps.append(environment.parent.name)
    return steps


def test_a_failure_is_shown_with_its_output_and_the_command_that_runs_it_alone(
    started: Processes, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = started.run(shell("echo before; echo '=== FAILURES ==='; echo one is not two; exit 1"), [])
    tests = [ReportedTest("tests/unit/test_x.py::test_y[it's $HOME]", "failed"), ReportedTest("b", "passed")]
    summary.show_failures([Result(ended, tests)])
    printed = capsys.readouterr().out
    assert "one is not two" in printed and "before" not in printed
    command = printed.partition("Run it alone: ")[2].strip()
    assert command.startswith("make unit ARGS=")
    makefile = "unit:\n\t@printf '%s\\n' $(ARGS)\n"
    words = command.replace("make ", "make --silent --file=- ", 1)
    done = subprocess.run(["sh", "-c", words], input=makefile, capture_output=True, text=True, check=True)
    assert done.stdout == "tests/unit/test_x.py::test_y[it's $HOME]\n"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("tests/unit/mail/test_audit.py::test_x", "unit"),
        ("tests/contract/test_repository.py::test_x[memory]", "unit"),
        ("tests/contract/test_repository.py::test_x[git]", "integration"),
        ("tests/integration/store/test_race.py::test_x", "integration"),
    ],
)
def test_what_failed_is_run_alone_with_its_own_target(started: Processes, name: str, target: str) -> None:
    ended = started.run(shell("exit 1")._replace(group="unit integration"), [])
    (command,) = summary.again(Result(ended, [ReportedTest(name, "failed"), ReportedTest("b", "passed")]))
    assert command == f"make {target} ARGS={shlex.quote(shlex.quote(name))}"
    assert summary.again(Result(ended, [])) == ["make unit integration"]


def test_what_failed_in_the_cluster_can_be_run_alone(started: Processes) -> None:
    ended = started.run(shell("exit 1")._replace(group="cluster"), [])
    tests = [ReportedTest(f"cluster-plays: tests/test_x.py::test_{name}", "failed") for name in ("b[1]", "a", "b[2]")]
    assert summary.again(Result(ended, tests)) == ["make cluster ARGS='-k \"test_a or test_b\"'"]


def test_the_summary_counts_tests_and_steps(started: Processes, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = started.run(shell("exit 0"), []), started.run(Step("unit", "bad", ("/bin/sh", "-c", "exit 1")), [])
    tests = [ReportedTest("a", "passed"), ReportedTest("b", "skipped")]
    assert summary.show_summary([Result(good, tests), Result(bad, [])], 5.0) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed, 1 skipped"
    assert summary.show_summary([Result(good, [])], 5.0) == 0


@pytest.mark.parametrize(
    "step", [step for step in (*STEPS, *PARTS) if "pytest" in step.command], ids=lambda step: step.slug
)
def test_pytest_writes_a_report(step: Step) -> None:
    assert any(word.startswith("--report-log=") for word in step.command)
