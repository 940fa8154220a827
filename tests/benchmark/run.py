"""Measure the product against the old way, the floor and a growing fleet, and print one table.

    python tests/benchmark/run.py --row race --row list --json race.json
    python tests/benchmark/run.py --quick

A missed goal is a result, not an error: the exit code is 1 only if a row could not be measured.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "collections"))

import pyperf
from ansible_collections.acs.builders.tests.benchmark import (
    document,
    rows_ansible,
    rows_clone,
    rows_compare,
    rows_curve,
    rows_fleet,
    rows_growth,
    rows_history,
    rows_list,
    rows_looks,
    rows_page,
    rows_plays,
    rows_race,
    rows_send,
    rows_service,
    rows_start,
)
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale

ROWS: tuple[Row, ...] = (
    *rows_send.ROWS,
    *rows_list.ROWS,
    *rows_race.ROWS,
    *rows_growth.ROWS,
    *rows_curve.ROWS,
    *rows_clone.ROWS,
    *rows_history.ROWS,
    *rows_service.ROWS,
    *rows_looks.ROWS,
    *rows_page.ROWS,
    *rows_compare.ROWS,
    *rows_start.ROWS,
    *rows_ansible.ROWS,
    *rows_plays.ROWS,
    *rows_fleet.ROWS,
)
REPORT = TOP / "tests" / "output" / "benchmark.json"
MAX_ERROR = 300
"""Characters of an error that are printed."""
GREEN, RED, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"


def measure(rows: Sequence[Row], quick: bool) -> tuple[list[Result], list[str]]:
    """Measure rows, each in an empty folder that is also its home, and return the results and the errors."""
    results: list[Result] = []
    errors: list[str] = []
    for number, row in enumerate(rows, start=1):
        started = time.monotonic()
        print(f"{number} of {len(rows)}: {row.name} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder, home(Path(folder)):
            try:
                results += row.run(Scale(Path(folder), quick))
            except Exception as error:  # the other rows are measured anyway
                errors.append(f"{row.name}: {type(error).__name__}: {str(error)[:MAX_ERROR]}")
        print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return results, errors


@contextlib.contextmanager
def home(folder: Path) -> Iterator[None]:
    """Ignore this machine's settings for Git inside the context."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("GIT_") or name == "PYTHONDONTWRITEBYTECODE"]:
        del os.environ[name]
    os.environ["HOME"] = str(folder / "home")
    (folder / "home").mkdir()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def goal_text(result: Result, colours: bool) -> str:
    """Return whether a goal is met, as text."""
    if result.met is None:
        return ""
    word, colour = ("met", GREEN) if result.met else ("MISSED", RED)
    return f"{colour}{word}{PLAIN}" if colours else word


def table(results: Sequence[Result], colours: bool = False) -> str:
    """Return the results as text, a line each."""
    width = max((len(result.name) for result in results), default=0)
    lines = []
    for result in results:
        value, spread = document.value_of(result), document.spread_of(result)
        line = f"{result.name:{width}}  {value:>12}  {spread:>15}  {document.goal_of(result):>8}  "
        lines.append((line + goal_text(result, colours)).rstrip())
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """Return the machine and the versions of the measurement."""
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    return {"cores": os.cpu_count(), "python": platform.python_version(), "git": git, "kernel": platform.release()}


def of_today() -> str:
    """Return the date and the commit of this run."""
    commit = subprocess.run(
        ["git", "-C", str(TOP), "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return f"{datetime.now(timezone.utc):%Y-%m-%d}, {commit}"


def write_json(path: Path, results: Sequence[Result], errors: Sequence[str]) -> None:
    """Write all results with their details, and beside them their times for pyperf."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [{**asdict(result), "met": result.met} for result in results]
    path.write_text(json.dumps({"machine": machine(), "results": lines, "errors": errors}, indent=2) + "\n")
    timed = [
        pyperf.Benchmark(
            [pyperf.Run(times, metadata={"name": f"{result.name}: {side}", "unit": "second"}, collect_metadata=False)]
        )
        for result in results
        for side, times in result.times.items()
    ]
    if timed:
        pyperf.BenchmarkSuite(timed).dump(str(path.with_suffix(".pyperf.json")), replace=True)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    about, _blank, examples = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--row", action="append", default=[], metavar="TEXT", help="only rows whose name contains TEXT")
    parser.add_argument("--quick", action="store_true", help="small and short, to check that it works")
    parser.add_argument("--json", type=Path, default=REPORT, metavar="FILE", help="file for all results (%(default)s)")
    parser.add_argument("--docs", action="store_true", help="write the results into the table and plot in docs/")
    parser.add_argument("--list", action="store_true", help="list the rows and measure nothing")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Measure the requested rows, and return the exit code."""
    given = parse(argv)
    rows = [row for row in ROWS if not given.row or any(text in row.name for text in given.row)]
    if not rows:
        print(f"No row has {' or '.join(given.row)} in its name; --list shows all.", file=sys.stderr)
        return 2
    if given.list:
        print("\n".join(row.name for row in rows))
        return 0
    results, errors = measure(rows, given.quick)
    print(table(results, sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    write_json(given.json, results, errors)
    if given.docs:
        document.write(TOP / "docs", results, is_all=not given.row, measured=of_today())
    for error in errors:
        print(f"not measured: {error}", file=sys.stderr)
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
