"""What pytest says of each test, read from the reports that pytest-reportlog writes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

PHASES = ("setup", "call", "teardown")


@dataclass
class Test:
    """One test as it ran.

    :param name: pytest's id of it; for a test of the cluster with the part of the scenario before it.
    :param outcome: passed, failed or skipped.
    :param seconds: how long each phase took.
    """

    name: str
    outcome: str = "passed"
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    @property
    def total(self) -> float:
        """How many seconds all phases took."""
        return sum(self.seconds.values())


def read_tests(folder: Path) -> list[Test]:
    """Read all reports of a step; a file that cannot be collected counts as a failed test."""
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
            if kind == "TestReport":
                test.seconds[entry["when"]] = entry["duration"]
    return list(tests.values())
