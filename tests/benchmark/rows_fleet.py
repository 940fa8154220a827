"""Fifty servers for an hour of simulated time: each beats, looks and sends on one real repository."""

from __future__ import annotations

import heapq
import random
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Callable
from unittest import mock

from ansible_collections.acs.builders.plugins.module_utils.builderctl import cycle as cycles
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import Cycle, heartbeat_interval
from ansible_collections.acs.builders.plugins.module_utils.builderctl.look_interval import JITTER as LOOK_JITTER
from ansible_collections.acs.builders.plugins.module_utils.builderctl.look_interval import LOOKS_PER_SECOND
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service import JITTER
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service_log import ServiceLog
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import read_inbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_now
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale
from ansible_collections.acs.builders.tests.benchmark.scene import BODY, make_scene
from ansible_collections.acs.builders.tests.builders import Builders

HOUR = 3600
MESSAGES_EACH = 4
CYCLE, LOOK, SEND = "cycle", "look", "send"
SEED = 50
Event = tuple[float, str, str]
"""When something happens, in seconds since the start, what, and on which server."""


@dataclass(frozen=True)
class Simulated(Config):
    """A server's settings, whose clock is the simulation's."""

    clock: Callable[[], datetime] = utc_now

    @contextmanager
    def host(self) -> Iterator[Host]:
        """Open the server."""
        with super().host() as host:
            yield replace(host, clock=self.clock)


class Fleet:
    """The servers, what they are to do, and what they have seen.

    :param length: seconds to simulate.
    """

    def __init__(self, builders: Builders, length: float) -> None:
        self.interval = heartbeat_interval(Config(), len(builders.ids))
        self.beats: Counter[str] = Counter()
        self.looks = 0
        self.sent: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        self._builders = builders
        self._now = 0.0
        self._length = length
        self._random = random.Random(SEED)
        self._start = datetime.now(timezone.utc)
        self._configs = {
            server: Simulated(
                repo=str(builders.clone(server)),
                state_dir=str(builders.state(server)),
                pat_file=str(builders.folder / "no-token"),
                log_folder=str(builders.folder / server),
                clock=self._clock,
            )
            for server in builders.ids
        }
        self._cycles = {server: self._service(server) for server in builders.ids}
        self._next_cycle: dict[str, float] = {}
        self._events = list(self._plan())
        heapq.heapify(self._events)

    def settle(self) -> None:
        """Let each server beat once, and archive what the old scripts left."""
        self._builders.announce_archiving(*self._cycles)
        for cycle in self._cycles.values():
            cycle.run()

    def run(self) -> None:
        """Let everything happen in its order. After the end each server looks once more, to see what came last."""
        with mock.patch.object(cycles, "utc_now", self._clock):
            while self._events:
                self._now, what, server = heapq.heappop(self._events)
                {SEND: self._send, CYCLE: self._cycle, LOOK: self._look}[what](server)

    def _clock(self) -> datetime:
        return self._start + timedelta(seconds=self._now)

    def _service(self, server: str) -> Cycle:
        config = self._configs[server]
        log = ServiceLog(Path(config.log_folder, "heartbeat.log"))
        return Cycle(config, log, "2026-01-01T00:00:00Z", config.interval)

    def _plan(self) -> Iterator[Event]:
        for server in self._configs:
            yield self._random.uniform(0, self.interval), CYCLE, server
            for _message in range(MESSAGES_EACH):
                yield self._random.uniform(0, self._length), SEND, server

    def _send(self, server: str) -> None:
        to = self._random.choice([other for other in self._configs if other != server])
        with self._configs[server].host() as host:
            receipt = send(host, Draft("Measured", BODY), [to])
        self.sent[receipt.result[0].id] = self._now

    def _cycle(self, server: str) -> None:
        if self._now >= self._length:
            self._look(server)
            return
        self._cycles[server].run()
        self.beats[server] += 1
        if sum(self.beats.values()) % 10 == 0:
            print(f"  {self._now:.0f} of {self._length:.0f} s", file=sys.stderr, flush=True)
        self._next_cycle[server] = self._now + self._varied(self._cycles[server].interval, JITTER)
        self._go_on(server)

    def _look(self, server: str) -> None:
        self._cycles[server].look()
        self.looks += 1
        self._go_on(server)

    def _go_on(self, server: str) -> None:
        """Note what the server has seen, and plan its next look or cycle."""
        inbox = read_inbox(StateDirectory(self._configs[server].state_dir))
        for message in inbox.messages if inbox else ():
            self.seen.setdefault(message.id, self._now)
        if self._now >= self._length:
            return
        look = self._now + self._varied(self._cycles[server].look_interval(False), LOOK_JITTER)
        is_look = look < self._next_cycle[server]
        heapq.heappush(self._events, (look, LOOK, server) if is_look else (self._next_cycle[server], CYCLE, server))

    def _varied(self, seconds: float, jitter: float) -> float:
        return seconds * self._random.uniform(1 - jitter, 1 + jitter)


def count_pushes(builders: Builders) -> Path:
    """Let the remote write down the ref of every push, a line each, and return that file."""
    pushes, hook = builders.folder / "pushes", builders.remote / "hooks" / "post-receive"
    pushes.touch()
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nexec cut -d " " -f 3 >> "{pushes}"\n', encoding="utf-8")
    hook.chmod(0o755)
    return pushes


def fleet(scale: Scale) -> list[Result]:
    """Live through an hour."""
    servers, length = scale.pick((50, HOUR), (4, HOUR / 6))
    builders = make_scene(scale.folder, tuple(f"build{number}" for number in range(1, servers + 1)))
    simulated = Fleet(builders, length)
    simulated.settle()
    pushes = count_pushes(builders)
    simulated.run()
    refs = pushes.read_text(encoding="utf-8").splitlines()
    beats_pushed = sum(ref.startswith("refs/heartbeats/") for ref in refs)
    waits = [simulated.seen[name] - sent for name, sent in simulated.sent.items() if name in simulated.seen]
    beats = [simulated.beats[server] for server in builders.ids]
    name = f"{servers} servers, {length / 60:.0f} minutes"
    detail = {"interval s": simulated.interval, "beats": sum(beats), "messages": len(simulated.sent)}
    looks = simulated.looks / length
    return [
        Result(f"{name}: pushes of beats a minute", beats_pushed / length * 60, "", at_most=6, detail=detail),
        Result(f"{name}: other pushes / messages", (len(refs) - beats_pushed) / len(simulated.sent), "", at_most=1),
        Result(f"{name}: fewest beats / most", min(beats) / max(beats), "", at_least=0.5),
        Result(f"{name}: messages not seen", len(simulated.sent) - len(waits), "", at_most=0),
        Result(f"{name}: looks a second", looks, "", at_most=LOOKS_PER_SECOND),
        Result(f"{name}: seen after, median", statistics.median(waits), "s", at_most=15),
        Result(f"{name}: seen after, longest", max(waits), "s"),
    ]


ROWS = (Row("fleet", fleet),)
