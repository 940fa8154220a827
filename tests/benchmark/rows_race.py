"""Eight writers of 25 messages each at once, compared with the floor's rate."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.messages import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.sending import send
from ansible_collections.acs.builders.tests.benchmark.far_host import FarHost
from ansible_collections.acs.builders.tests.benchmark.floor import FLOOR_REMOTE, Floor
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, seconds_of
from ansible_collections.acs.builders.tests.benchmark.scene import BODY, make_scene, move_remotes
from ansible_collections.acs.builders.tests.builders import Builders

READER = "build1"
WRITERS = 8
_SPAWN = multiprocessing.get_context("spawn")


def write(builders: Builders, server: str, number: int, options: Any, start: Barrier, told: Any) -> None:
    """Send messages one after the other, as a process of its own, and tell how long each has taken."""
    start.wait()
    waits = []
    for _message in range(number):
        began = time.perf_counter()
        with builders.host(server, timeout=120, **options) as host:
            send(host, Draft("Race", BODY), [READER])
        waits.append(time.perf_counter() - began)
    told.put(waits)


def run_race(builders: Builders, writers: Sequence[str], each: int, options: Any) -> tuple[float, list[float]]:
    """Let writers write at once, and return how long they took together and how long each message, in seconds."""
    start, told = _SPAWN.Barrier(len(writers) + 1), _SPAWN.Queue()
    processes = [_SPAWN.Process(target=write, args=(builders, one, each, options, start, told)) for one in writers]
    for process in processes:
        process.start()
    start.wait(60)
    waits: list[float] = []
    took = seconds_of(lambda: waits.extend(wait for _writer in writers for wait in told.get(timeout=600)))
    for process in processes:
        process.join(60)
    return took, waits


def race(scale: Scale, one_host: bool, is_far: bool) -> list[Result]:
    """A race of eight hosts with a writer each, or of one host with eight."""
    hosts = tuple(f"writer{number}" for number in range(1 if one_host else WRITERS))
    builders = make_scene(scale.folder, (READER, *hosts))
    each, pushes = scale.pick(25, 2), scale.pick(20, 2)
    writers = [hosts[number % len(hosts)] for number in range(scale.pick(WRITERS, 3))]
    floor = Floor(builders.remote, pushes)
    commits = builders.commits()
    if is_far:
        with FarHost(scale.folder, scale.folder) as host:
            floor.url = f"{host.url}/{FLOOR_REMOTE}"
            move_remotes(builders, host.url)
            alone = [seconds_of(floor.push) for _push in range(pushes)]
            took, waits = run_race(builders, writers, each, {"pat_file": str(host.pat_file)})
    else:
        alone = [seconds_of(floor.push) for _push in range(pushes)]
        took, waits = run_race(builders, writers, each, {})
    delivered = Counter(message["id"] for message in builders.messages() if message["subject"] == "Race")
    sent = len(writers) * each
    name = f"race of {'1 host' if one_host else '8 hosts'}, {'40 ms' if is_far else 'local'}"
    rate = (sent / took) / (1 / statistics.median(alone))
    detail = {"seconds": round(took, 2), "floor ms": round(statistics.median(alone) * 1000, 1)}
    medians = {"median ms": round(statistics.median(waits) * 1000), "longest ms": round(max(waits) * 1000)}
    once = sum(1 for number in delivered.values() if number == 1)
    return [
        Result(f"{name}: delivered exactly once", once, "", at_least=sent, at_most=len(delivered)),
        Result(f"{name}: rate / the floor's", rate, at_least=0.6, times={"ours": waits, "floor": alone}, detail=detail),
        Result(f"{name}: longest wait / median", max(waits) / statistics.median(waits), at_most=10, detail=medians),
        Result(f"{name}: commits", builders.commits() - commits, ""),
    ]


ROWS = (
    Row("race of 8 hosts, local", lambda scale: race(scale, one_host=False, is_far=False)),
    Row("race of 1 host, local", lambda scale: race(scale, one_host=True, is_far=False)),
    Row("race of 8 hosts, 40 ms", lambda scale: race(scale, one_host=False, is_far=True)),
    Row("race of 1 host, 40 ms", lambda scale: race(scale, one_host=True, is_far=True)),
)
