"""The parent's record of what every caller was told."""

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
    """A write that was asked for, once or again, and what its caller was told each time.

    :param author: the actor that was asked.
    :param server: the server that it acts as.
    :param place: where it stands among all that was accepted; None when it was not.
    """

    author: str
    server: str
    order: Order
    told: list[str] = field(default_factory=list)
    ids: tuple[str, ...] = ()
    place: int | None = None

    @property
    def is_message(self) -> bool:
        """Whether it sends something."""
        return self.order.action in MESSAGES

    @property
    def may_be_there(self) -> bool:
        """Whether it may be on the remote, as far as its caller was told."""
        return self.place is not None or bool({UNKNOWN, KILLED, CRASHED} & set(self.told))


class Ledger:
    """All writes of a world, by token, and the errors that nobody foresaw.

    ``withdrawn`` are the tokens of messages that somebody has taken from the remote.
    """

    def __init__(self) -> None:
        self.writes: dict[str, Write] = {}
        self.withdrawn: set[str] = set()
        self.crashes: list[str] = []
        self.errors: Counter[str] = Counter()
        self.said: list[str] = []
        self.latencies: list[float] = []
        self._accepted = 0
        self._lock = Lock()

    def record(self, author: str, server: str, answer: Answer) -> None:
        """Take down what a caller was told; threads may do so at the same time."""
        with self._lock:
            self._record(author, server, answer)

    def _record(self, author: str, server: str, answer: Answer) -> None:
        if answer.told == CRASHED:
            self.crashes.append(f"{author}, {answer.order.action}: {answer.error}")
        if answer.kind:
            self.errors[answer.kind] += 1
            self.said.append(f"{author}, {answer.order.action}: {answer.told}: {answer.error}")
        if answer.order.action not in WRITES or not answer.order.token:
            return
        write = self.writes.setdefault(answer.order.token, Write(author, server, answer.order))
        write.told.append(self._meaning(answer))
        write.ids = answer.ids or write.ids
        if write.told[-1] in ACCEPTED and write.place is None:
            self._accepted += 1
            write.place = self._accepted
            self.latencies.append(answer.seconds)

    def of(self, *told: str) -> list[Write]:
        """The writes whose callers were, the last time, told one of these."""
        return [write for write in self.writes.values() if write.told[-1] in told]

    def accepted(self) -> list[Write]:
        """The writes that were accepted, in that order."""
        return sorted((w for w in self.writes.values() if w.place is not None), key=lambda write: write.place or 0)

    def repeatable(self) -> list[Write]:
        """The messages that their callers may ask for again, for they cannot know whether they arrived."""
        return [w for w in self.of(FAILED, UNKNOWN, KILLED) if w.is_message and w.order.keyed]

    @staticmethod
    def _meaning(answer: Answer) -> str:
        """What the caller was told; that there was nothing to do means, for a message with ids, that it is there."""
        if answer.told == NONE and answer.order.action in MESSAGES and answer.ids:
            return PUSHED
        return answer.told
