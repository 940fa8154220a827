"""The storage that 30 days of heartbeats of two servers use."""

from __future__ import annotations

import multiprocessing
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_refs import HeartbeatRefs
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, seconds_of
from ansible_collections.acs.builders.tests.benchmark.scene import at, make_scene
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.waiting import LIMIT

MEGABYTE = 10**6
INTERVAL = timedelta(seconds=60)
READ_EVERY = 10
"""Heartbeats after which a server reads those of the others."""
_SPAWN = multiprocessing.get_context("spawn")


def beat(builders: Builders, server: str, number: int) -> None:
    """Publish heartbeats of a server, each a minute later; for a separate process."""
    start = datetime.now(timezone.utc)
    for place in range(number):
        now = start + place * INTERVAL
        with builders.host(server, timeout=LIMIT) as opened:
            host = replace(opened, clock=at(now))
            publish_heartbeat(host, compose_heartbeat(host, [], 60, "benchmark", "2026-01-01T00:00:00Z"))
            if place % READ_EVERY == 0:
                with HeartbeatRefs(host) as beats:
                    assert server in beats.read()
        if place % 1000 == 999:
            print(f"  {server}: beat {place + 1}", file=sys.stderr, flush=True)


def size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def collected(builders: Builders) -> int:
    """Return the bytes of the remote after garbage collection."""
    git("gc", "--quiet", "--prune=now", cwd=builders.remote)
    return size(builders.remote)


def cloned(builders: Builders, name: str) -> tuple[int, float]:
    """Return the bytes of the objects in a fresh clone, and the seconds that it took."""
    clone = builders.folder / name
    took = seconds_of(lambda: git("clone", "--quiet", "--bare", f"file://{builders.remote}", clone))
    return size(clone / "objects"), took


def history(scale: Scale) -> list[Result]:
    """Publish the heartbeats of 30 days at full speed."""
    builders = make_scene(scale.folder)
    beats = scale.pick(30 * 24 * 60, 20)
    for server in builders.ids:
        beat(builders, server, 1)
    commits, remote, clone = builders.commits(), collected(builders), cloned(builders, "before.git")
    own = {server: size(builders.folder / server) for server in builders.ids}
    processes = [_SPAWN.Process(target=beat, args=(builders, server, beats)) for server in builders.ids]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)
    grown = max(size(builders.folder / server) - own[server] for server in builders.ids) / MEGABYTE
    after = cloned(builders, "after.git")
    times = {"before ms": round(clone[1] * 1000, 1), "after ms": round(after[1] * 1000, 1)}
    name = "30 days of beats"
    return [
        Result(f"{name}: commits on main", builders.commits() - commits, "", at_most=0, detail={"beats": 2 * beats}),
        Result(f"{name}: growth of the remote", (collected(builders) - remote) / MEGABYTE, "MB", at_most=1),
        Result(f"{name}: fresh clone, after / before, bytes", after[0] / clone[0], at_most=1.05, detail=times),
        Result(f"{name}: growth of a server's clone and state", grown, "MB", at_most=10),
    ]


ROWS = (Row("beats", history),)
