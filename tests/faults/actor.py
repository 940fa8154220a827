"""Processes that act as servers. They send each answer at once over a pipe, so that it survives their end."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_now
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.faults import small_disk
from ansible_collections.acs.builders.tests.faults.inspection import MARK, inspect
from ansible_collections.acs.builders.tests.faults.operations import (
    ACTIONS,
    KILLED,
    Answer,
    Order,
    carry_out,
    failure,
)
from ansible_collections.acs.builders.tests.faults.steps import Steps
from ansible_collections.acs.builders.tests.waiting import LIMIT

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Conditions:
    """The conditions under which an actor works.

    :param timeout: seconds that one operation may take on the network.
    :param ahead: seconds by which its clock is ahead of the others'.
    :param jump: seconds by which its clock jumps, at most, each time it is read.
    :param deadly: the step at which the process is killed, 0 for none; see :mod:`.steps`.
    :param all_after: seconds after that step at which its child processes are killed too; None: they continue.
    :param keep: whether the host stays open from one order to the next, as in the service.
    :param environment: additional environment variables.
    """

    timeout: float = LIMIT
    ahead: float = 0
    jump: float = 0
    deadly: int = 0
    all_after: float | None = None
    keep: bool = False
    environment: dict[str, str] = field(default_factory=dict)


class Hung(Exception):
    """An actor does not answer."""


class Actor:
    """A process that acts as one server of a world.

    :param server: the server.
    :param builders: the world's repository and servers.
    """

    def __init__(self, server: str, builders: Builders) -> None:
        self.server = server
        self._builders = builders
        self._orders: list[Order] = []
        self._begin()

    def start(self, orders: list[Order], conditions: Conditions) -> None:
        """Start carrying out orders, one after the other, without waiting for other actors."""
        self._orders = list(orders)
        self._pipe.send((orders, conditions))

    def answers(self) -> Iterator[Answer]:
        """Yield its answers as they arrive. If it is killed, the answer to the current order is "killed".

        :raises Hung: if it does not answer within the limit; it is killed then.
        """
        while self._orders:
            try:
                if not self._pipe.poll(LIMIT):
                    self._process.kill()
                    raise Hung(f"{self.server} did not answer within {LIMIT} s: {self._orders[0]}")
                answer: Answer = self._pipe.recv()
            except (EOFError, ConnectionResetError):
                killed, self._orders = self._orders[0], []
                self._end()
                self._begin()
                yield Answer(killed, KILLED)
                return
            self._orders.pop(0)
            yield answer

    def stop(self) -> None:
        """End the process."""
        self._end()

    def _begin(self) -> None:
        self._pipe, other = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=serve, args=(self.server, self._builders, other), daemon=True)
        self._process.start()
        other.close()

    def _end(self) -> None:
        self._pipe.close()
        self._process.join(LIMIT)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


class Clock:
    """A clock that is ahead of the others, and jumps."""

    def __init__(self, ahead: float, jump: float) -> None:
        self._ahead = ahead
        self._jump = jump
        self._random = random.Random(f"{ahead} {jump}")

    def __call__(self) -> datetime:
        """Return the time in UTC."""
        return utc_now() + timedelta(seconds=self._ahead + self._random.uniform(-self._jump, self._jump))


class _Process:
    """The part of an actor in its process."""

    def __init__(self, server: str, builders: Builders) -> None:
        self._server = server
        self._builders = builders
        self._steps = Steps()
        self._kept = ExitStack()
        self._host: Host | None = None

    def act(self, order: Order, conditions: Conditions) -> Answer:
        """Carry out one order."""
        if order.action not in ACTIONS:
            return Answer(order, "none", value=self._own(order))
        if not conditions.keep:
            self.close()
        try:
            host = self._host or self._open(conditions.timeout)
        except Exception as error:  # the rig reports it
            return failure(order, error)
        host = dataclasses.replace(host, clock=Clock(conditions.ahead, conditions.jump))
        self._steps.arm(conditions.deadly, conditions.all_after)
        answer = carry_out(host, order)
        answer = dataclasses.replace(answer, steps=self._steps.count)
        self._steps.arm(0)
        if not conditions.keep:
            self.close()
        return answer

    def close(self) -> None:
        """Close the host."""
        self._kept.close()
        self._host = None

    def _open(self, timeout: float) -> Host:
        self._host = self._kept.enter_context(self._builders.host(self._server, timeout=timeout))
        return self._host

    def _own(self, order: Order) -> Any:
        """Carry out an order that needs no host."""
        folder = self._builders.state(self._server).parent
        if order.action == "inspect":
            return inspect(self._builders, self._server)
        disk = {
            "cover": lambda: small_disk.cover(folder),
            "fill": lambda: small_disk.fill(folder, order.value),
            "free": lambda: small_disk.free(folder),
            "read only": lambda: small_disk.set_read_only(folder, True),
            "writable": lambda: small_disk.set_read_only(folder, False),
        }
        return disk[order.action]()


def serve(server: str, builders: Builders, pipe: Connection) -> None:
    """Carry out the orders of a pipe until it is closed."""
    process = _Process(server, builders)
    usual = dict(os.environ)
    while True:
        try:
            orders, conditions = pipe.recv()
        except EOFError:
            process.close()
            return
        os.environ.clear()
        os.environ.update({**usual, **conditions.environment, MARK: str(Path(builders.folder))})
        for order in orders:
            pipe.send(process.act(order, conditions))
