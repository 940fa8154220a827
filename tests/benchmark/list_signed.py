"""Print how long a listing of 50 unread signed messages of 1,000 takes: the first one, and those after it.

Run it with the project's Python: .venv/dev/bin/python tests/benchmark/list_signed.py
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.plugins.module_utils.coordination.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.messages import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.sending import send
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, make_builders

OLD, UNREAD, AGAIN = 950, 50, 10


def fill(builders: Builders) -> None:
    """Put old messages that are read into the mailbox, and send those that are unread, signed."""
    old = [
        {"id": f"old_{number}", "from": "build1", "to": "build2", "subject": "Old", "body": "x" * 500, "read": True}
        for number in range(OLD)
    ]
    builders.commit(MESSAGES, json.dumps({"messages": old}, indent=2).encode())
    builders.trust()
    with builders.host("build1") as host:
        for number in range(UNREAD):
            send(host, Draft(f"{number}", "x" * 500))


def listed(builders: Builders) -> float:
    """List the unread messages, and return how long it took, in milliseconds."""
    started = time.perf_counter()
    with builders.host("build2") as host:
        messages = list_messages(host, Filter()).messages
    took = (time.perf_counter() - started) * 1000
    assert [one["verified"] for one in messages] == ["true"] * UNREAD
    return took


def fetched(builders: Builders) -> float:
    """Fetch with Git alone, and return how long it took, in milliseconds."""
    started = time.perf_counter()
    subprocess.run(["git", "-C", builders.clone("build2"), "fetch", "--quiet"], check=True)
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        builders = make_builders(Path(folder))
        fill(builders)
        first = listed(builders)
        pairs = [(listed(builders), fetched(builders)) for _turn in range(AGAIN)]
    again, fetch = (statistics.median(column) for column in zip(*pairs))
    print(f"{UNREAD} unread signed of {OLD + UNREAD}: first {first:.0f} ms, then {again:.0f} ms (median of {AGAIN}),")
    print(f"{again / fetch:.1f} times a 'git fetch' of the same ({fetch:.0f} ms)")


if __name__ == "__main__":
    main()
