# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a process of this server waits for mail, and whether the heartbeat service runs.

Both are locks (flock(2)), which the kernel releases when the process ends.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import AbstractContextManager

from ..errors import unusable
from ..state_dir import StateDirectory

WAITING_LOCK = "waiting.lock"
"""Held by each process that waits for mail, shared."""
SERVICE_LOCK = "service.lock"
"""Held by the heartbeat service while it runs."""
CHECK_TIME = 1
"""Seconds that a service waits for its lock, which :func:`service_runs` holds for a moment."""


def waiting(state: StateDirectory) -> AbstractContextManager[None]:
    """Declare that this process waits for mail, so that the service looks for it more often.

    :raises StateUnusable: if the lock file cannot be created.
    """
    return state.lock(WAITING_LOCK, shared=True)


def someone_waits(state: StateDirectory) -> bool:
    """Return whether a process of this server waits for mail.

    :raises StateUnusable: if the lock file cannot be read.
    """
    return not _is_free(state, WAITING_LOCK, fcntl.LOCK_EX)


def running_service(state: StateDirectory) -> AbstractContextManager[None]:
    """Declare that this process is the heartbeat service.

    :raises Locked: if another service of this state directory runs.
    :raises StateUnusable: if the lock file cannot be created.
    """
    return state.lock(SERVICE_LOCK, CHECK_TIME)


def service_runs(state: StateDirectory) -> bool:
    """Return whether the heartbeat service of this server runs.

    :raises StateUnusable: if the lock file cannot be read.
    """
    return not _is_free(state, SERVICE_LOCK, fcntl.LOCK_SH)


def _is_free(state: StateDirectory, name: str, kind: int) -> bool:
    """Return whether the lock file ``name`` can be locked. A missing one is not created."""
    path = state.path / name
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    except OSError as error:
        raise unusable(error, path) from error
    return True
