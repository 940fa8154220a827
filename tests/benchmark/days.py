"""Simulate days of the services of two servers, as the installed package, and print what they use.

    python3 -I tests/benchmark/days.py PACKAGE_FOLDER DAYS CONFIG CONFIG

Both run in this process. Each beats and looks at its real intervals, by a clock that stands still while it works. One
hour in eight, one of them writes to the other every five minutes, which then reads its mail. Prints a JSON object after
a tenth of the time and at the end.
"""

from __future__ import annotations

import heapq
import json
import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.acs.builders.tests.benchmark.cycles import usage

HOUR, DAY = 3600, 86400
QUIET_HOURS = 7
"""Hours from the end of a conversation to the next one."""
WRITE_EVERY = 300
"""Seconds between two messages of a conversation."""
SEED = 30


class Clock:
    """A clock that is moved; ``seconds`` are those since its start."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._start = datetime.now(timezone.utc)

    def utc(self) -> datetime:
        """The current time in UTC."""
        return self._start + timedelta(seconds=self.seconds)


class Service:
    """The service of a server.

    :param cycle: its cycles and looks.
    :param jitters: by which fraction cycles and looks are earlier or later.

    ``cpu`` are the seconds of the processor that it has used, and ``beats`` and ``looks`` are counted.
    """

    def __init__(self, cycle: Any, config: Any, jitters: tuple[float, float]) -> None:
        self.config = config
        self.cpu, self.beats, self.looks = 0.0, 0, 0
        self._cycle = cycle
        self._jitters = jitters
        self._random = random.Random(SEED)
        self._next_beat = 0.0

    def act(self, now: float) -> float:
        """Beat or look, and return when this is to be called again.

        :param now: seconds since the start.
        """
        before = usage()["cpu"]
        if now >= self._next_beat:
            self._cycle.run()
            self.beats += 1
            self._next_beat = now + self._varied(self._cycle.interval, self._jitters[0])
        else:
            self._cycle.look()
            self.looks += 1
        self.cpu += usage()["cpu"] - before
        return min(self._next_beat, now + self._varied(self._cycle.look_interval(False), self._jitters[1]))

    def _varied(self, seconds: float, jitter: float) -> float:
        return seconds * self._random.uniform(1 - jitter, 1 + jitter)


def writings(length: float) -> list[float]:
    """When messages are written, in seconds since the start."""
    hours = range(0, int(length), (QUIET_HOURS + 1) * HOUR)
    return [float(when) for hour in hours for when in range(hour, hour + HOUR, WRITE_EVERY)]


def live(services: list[Service], clock: Clock, length: float, write: Callable[[int], None]) -> None:
    """Let the services live, and print what they use after a tenth of the time and at the end.

    :param length: seconds.
    :param write: writes a message with this number.
    """
    due = [(0.0, place) for place in range(len(services))]
    unwritten, written, marks = writings(length), 0, [length / 10, length]
    while marks:
        clock.seconds, place = heapq.heappop(due)
        if clock.seconds >= marks[0]:
            marks.pop(0)
            print(json.dumps({**used(services), "seconds": clock.seconds, "messages": written}), flush=True)
        if unwritten and clock.seconds >= unwritten[0]:
            unwritten.pop(0)
            write(written)
            written += 1
        heapq.heappush(due, (services[place].act(clock.seconds), place))


def used(services: list[Service]) -> dict[str, float]:
    """What this process and its services have used."""
    folders = [Path(folder) for one in services for folder in (one.config.repo, one.config.state_dir)]
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {
        **usage(),
        "service": max(one.cpu for one in services),
        "beats": sum(one.beats for one in services),
        "looks": sum(one.looks for one in services),
        "disk": sum(path.stat().st_size for path in files),
    }


def main(folder: str, days: str, *configs: str) -> None:
    """Simulate the days."""
    sys.path.insert(0, folder)
    from acs_builders.coordination import timestamps

    clock = Clock()
    timestamps.utc_now = clock.utc  # before other modules import it
    from acs_builders.builderctl import cycle, look_interval, service
    from acs_builders.builderctl.service_log import ServiceLog
    from acs_builders.coordination.identity.config import load_config
    from acs_builders.coordination.mail.draft import Draft
    from acs_builders.coordination.operations.listing import Filter, list_messages
    from acs_builders.coordination.operations.mark import mark_read
    from acs_builders.coordination.operations.send import send

    cycle.time = SimpleNamespace(monotonic=lambda: clock.seconds)
    jitters = service.JITTER, look_interval.JITTER
    services = []
    for name in configs:
        config = load_config(name)
        log = ServiceLog(Path(config.log_folder, "heartbeat.log"))
        services.append(Service(cycle.Cycle(config, log, "2026-01-01T00:00:00Z", config.interval), config, jitters))

    def write(number: int) -> None:
        writer, reader = (services[(number + one) % 2].config for one in (0, 1))
        with reader.host() as host:
            partner = host.id
            mark_read(host, [message["id"] for message in list_messages(host, Filter()).messages])
        with writer.host() as host:
            send(host, Draft(f"Message {number}", "A line of a message. " * 24), [partner])

    live(services, clock, float(days) * DAY, write)


if __name__ == "__main__":
    main(*sys.argv[1:])
