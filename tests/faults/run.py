"""Inject faults into a fleet of real clones, and check that nothing is lost, duplicated or left stuck.

Every row of the report is one kind of fault, in a separate repository. Rows run at the same time, one for each
processor. The exit code is 1 if any row has a violation. A
run can be repeated with its seed, except for the order in which processes run at the same time.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.tests.faults import (
    mixed_fleet,
    rows_documents,
    rows_hosts,
    rows_network,
    rows_processes,
    rows_remote,
    week,
)
from ansible_collections.acs.builders.tests.faults.checker import Findings
from ansible_collections.acs.builders.tests.faults.git_host import GitHostProcess
from ansible_collections.acs.builders.tests.faults.relay import Relay
from ansible_collections.acs.builders.tests.faults.report import Result, table
from ansible_collections.acs.builders.tests.faults.rows import Row
from ansible_collections.acs.builders.tests.faults.world import World

ROWS: tuple[Row, ...] = (
    *rows_network.ROWS,
    *rows_processes.ROWS,
    *rows_hosts.ROWS,
    *rows_remote.ROWS,
    *rows_documents.ROWS,
    *mixed_fleet.ROWS,
    *week.ROWS,
)
EXAMPLES = """examples:
  make faults                                    every row, with a new seed
  make faults SEED=7 LENGTH=3                    three times as much, with seed 7
  python tests/faults/run.py --row relay         the rows whose name contains "relay"
  python tests/faults/run.py --list              the names of all rows
  python tests/faults/run.py --length 0.1 --json a short run, with a report as JSON
"""


class Rig:
    """A Git host and a relay before it, in a folder. Use :func:`rig`."""

    def __init__(self, folder: Path, relay: Relay, quiet: bool) -> None:
        self._folder = folder
        self._relay = relay
        self._quiet = quiet
        self._worlds = 0

    def run(self, row: Row, seed: int, length: float = 1) -> Result:
        """Run one row in a separate world."""
        reason = row.cannot()
        if reason:
            return Result(row.name, skipped=reason)
        started = time.monotonic()
        self._worlds += 1
        folder = self._folder / f"world{self._worlds}"

        def show(line: str) -> None:
            if not self._quiet:
                print(f"{time.strftime('%H:%M:%S')} {row.name}: {line}", file=sys.stderr, flush=True)

        show("begins")
        with World(folder, self._folder, self._relay, f"{seed} {row.name}", show) as world:
            findings = _inject(row, world, length)
        seconds = time.monotonic() - started
        show(f"{world.faults} faults, {findings.acknowledged} acknowledged, {seconds:.0f} s")
        for violation in findings.violations:
            show(f"  {violation}")
        errors = dict(world.ledger.errors)
        return Result(row.name, findings, world.faults, seconds, figures=world.figures, errors=errors)


def _inject(row: Row, world: World, length: float) -> Findings:
    """Run a row; a row that raises an exception fails, and the others are run anyway."""
    try:
        world.begin()
        row.run(world, length)
        return world.settle()
    except Exception:  # it is reported
        return Findings(crashed=[f"the rig: {traceback.format_exc()}"], wedged=world.trouble)


@contextmanager
def rig(quiet: bool = True) -> Iterator[Rig]:
    """Start the rig, for any number of rows, and remove it afterwards.

    :param quiet: whether it prints no progress on standard error.
    """
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        top = Path(folder).resolve()
        with GitHostProcess(top) as host, Relay(host.port) as relay:
            yield Rig(top, relay, quiet)


def _run_alone(place: int, seed: int, length: float, quiet: bool) -> Result:
    """Run a row in a rig of its own, beside others.

    :param place: its place in ``ROWS``; the row itself cannot be sent to another process.
    """
    try:
        with rig(quiet) as the_rig:
            return the_rig.run(ROWS[place], seed, length)
    except SystemExit:
        os._exit(1)  # the executor would go on with the next row


def _run_side_by_side(rows: Sequence[Row], run_alone: Callable[[int], Result]) -> list[Result]:
    """Run rows, one for each processor at a time. The processes are ended if this is interrupted."""
    with ProcessPoolExecutor(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as workers:
        try:
            return list(workers.map(run_alone, [ROWS.index(row) for row in rows]))
        except BaseException:
            workers.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, help="the seed of all random choices (default: a new one)")
    parser.add_argument(
        "--length", type=float, default=1, help="1: a full run; 0.1: a tenth of it (default: %(default)s)"
    )
    parser.add_argument("--row", action="append", default=[], metavar="WORDS", help="only rows with WORDS in the name")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and exit")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--quiet", action="store_true", help="do not print the progress")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the rows of the command line, print the report, and return the exit code."""
    asked = parse(arguments)
    chosen = [row for row in ROWS if not asked.row or any(words in row.name for words in asked.row)]
    if asked.list or not chosen:
        print("\n".join(row.name for row in ROWS))
        return 0 if asked.list else 2
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1_000_000)
    started = time.monotonic()
    if not asked.quiet:
        print(f"seed {seed}, length {asked.length:g}, {len(chosen)} rows", file=sys.stderr, flush=True)
    results = _run_side_by_side(chosen, partial(_run_alone, seed=seed, length=asked.length, quiet=asked.quiet))
    seconds = time.monotonic() - started
    failed = any(result.findings.violations for result in results)
    if asked.json:
        head = {"seed": seed, "length": asked.length, "seconds": round(seconds, 1), "failed": failed}
        print(json.dumps({**head, "rows": [result.as_json() for result in results]}, indent=2))
    else:
        print(table(results))
        again = f"make faults SEED={seed} LENGTH={asked.length:g}"
        print(f"\n{'FAILED' if failed else 'ok'}: {len(results)} rows in {seconds:.0f} s; replay: {again}")
    return int(failed)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):  # so that nothing is left behind
        signal.signal(number, lambda *_about: sys.exit("ended"))
    sys.exit(main(sys.argv[1:]))
