"""The results of the tests, read from the reports of pytest-reportlog."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PHASES = ("setup", "call", "teardown")


@dataclass
class Test:
    """The result of a test.

    :param name: the id in pytest; for a test of the cluster, prefixed with the part of the scenario.
    :param outcome: passed, failed or skipped.
    :param seconds: the duration of each phase.
    :param reason: the message of its first failure.
    """

    name: str
    outcome: str = "passed"
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    reason: str = ""

    @property
    def total(self) -> float:
        """The duration of all phases in seconds."""
        return sum(self.seconds.values())


def read_tests(folder: Path) -> list[Test]:
    """Read all reports of a step; a file that cannot be collected is a failed test."""
    files = sorted(folder.glob("*.jsonl"))
    return [test for file in files for test in _read(file, f"{file.stem}: " if len(files) > 1 else "")]


def _read(file: Path, prefix: str) -> list[Test]:
    tests: dict[str, Test] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:  # pytest was killed while it wrote the last line
            break
        kind, outcome = entry["$report_type"], entry.get("outcome")
        if kind == "TestReport" or (kind == "CollectReport" and outcome == "failed"):
            test = tests.setdefault(entry["nodeid"], Test(prefix + entry["nodeid"]))
            if outcome != "passed" and test.outcome != "failed":
                test.outcome = outcome
            if outcome == "failed" and not test.reason:
                test.reason = _reason(entry["longrepr"])
            if kind == "TestReport":
                test.seconds[entry["when"]] = entry["duration"]
    return list(tests.values())


def _reason(longrepr: Any) -> str:
    crash = longrepr.get("reprcrash") if isinstance(longrepr, dict) else None
    return str(crash["message"] if crash else longrepr).strip()
