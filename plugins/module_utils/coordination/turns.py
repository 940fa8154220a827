# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking turns with other hosts: who has just written lets the others write.

Whose push was taken knows the newest commit and could push again at once, while those who lost must fetch first and
would lose again, without end.
"""

from __future__ import annotations

import contextlib
import os
import random
import time

from .state import StateDirectory

MOST = 10.0
"""Seconds that a pause lasts at most."""
TWO_IN_A_ROW = 0.3
"""How often there is no pause: a second push needs no fetch, which makes up for much of what contention costs. With
half or more, most writes would be quick ones, and those that wait would wait for a multiple of them."""


class Turns:
    """When this host may write again.

    :param name: of the file in the state directory whose time of change is that moment.
    """

    def __init__(self, state: StateDirectory, name: str) -> None:
        self._path = state.path / name

    def wait(self) -> None:
        """Wait until this host may write."""
        with contextlib.suppress(OSError):
            left = self._path.stat().st_mtime - time.time()
            if 0 < left <= MOST:
                time.sleep(left)

    def ended(self, took: float, rivals: int) -> None:
        """Set the next turn after a write.

        :param took: seconds from reading what is there until the remote had taken the commit.
        :param rivals: how many others write at the same time, as far as that is known.
        """
        if random.random() < TWO_IN_A_ROW:  # noqa: S311 (no secret)
            return
        turn = time.time() + min(MOST, took * max(1, rivals) * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
        with contextlib.suppress(OSError):
            self._path.touch()
            os.utime(self._path, (turn, turn))
