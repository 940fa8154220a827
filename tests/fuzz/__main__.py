"""Fuzz the readers of every document and the input of every command: run as ``python -m``, with ``--help``."""

from __future__ import annotations

import argparse
import json
import resource
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.acs.builders.tests.fuzz.running import Result, Target, run_target
from ansible_collections.acs.builders.tests.fuzz.targets import targets

PROGRAM = "python -m ansible_collections.acs.builders.tests.fuzz"
ADDRESS_SPACE = 3 << 30
"""Bytes of memory that this process may map: larger allocations fail, before the machine runs out of memory."""
EPILOG = f"""\
Each target is fuzzed for its share of the time, in rounds with their own seeds. The report contains for each target the
number of examples, the number that were refused with a clear error, the seconds of the slowest, and the memory of the
largest in MB. An example that fails is reduced and printed with the command that repeats it.

examples:
  {PROGRAM} --seconds 60
  {PROGRAM} --seconds 60 --seed 7 --json
  {PROGRAM} --target status.json --seconds 20
  {PROGRAM} --target 'builderctl send' --seed 7 --round 3
  {PROGRAM} --list

exit codes:
  0    no target failed
  1    a target failed
  2    wrong usage
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz the targets of the command line, and return the exit code."""
    given = _parse(argv)
    number = secrets.randbelow(2**32) if given.seed is None else given.seed
    log = sys.stderr if given.json else sys.stdout
    with targets() as all_targets:
        chosen = [one for one in all_targets if not given.target or any(text in one.name for text in given.target)]
        if given.list:
            print("\n".join(one.name for one in chosen))
            return 0
        if not chosen:
            print(f"There is no target {', '.join(given.target)}. See --list.", file=sys.stderr)
            return 2
        print(f"seed {number}, {len(chosen)} targets, {given.seconds:g} s", file=log, flush=True)
        print(f"{'target':34} {'run':>6} {'refused':>8} {'slowest':>8} {'MB':>6}", file=log)
        results = _run(chosen, number, given, log)
    if given.json:
        print(json.dumps(_report(number, results)))
    else:
        executions, spent = sum(one.executions for one in results), sum(one.seconds for one in results)
        failed = sum(bool(one.failure) for one in results)
        print(f"{executions} examples in {spent:.0f} s, seed {number}: {failed} of {len(results)} targets failed")
    return int(any(one.failure for one in results))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, metavar="N", help="for all targets together (default: 60)")
    parser.add_argument("--seed", type=int, metavar="N", help="repeat a run (default: a new one, which is printed)")
    parser.add_argument(
        "--target", action="append", metavar="TEXT", help="only targets with TEXT in their names; repeatable"
    )
    parser.add_argument("--round", type=int, metavar="N", help="only this round of each target, to repeat a failure")
    parser.add_argument("--list", action="store_true", help="print the names of the targets and exit")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end; progress goes to stderr")
    return parser.parse_args(argv)


def _run(chosen: list[Target], number: int, given: argparse.Namespace, log: Any) -> list[Result]:
    end = time.monotonic() + given.seconds
    results = []
    for place, target in enumerate(chosen):
        share = (end - time.monotonic()) / (len(chosen) - place)
        result = run_target(target, number, share, given.round)
        results.append(result)
        print(_line(result), file=log, flush=True)
        if result.failure:
            print(_details(result, number), file=log, flush=True)
    return results


def _line(result: Result) -> str:
    state = "  FAILED" if result.failure else ""
    figures = f"{result.executions:6} {result.refused:8} {result.slowest:8.3f} {result.peak / 1e6:6.1f}"
    return f"{result.name:34} {figures}{state}"


def _details(result: Result, number: int) -> str:
    repeat = f"{PROGRAM} --target '{result.name}' --seed {number} --round {result.failed_round}"
    return f"{result.failure}\nexample: {result.example}\nrepeat it with: {repeat}\n"


def _report(number: int, results: list[Result]) -> dict[str, Any]:
    return {
        "seed": number,
        "executions": sum(one.executions for one in results),
        "refused": sum(one.refused for one in results),
        "seconds": round(sum(one.seconds for one in results), 1),
        "failed": [one.name for one in results if one.failure],
        "targets": [asdict(one) for one in results],
    }


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, resource.getrlimit(resource.RLIMIT_AS)[1]))
    raise SystemExit(main())
