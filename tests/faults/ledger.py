"""The record of the answers that all callers got."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

from ansible_collections.acs.builders.tests.faults.delivery import NONE, PUSHED, QUEUED
from ansible_collections.acs.builders.tests.faults.operations import (
    CRASHED,
    FAILED,
    KILLED,
    MESSAGES,
    UNKNOWN,
    WRITES,
    Answer,
    Order,
)

ACCEPTED = (PUSHED, QUEUED)


@dataclass
class Write:
    """A requested write, and the answers to its attempts.

    :param author: the actor that wrote.
    :param server: the server that it acts as.
    :param place: its position among all accepted writes; None if it was not accepted.
    """

    author: str
    server: str
    order: Order
    outcomes: list[str] = field(default_factory=list)
    ids: tuple[str, ...] = ()
    place: int | None = None

    @property
    def is_message(self) -> bool:
        """Whether it sends a message."""
        return self.order.action in MESSAGES

    @property
    def may_be_there(self) -> bool:
        """Whether it may be on the remote, according to the answers."""
        return self.place is not None or bool({UNKNOWN, KILLED, CRASHED} & set(self.outcomes))


class Ledger:
    """All writes of a world, by token, and the unexpected errors.

    ``withdrawn`` contains the tokens of messages that a row removed from the remote.
    """

    def __init__(self) -> None:
        self.writes: dict[str, Write] = {}
        self.withdrawn: set[str] = set()
        self.crashes: list[str] = []
        self.errors: Counter[str] = Counter()
        self.latencies: list[float] = []
        self._accepted = 0
        self._lock = Lock()

    def record(self, author: str, server: str, answer: Answer) -> None:
        """Record an answer. This is safe to call from several threads."""
        with self._lock:
            self._record(author, server, answer)

    def _record(self, author: str, server: str, answer: Answer) -> None:
        if answer.outcome == CRASHED:
            self.crashes.append(f"{author}, {answer.order.action}: {answer.error}")
        if answer.kind:
            self.errors[answer.kind] += 1
        if answer.order.action not in WRITES or not answer.order.token:
            return
        write = self.writes.setdefault(answer.order.token, Write(author, server, answer.order))
        write.outcomes.append(self._meaning(answer))
        write.ids = answer.ids or write.ids
        if write.outcomes[-1] in ACCEPTED and write.place is None:
            self._accepted += 1
            write.place = self._accepted
            self.latencies.append(answer.seconds)

    def of(self, *outcomes: str) -> list[Write]:
        """Return the writes whose last answer was one of these."""
        return [write for write in self.writes.values() if write.outcomes[-1] in outcomes]

    def accepted(self) -> list[Write]:
        """Return the accepted writes, in the order of their acceptance."""
        return sorted((w for w in self.writes.values() if w.place is not None), key=lambda write: write.place or 0)

    def repeatable(self) -> list[Write]:
        """Return the messages that may be sent again, because it is unknown whether they arrived."""
        return [w for w in self.of(FAILED, UNKNOWN, KILLED) if w.is_message and w.order.keyed]

    @staticmethod
    def _meaning(answer: Answer) -> str:
        """Return the answer; "none" for a message with ids means that the message had arrived before."""
        if answer.outcome == NONE and answer.order.action in MESSAGES and answer.ids:
            return PUSHED
        return answer.outcome
