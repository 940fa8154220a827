# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sessions of the clients with which the manager of this server works, and the messages each was told of."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..errors import StateUnusable, unusable
from ..state_dir import StateDirectory
from ..timestamps import parse_time, utc_text

SESSIONS = "sessions"
"""The folder of the records, one for each session."""
SEEN_FILE = f"{SESSIONS}/seen"
"""An empty file. Each call of the installed hook sets its time of modification, also if there is no mail, except in a
session that the activation has started."""
ATTACHED = timedelta(minutes=10)
"""How long a session counts as attached after a hook."""
KEPT = timedelta(days=1)
"""How long the record of a session is kept after its last change."""


@dataclass(frozen=True)
class Session:
    """A session of a client.

    :param session: the id that the client gave it.
    :param client: the name of the client.
    :param attached_at: the time of its first hook, as text in UTC.
    :param told: the ids of the messages that it was told of.
    :param held: the times at which the end of its turn was held, as text in UTC.
    """

    session: str
    client: str
    attached_at: str
    told: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    def held_since(self, moment: datetime) -> tuple[str, ...]:
        """Return the times at which its turn was held after ``moment``."""
        return tuple(text for text in self.held if (parse_time(text) or moment) > moment)


def read_session(state: StateDirectory, session: str, client: str, now: datetime) -> Session:
    """Return the record of a session, a new one if there is none or it is damaged."""
    with contextlib.suppress(StateUnusable):
        known = state.read(_file(session), _parse)
        if known is not None:
            return known
    return Session(session, client, utc_text(now))


def write_session(state: StateDirectory, session: Session, now: datetime) -> None:
    """Replace the record of a session, and remove the records that are older than ``KEPT``.

    :raises StateUnusable: if it cannot be written.
    """
    folder = state.make(SESSIONS)
    state.write_json(_file(session.session), asdict(session))
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if now.timestamp() - path.stat().st_mtime > KEPT.total_seconds():
                path.unlink()


def is_attached(state: StateDirectory, now: datetime) -> bool:
    """Return whether a session of a client is attached: a hook ran within the last ``ATTACHED``.

    :raises StateUnusable: if the folder of the records cannot be read.
    """
    path = state.path / SEEN_FILE
    try:
        seen = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unusable(error, path) from error
    return abs(now - seen) < ATTACHED


def _file(session: str) -> str:
    return f"{SESSIONS}/{hashlib.sha256(session.encode('utf-8', 'replace')).hexdigest()}.json"


def _parse(record: Any) -> Session:
    return Session(
        str(record["session"]),
        str(record["client"]),
        str(record["attached_at"]),
        tuple(str(message_id) for message_id in record["told"]),
        tuple(str(moment) for moment in record["held"]),
    )
