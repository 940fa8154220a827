"""Print how long one send takes through the core, against a bare repository on this disk.

Run it with the project's Python: .venv/dev/bin/python tests/benchmark/send.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.plugins.module_utils.coordination.messages import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.sending import send
from ansible_collections.acs.builders.tests.builders import make_builders

SENDS = 40


def main() -> None:
    """Send and print the median, the fastest and the slowest, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        builders = make_builders(Path(folder), legacy=True)
        times = []
        for number in range(SENDS):
            started = time.perf_counter()
            with builders.host("build1") as host:
                send(host, Draft(f"{number}", "x" * 500))
            times.append((time.perf_counter() - started) * 1000)
    print(f"{SENDS} sends: median {statistics.median(times):.0f} ms, {min(times):.0f} to {max(times):.0f} ms")


if __name__ == "__main__":
    main()
