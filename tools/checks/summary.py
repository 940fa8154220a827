"""The summary at the end: slowest tests, results of the steps, output of failures."""

from __future__ import annotations

import re
import shlex
import textwrap
from typing import NamedTuple

from .processes import Ended, log_file
from .report import PHASES, Test
from .steps import part_of

SLOWEST = 50
REASON = 1500
"""The number of characters to print of the message of a failure."""
LINES = 150
"""The number of lines to print from the output of a failed step."""
FAILURES = re.compile(r"^=+ (ERRORS|FAILURES) =+$", re.MULTILINE)
"""The headings of the failures in the output of pytest."""
NAMING = re.compile(r"\b(FAILED|ERROR) \S+::|^fatal: ")
"""The lines that name a failure: of the summary of pytest, and of Ansible."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")
"""Escapes for colours (ECMA-48, SGR) and links (OSC 8), which molecule always prints."""


class Result(NamedTuple):
    """The end and the tests of a step; a step without tests counts as one test."""

    ended: Ended
    tests: list[Test]

    def count(self, outcome: str) -> int:
        """Count the tests with an outcome; a failed step has at least one failed test."""
        found = sum(test.outcome == outcome for test in self.tests)
        if outcome == "skipped" and self.ended.code is None:
            return 1
        if outcome == "failed":
            return max(found, int(self.has_failed))
        return found or int(outcome == "passed" and not self.tests and self.ended.code == 0)

    @property
    def has_failed(self) -> bool:
        """Whether the step failed."""
        return self.ended.code not in (0, None) or bool(self.ended.left)

    @property
    def line(self) -> str:
        """The result of the step in one line."""
        ended = self.ended
        if ended.code is None:
            return f"not run                             {ended.step.name}: {ended.reason}"
        counts = f"{self.count('passed')} passed, {self.count('failed')} failed"
        counts += f", {self.count('skipped')} skipped" if self.count("skipped") else ""
        outcome = "FAILED" if self.has_failed else "ok"
        times = f"{ended.seconds:6.1f} s {ended.processor_seconds:6.1f} s of processor"
        return f"{outcome:7} {times}  {ended.step.name}: {counts}"


def show_slowest(results: list[Result]) -> None:
    """Print the slowest tests of all steps, with the seconds of each phase."""
    tests = sorted((test for result in results for test in result.tests), key=lambda test: -test.total)
    if tests:
        print(f"\n==> the {min(SLOWEST, len(tests))} slowest of {len(tests)} tests (seconds)")
        print("  set-up     call  tear-down  test")
    for test in tests[:SLOWEST]:
        setup, call, teardown = (test.seconds[phase] for phase in PHASES)
        print(f"{setup:8.2f} {call:8.2f} {teardown:10.2f}  {test.name}")


def show_failures(results: list[Result]) -> None:
    """Print the output of failed steps and the commands to run their failed tests."""
    for result in results:
        if not result.has_failed:
            continue
        log = log_file(result.ended.step)
        text = COLOUR.sub("", log.read_text(encoding="utf-8", errors="replace"))
        begin = FAILURES.search(text)
        lines = (text[begin.start() :] if begin else text).splitlines()
        print(f"\n==> {result.ended.step.name} failed; its whole output is in {log}")
        print("\n".join(lines[-LINES:]))
        failures = [line for line in text.splitlines() if NAMING.search(line) and line not in lines[-LINES:]]
        print("".join(f"{line.strip()[:300]}\n" for line in failures[-12:]), end="")
        for process in result.ended.left:
            print(f"It left this process running: {process}")
        for command in again(result):
            print(f"Run it alone: {command}")


def show_reasons(results: list[Result]) -> None:
    """Print the message of each failed test once, shortened, with the tests that failed with it."""
    failed = [test for result in results for test in result.tests if test.outcome == "failed"]
    if failed:
        print("\n==> why tests failed")
    for reason in dict.fromkeys(test.reason for test in failed):
        print("\n".join(test.name for test in failed if test.reason == reason))
        shown = COLOUR.sub("", reason)
        begin, end = (shown, "") if len(shown) < REASON else (shown[: REASON // 3] + " […] ", shown[-REASON * 2 // 3 :])
        print(textwrap.indent(begin + end, "    "))


def again(result: Result) -> list[str]:
    """Return the commands that run only the failed tests of a step."""
    group = result.ended.step.group
    failed = [test.name for test in result.tests if test.outcome == "failed"]
    if group == "cluster" and failed:
        names = sorted({name.rpartition("::")[2].partition("[")[0] for name in failed})
        return [f"make cluster ARGS='-k \"{' or '.join(names)}\"'"]
    if group not in ("unit", "integration", "unit integration") or not failed:
        return [f"make {group}"]
    words = {
        name: shlex.quote(name).replace("$", "$$") for name in failed
    }  # for the shell, for make, and for the shell
    return [f"make {part_of(name)} ARGS={shlex.quote(word)}" for name, word in words.items()]


def show_summary(results: list[Result], seconds: float) -> int:
    """Print the results of the steps and the totals; return the exit code."""
    print("\n==> summary")
    for result in results:
        print(result.line)
    passed, failed, skipped = (sum(r.count(outcome) for r in results) for outcome in ("passed", "failed", "skipped"))
    print(f"all in {seconds:.0f} s")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return int(failed > 0)
