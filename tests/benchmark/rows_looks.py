"""What the service uses between heartbeats, and how soon it sees a message, with a Git host that is far away."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import read_inbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.waiting import waiting
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.benchmark.far_host import FarHost
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale
from ansible_collections.acs.builders.tests.benchmark.scene import BODY, Command, make_scene, move_remotes
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.waiting import until

TICKS = os.sysconf("SC_CLK_TCK")
OLD = timedelta(hours=-1)
"""The age of a message that begins no conversation."""


def looks(scale: Scale) -> list[Result]:
    """Run the services of two servers: at rest, while somebody waits, and while they send each other messages."""
    builders = make_scene(scale.folder)
    seconds = scale.pick(180, 6)
    with FarHost(scale.folder, scale.folder) as host, ExitStack() as stack:
        move_remotes(builders, host.url, host.certificate)
        pids = [stack.enter_context(running(Command(builders, server), host)) for server in builders.ids]
        states = [StateDirectory(builders.state(server)) for server in builders.ids]
        until(lambda: all((state.path / "summary.json").exists() for state in states), "no first heartbeat")
        at_rest = usage(pids, seconds)
        with waiting(states[0]), waiting(states[1]):
            frequent = usage(pids, seconds)
        rest = [seen_after(builders, host, number, OLD) for number in range(scale.pick(20, 1))]
        talk = [seen_after(builders, host, number, timedelta()) for number in range(2 + scale.pick(100, 1))][2:]
    detail = {"seconds": seconds}
    name = "looks, https, 40 ms"
    return [
        Result(f"{name}: CPU of the service at rest", at_rest, "%", at_most=0.5, detail=detail),
        Result(f"{name}: CPU of the service while somebody waits", frequent, "%", at_most=2, detail=detail),
        Result(f"{name}: seen after, from rest, median", statistics.median(rest), "s", times={"rest": rest}),
        Result(f"{name}: seen after, from rest, longest", max(rest), "s", at_most=20),
        Result(f"{name}: seen after, in a conversation, median", statistics.median(talk), "s", at_most=4),
        Result(f"{name}: seen after, in a conversation, longest", max(talk), "s", at_most=8, times={"talk": talk}),
    ]


@contextmanager
def running(command: Command, host: FarHost) -> Iterator[int]:
    """Run the service of a server, and give its process id."""
    command.configure(pat_file=str(host.pat_file))
    program = str(command.package / "builderctl")
    with subprocess.Popen([sys.executable, "-I", program, "--config", str(command.config), "heartbeat"]) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def usage(pids: list[int], seconds: float) -> float:
    """Percent of a core that the process which uses most needs, with its children that have ended."""
    before = [processor_time(pid) for pid in pids]
    time.sleep(seconds)
    return max(100 * (processor_time(pid) - used) / seconds for pid, used in zip(pids, before))


def processor_time(pid: int) -> float:
    """Seconds of the processor (proc_pid_stat(5), utime to cstime)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def seen_after(builders: Builders, host: FarHost, number: int, age: timedelta) -> float:
    """Send a message, each time from the other server, and return after how many seconds its recipient has seen it.

    :param age: by how much the clock of the sender is wrong.
    """
    sender, recipient = builders.ids if number % 2 else reversed(builders.ids)
    state = StateDirectory(builders.state(recipient))
    begin = time.perf_counter()
    with builders.host(sender, pat_file=str(host.pat_file)) as server:
        clock = Clock(datetime.now(timezone.utc), age)
        message_id = send(clock.on(server), Draft("Measured", BODY), [recipient]).result[0].id

    def is_seen() -> bool:
        inbox = read_inbox(state)
        return inbox is not None and message_id in [message.id for message in inbox.messages]

    until(is_seen, "not seen")
    return time.perf_counter() - begin


ROWS = (Row("looks", looks),)
