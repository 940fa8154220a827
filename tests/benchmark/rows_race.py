"""Eight writers of 25 messages each, compared with the floor's rate.

A writer has its messages all at once, and they go out in common commits; or one after the other, each when the one
before is on the remote, so that none can share a commit. For the latter on eight hosts there is a bound: writers of
plain Git that never lose, but must fetch before each push, since others have pushed.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.synchronize import Barrier
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import deliver
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.benchmark.far_host import FarHost
from ansible_collections.acs.builders.tests.benchmark.floor import FLOOR_REMOTE, Floor
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale, alternate, seconds_of
from ansible_collections.acs.builders.tests.benchmark.scene import BODY, make_scene, move_remotes
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.waiting import LIMIT

READER = "build1"
WRITERS = 8
_SPAWN = multiprocessing.get_context("spawn")


def write(builders: Builders, server: str, number: int, at_once: bool, options: Any, start: Barrier, told: Any) -> None:
    """Send messages, as a process of its own, and tell how long each has taken."""

    late: list[float] = []

    def write_one(_number: int) -> float:
        began = time.perf_counter()
        with builders.host(server, timeout=LIMIT, **options) as host:
            if send(host, Draft("Race", BODY), [READER]).queued:
                late.append(began)
        return time.perf_counter() - began

    start.wait()
    with ThreadPoolExecutor(number if at_once else 1) as pool:
        waits = list(pool.map(write_one, range(number)))
    if late:  # others of this host were at it for too long
        with builders.host(server, timeout=LIMIT, **options) as host:
            deliver(host)
        waits.append(time.perf_counter() - min(late))
    told.put(waits)


def run_race(
    builders: Builders, writers: Sequence[str], each: int, at_once: bool, options: Any
) -> tuple[float, list[float]]:
    """Let writers write, and return how long they took together and how long each message, in seconds."""
    start, told = _SPAWN.Barrier(len(writers) + 1), _SPAWN.Queue()
    given = (each, at_once, options, start, told)
    processes = [_SPAWN.Process(target=write, args=(builders, one, *given)) for one in writers]
    for process in processes:
        process.start()
    start.wait(LIMIT)
    waits: list[float] = []
    took = seconds_of(lambda: waits.extend(wait for _writer in writers for wait in told.get(timeout=LIMIT)))
    for process in processes:
        process.join(LIMIT)
    return took, waits


def race(scale: Scale, hosts: int, at_once: bool, is_far: bool) -> list[Result]:
    """A race of as many hosts, of one writer each, or of eight on one host."""
    names = tuple(f"writer{number}" for number in range(hosts))
    builders = make_scene(scale.folder, (READER, *names))
    each, pushes = scale.pick(25, 2), scale.pick(20, 2)
    writers = [names[number % len(names)] for number in range(scale.pick(WRITERS, 3))]
    floor = Floor(builders.remote, 2 * pushes + 2)
    commits = builders.commits()
    with ExitStack() as stack:
        options = {}
        if is_far:
            host = stack.enter_context(FarHost(scale.folder, scale.folder))
            floor.url = f"{host.url}/{FLOOR_REMOTE}"
            move_remotes(builders, host.url, host.certificate)
            options = {"pat_file": str(host.pat_file)}
        sides = {"floor": floor.push, "with a fetch": floor.fetch_and_push}
        times = alternate(sides, pushes)
        took, waits = run_race(builders, writers, each, at_once, options)
    delivered = Counter(message["id"] for message in builders.messages() if message["subject"] == "Race")
    sent = len(writers) * each
    name = name_of(hosts, at_once, is_far)
    push = statistics.median(times["floor"])
    bound = push / statistics.median(times["with a fetch"])
    detail = {"seconds": round(took, 2), "floor ms": round(push * 1000, 1)}
    given: dict[str, Any] = {"times": {"ours": waits}, "detail": detail}
    medians = {"median ms": round(statistics.median(waits) * 1000), "longest ms": round(max(waits) * 1000)}
    once = sum(1 for number in delivered.values() if number == 1)
    rate = push * sent / took
    if at_once or hosts == 1:
        compared = Result(f"{name}: rate / the floor's", rate, at_least=0.6, **given)
    else:
        goal = 0.85 if is_far else None
        compared = Result(f"{name}: rate / that of Git alone", rate / bound, at_least=goal, **given)
    return [
        Result(f"{name}: delivered exactly once", once, "", at_least=sent, at_most=len(delivered)),
        compared,
        Result(f"{name}: longest wait / median", max(waits) / statistics.median(waits), at_most=10, detail=medians),
        Result(f"{name}: commits", builders.commits() - commits, ""),
    ]


def name_of(hosts: int, at_once: bool, is_far: bool) -> str:
    """The name of a race."""
    who = f"{hosts} hosts" if hosts > 1 else "1 host"
    return f"race of {who}, {'at once' if at_once else 'one by one'}, {'40 ms' if is_far else 'local'}"


def _row(hosts: int, at_once: bool, is_far: bool) -> Row:
    return Row(name_of(hosts, at_once, is_far), lambda scale: race(scale, hosts, at_once, is_far))


ROWS = tuple(
    _row(hosts, at_once, is_far)
    for is_far in (False, True)
    for hosts, at_once in ((WRITERS, True), (WRITERS, False), (1, False))
)
