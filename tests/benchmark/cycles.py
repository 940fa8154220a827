"""Run cycles of the service one after the other, with the installed package, and print what the process uses.

    python3 -I tests/benchmark/cycles.py PACKAGE_FOLDER CONFIG CYCLES

prints a JSON object a line: when all is loaded, when memory has settled, and after CYCLES more cycles.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

LOADED = 10
"""Cycles after which all modules are loaded."""
SETTLED = 500
"""Cycles after which Python's table of interned strings, to which each Path adds, is as large as it gets."""


def usage() -> dict[str, float]:
    """Return memory in bytes, CPU seconds with those of ended children, and the numbers of descriptors and children."""
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    return {
        "memory": pages * os.sysconf("SC_PAGE_SIZE"),
        "cpu": sum(one.ru_utime + one.ru_stime for one in times),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "children": len(children),
    }


def main(folder: str, config_file: str, cycles: str) -> None:
    """Run the cycles."""
    sys.path.insert(0, folder)
    from acs_builders.builderctl.cycle import Cycle
    from acs_builders.builderctl.service_log import ServiceLog
    from acs_builders.coordination.identity.config import load_config

    config = load_config(config_file)
    cycle = Cycle(config, ServiceLog(Path(config.log_folder, "heartbeat.log")), "2026-01-01T00:00:00Z", config.interval)
    settled = min(SETTLED, LOADED + int(cycles))
    last = settled + int(cycles)
    for number in range(1, last + 1):
        cycle.run()
        if number in (LOADED, settled, last):
            print(json.dumps({"cycle": number, **usage()}), flush=True)
        elif number % 500 == 0:
            print(f"  cycle {number}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
