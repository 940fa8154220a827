"""Fifty servers for an hour of simulated time: each beats, sends and reads on one real repository."""

from __future__ import annotations

import heapq
import random
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from ansible_collections.acs.builders.plugins.module_utils.builderctl.config import Config
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import beat_interval
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service import JITTER
from ansible_collections.acs.builders.plugins.module_utils.coordination.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.messages import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.sending import send
from ansible_collections.acs.builders.tests.benchmark.measuring import Result, Row, Scale
from ansible_collections.acs.builders.tests.benchmark.scene import BODY, at, make_scene
from ansible_collections.acs.builders.tests.builders import Builders

HOUR = 3600
MESSAGES_EACH = 4
CYCLE, SEND = "cycle", "send"
SEED = 50
Event = tuple[float, str, str]
"""When something happens, in seconds since the start, what, and on which server."""


class Fleet:
    """The servers, what they are to do, and what they have seen.

    :param length: seconds to simulate.
    """

    def __init__(self, builders: Builders, length: float) -> None:
        self.interval = beat_interval(Config(), len(builders.ids))
        self.beats: Counter[str] = Counter()
        self.sent: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        self._builders = builders
        self._length = length
        self._random = random.Random(SEED)
        self._start = datetime.now(timezone.utc)
        self._events = list(self._plan())
        heapq.heapify(self._events)

    def run(self) -> None:
        """Let everything happen in its order. After the end each server has one cycle more, to see what came last."""
        while self._events:
            now, what, server = heapq.heappop(self._events)
            with self._builders.host(server) as opened:
                host = replace(opened, clock=at(self._start + timedelta(seconds=now)))
                if what == SEND:
                    self._send(host, now)
                else:
                    self._cycle(host, now)
            if what == CYCLE and now < self._length:
                after = now + self.interval * self._random.uniform(1 - JITTER, 1 + JITTER)
                heapq.heappush(self._events, (after, CYCLE, server))
            if what == CYCLE and sum(self.beats.values()) % 100 == 0:
                print(f"  {now:.0f} of {self._length:.0f} s", file=sys.stderr, flush=True)

    def _plan(self) -> Iterator[Event]:
        for server in self._builders.ids:
            yield self._random.uniform(0, self.interval), CYCLE, server
            for _message in range(MESSAGES_EACH):
                yield self._random.uniform(0, self._length), SEND, server

    def _send(self, host: Host, now: float) -> None:
        to = self._random.choice([server for server in self._builders.ids if server != host.id])
        receipt = send(host, Draft("Measured", BODY), [to])
        self.sent[receipt.result[0]["id"]] = now

    def _cycle(self, host: Host, now: float) -> None:
        for message in list_messages(host, Filter()).messages:
            self.seen.setdefault(message["id"], now)
        publish_heartbeat(host, compose_heartbeat(host, [], self.interval, "benchmark", "2026-01-01T00:00:00Z"))
        if now < self._length:
            self.beats[host.id] += 1


def fleet(scale: Scale) -> list[Result]:
    """Live through an hour."""
    servers, length = scale.pick((50, HOUR), (4, HOUR / 6))
    builders = make_scene(scale.folder, tuple(f"build{number}" for number in range(1, servers + 1)))
    simulated = Fleet(builders, length)
    simulated.run()
    waits = [simulated.seen[name] - sent for name, sent in simulated.sent.items() if name in simulated.seen]
    beats = [simulated.beats[server] for server in builders.ids]
    name = f"{servers} servers, {length / 60:.0f} minutes"
    detail = {"interval s": simulated.interval, "beats": sum(beats), "messages": len(simulated.sent)}
    longest = max(waits) / simulated.interval
    return [
        Result(f"{name}: pushes of beats a minute", sum(beats) / length * 60, "", at_most=6, detail=detail),
        Result(f"{name}: fewest beats / most", min(beats) / max(beats), "", at_least=0.5),
        Result(f"{name}: messages not seen", len(simulated.sent) - len(waits), "", at_most=0),
        Result(f"{name}: seen after, median", statistics.median(waits) / simulated.interval, "intervals"),
        Result(f"{name}: seen after, longest", longest, "intervals", at_most=1 + JITTER),
    ]


ROWS = (Row("fleet", fleet),)
