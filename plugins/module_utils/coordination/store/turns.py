# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking turns with other hosts, so that few pushes are in vain and nobody waits for a multiple of the others' time.

Whose push was taken knows the newest commit and could push again at once, while those who lost must fetch first and
would lose again, without end. So who has written lets those write who have not written since, as the history shows.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ..errors import StateUnusable
from ..git.mirror import RECENT
from ..state_dir import StateDirectory

MOST = 10.0
"""Seconds that a pause lasts at most, and after which the others are taken to have ended."""
PACE = 0.5
"""The part of a push's time after which the next one's turn begins: hosts overlap what they do before they push."""
TWO_IN_A_ROW = 0.3
"""How often there is no pause: a second push needs no fetch, which makes up for much of what contention costs. With
half or more, most writes would be quick ones, and those that wait would wait for a multiple of them."""
PATIENCE = 3
"""How often a write waits for others whose turn comes first: they may have nothing to write any more."""
UNSEEN = 0.1
"""How often there is a pause although no other writer is known: for one who loses each time, and so is not seen."""


class _Turn(NamedTuple):
    """What this host knows of its turn: when it comes, how long a push takes, both in seconds, how many others write,
    and whether they have written since."""

    when: float
    push: float
    rivals: int
    moved: bool


_NO_TURN = _Turn(0, 0, 0, False)


class Turns:
    """When this host may write again.

    :param name: of the file in the state directory that keeps it. It is a hint: nothing is lost with it.
    :param timeout: seconds that a write may take, of which its pauses take a quarter at most.
    """

    def __init__(self, state: StateDirectory, name: str, timeout: float) -> None:
        self._state = state
        self._name = name
        self._most = min(MOST, timeout / 4)
        self._turn = _NO_TURN
        self._patience = PATIENCE
        self._budget = self._most
        self._writers: list[str] = []

    def wait(self) -> bool:
        """Wait until this host may write, and return whether others have written meanwhile, as far as is known."""
        self._turn, self._patience, self._budget = self._read(), PATIENCE, self._most
        left = self._turn.when - time.time()
        if not -MOST < left <= self._most:
            self._turn = _NO_TURN
        self._pause(left if self._turn.when else 0)
        return self._turn.moved

    def let_others(self, writers: Sequence[str], own: str) -> bool:
        """Wait for those whose turn comes before that of this host, and return whether there were any.

        Where nobody has made use of the pause before, there is none.

        :param writers: who made the last commits, the newest first.
        :param own: this server.
        """
        if not self._patience or list(writers) == self._writers:
            return False
        self._writers = list(writers)
        self._patience -= 1
        return self._pause(self._share(ahead(writers, own)))

    def ended(self, push: float, writers: Sequence[str] | None, own: str) -> None:
        """Set the next turn after a write.

        :param push: seconds that its push took.
        :param writers: who made the last commits before it; None when that was not looked at.
        """
        rivals = self._turn.rivals if writers is None else len(set(writers) - {own})
        self._turn = self._turn._replace(push=min(push, MOST))
        if rivals:
            again = random.random() < TWO_IN_A_ROW  # noqa: S311 (no secret)
            self._write(0 if again else self._share(rivals), rivals, not again)
        elif random.random() < UNSEEN:  # noqa: S311
            self._write(2 * push, 0, False)
        elif self._turn.when:
            self._write(0, 0, False)

    def _pause(self, seconds: float) -> bool:
        """Pause, as far as the write has time for it, and return whether it had."""
        pause = max(0.0, min(seconds, self._budget))
        self._budget -= pause
        time.sleep(pause)
        return pause > 0

    def _share(self, writers: int) -> float:
        """Seconds after which that many others should have written."""
        return min(self._most, writers * self._turn.push * PACE * random.uniform(0.8, 1.2))  # noqa: S311 (no secret)

    def _read(self) -> _Turn:
        with suppress(StateUnusable):
            return self._state.read(self._name, _parse) or _NO_TURN
        return _NO_TURN

    def _write(self, pause: float, rivals: int, moved: bool) -> None:
        with suppress(StateUnusable):
            self._state.write_json(self._name, _Turn(time.time() + pause, self._turn.push, rivals, moved)._asdict())


def _parse(record: dict[str, Any]) -> _Turn:
    turn = _Turn(float(record["when"]), float(record["push"]), int(record["rivals"]), bool(record["moved"]))
    if not (math.isfinite(turn.when) and 0 <= turn.push <= MOST and 0 <= turn.rivals <= RECENT):
        raise ValueError("out of range")
    return turn


def ahead(writers: Sequence[str], own: str) -> int:
    """How many others have written before this server's last commit and not since: their turn comes first.

    :param writers: who made the last commits, the newest first.
    """
    if own not in writers:
        return 0
    last = writers.index(own)
    return len(set(writers[last:]) - set(writers[:last]) - {own})
