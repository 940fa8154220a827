"""The growth of time and memory of every operation with the mailbox, without archiving."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.archive import archive
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.benchmark.history import add_past_messages
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, seconds_of
from ansible_collections.acs.builders.tests.benchmark.scene import BODY, TOP, make_scene
from ansible_collections.acs.builders.tests.builders import Builders

SERVER, OTHER = "build1", "build2"
MEGABYTE = 10**6
MODULE = "ansible_collections.acs.builders.tests.benchmark.rows_curve"


def _ids(host: Host) -> list[str]:
    """Return the ids of the unread messages."""
    return [message["id"] for message in list_messages(host, Filter()).messages]


OPERATIONS: dict[str, Callable[[Host, str], object]] = {
    "list": lambda host, _id: list_messages(host, Filter()),
    "thread": lambda host, one: list_messages(host, Filter(thread=one)),
    "send": lambda host, _id: send(host, Draft("Measured", BODY), [OTHER]),
    "mark read": lambda host, one: mark_read(host, [one]),
    "acknowledge": lambda host, one: acknowledge(host, [one]),
    "reply": lambda host, one: reply(host, one, Draft("", BODY)),
    "status": lambda host, one: write_status(host, Report("building", job=one)),
    "health": lambda host, _id: read_health(host),
    "archive": lambda host, _id: archive(host),
}
"""The operations of a server, each with the id of an unread message."""
WRITES = ("send", "mark read", "acknowledge", "reply", "status")
"""The operations that create a commit each time."""


def measure(builders: Builders, name: str, one: str) -> dict[str, float]:
    """Run an operation in a separate process, and return its milliseconds without the start, and its peak megabytes."""
    command = [sys.executable, "-m", MODULE, str(builders.folder), name, one]
    environment = {**os.environ, "PYTHONPATH": str(TOP / "collections")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def act(folder: str, name: str, one: str) -> None:
    """Run an operation, and print its time and its memory."""
    builders = Builders(Path(folder), (SERVER, OTHER))
    commits = builders.commits()
    with builders.host(SERVER) as host:
        took = seconds_of(lambda: OPERATIONS[name](host, one))
    assert name not in WRITES or builders.commits() == commits + 1, f"{name} wrote nothing"
    print(json.dumps({"ms": took * 1000, "MB": _peak_memory() / MEGABYTE}))


def _peak_memory() -> int:
    """Return the peak memory of this process in bytes.

    That of getrusage(2) is at least the memory of the process that started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024


def curve(scale: Scale) -> list[Result]:
    """Measure every operation with smaller and larger mailboxes."""
    sizes, times = scale.pick(((100, 300, 1000, 3000, 10_000), 5), ((100, 150), 1))
    points: dict[str, list[list[float]]] = {name: [] for name in OPERATIONS}
    for number in sizes:
        folder = scale.folder / str(number)
        folder.mkdir()
        builders = make_scene(folder)
        add_past_messages(builders, number)
        with builders.host(OTHER) as host:
            drafts = [Draft(f"Unread {place}", BODY, require_ack=True) for place in range(len(OPERATIONS) * times)]
            ids = iter([send(host, draft, [SERVER]).result[0].id for draft in drafts])
        for name in OPERATIONS:
            found = [measure(builders, name, next(ids)) for _time in range(times)]
            medians = [round(statistics.median(one[what] for one in found), 1) for what in ("ms", "MB")]
            points[name].append([number, *medians])
    name = f"with {sizes[-1]:,} messages against {sizes[0]}: time of"
    most = max(line[-1][2] for line in points.values())
    return [
        Result(f"{sizes[-1]:,} messages in the mailbox: most memory of an operation", most, "MB", at_most=60),
        *(Result(f"{name} {one}", line[-1][1] / line[0][1], detail={"points": line}) for one, line in points.items()),
    ]


ROWS = (Row("curve", curve),)

if __name__ == "__main__":
    act(*sys.argv[1:])
