# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service does for alerts in each cycle: it decides what is sent, and records it for the fleet.

Another process sends it (:mod:`.alert_delivery`), so that no way can delay a heartbeat.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Callable

from ..coordination.alerts.conditions import (
    Condition,
    audit_conditions,
    mail_conditions,
    question_conditions,
    server_conditions,
    way_conditions,
)
from ..coordination.alerts.deliveries import Delivery, hand_over, not_begun, nudge, read_deliveries
from ..coordination.alerts.memory import Memory, read_memory, with_failures, write_memory
from ..coordination.alerts.record import Outcome, Record
from ..coordination.alerts.rules import Sender, planned, sender_of, with_outcomes
from ..coordination.alerts.shared_record import shared_record
from ..coordination.alerts.ways import MAIL, QUESTION, Way, load_ways
from ..coordination.documents.secret_policy import REDACT, apply_secret_policy
from ..coordination.errors import DeadlineReached
from ..coordination.identity.config import Config
from ..coordination.identity.host import Host
from ..coordination.mail.audit import recent_alarms
from ..coordination.mail.message import Message
from ..coordination.mail.operator_questions import open_questions
from ..coordination.timestamps import utc_text

TRIES = 3
"""The maximum number of attempts to record alerts in one cycle, if other servers record some meanwhile."""


class AlertCycle:
    """The alerts of the service, and its state between two cycles.

    :param config: the configuration, which names a file of ways.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ways: list[Way] = []
        self._memory = Memory()
        self._done: list[Delivery] = []
        self._watched_since: float | None = None
        self._is_sender = False

    def collect(self, host: Host) -> dict[str, str]:
        """Read the ways, and the outcomes of the last attempts.

        :return: the problems of this server, each under a constant name.
        :raises InvalidInput: if the ways are not valid. Then nothing is sent.
        :raises StateUnusable: if a file of the state directory cannot be read.
        """
        self._ways, self._done = [], []
        ways = load_ways(self._config.alerts)
        known, deliveries = read_memory(host.state), read_deliveries(host.state)
        self._ways, self._done = ways, [one for one in deliveries if one.outcome]
        names, now = [way.name for way in ways], host.clock()
        self._memory = Memory(known.record, with_failures(known.failures, self._done, names, utc_text(now)))
        return {**self._memory.problems(), **not_begun(deliveries, now)}

    @property
    def has_ways(self) -> bool:
        """Whether this server can send alerts, as of the last :meth:`collect`."""
        return bool(self._ways)

    def lost_sight(self) -> None:
        """Forget since when this host has looked at the remote without a gap."""
        self._watched_since = None

    def run(
        self, host: Host, health: Mapping[str, Any], mailbox: Sequence[Message] | None, own_problems: Sequence[str]
    ) -> None:
        """Record what is sent next, and hand it over to the process that sends it.

        :param health: the health of the fleet.
        :param mailbox: the messages of the mailbox; None if it is damaged.
        :param own_problems: the problems of this server as in its heartbeat.
        :raises CoordinationError: if that is not possible; the next cycle tries again.
        """
        self._watched_since = time.monotonic() if self._watched_since is None else self._watched_since
        servers = health["servers"]
        order = [server.id for server in host.fleet.servers] or sorted(servers)
        is_sender = bool(self._ways) and sender_of(host.id, order, servers) == host.id
        outcomes = [one.outcome for one in self._done if one.outcome]
        found = self._conditions(host, health, mailbox, own_problems) if is_sender else None
        unclear = (MAIL, QUESTION) if mailbox is None else ()
        following = partial(_following, outcomes, found, self._sender(host, servers, unclear))
        by_others = any(one.is_being_sent and one.by != host.id for one in self._memory.record.alerts.values())
        must_look = outcomes or (is_sender and (by_others or not self._is_sender))
        self._is_sender = False  # until what follows has succeeded
        if must_look or following(self._memory.record) != self._memory.record:
            record = _recorded(host, self._memory.record, following)
            write_memory(host.state, Memory(record, self._memory.failures))
            hand_over(host.state, host.id, record, outcomes, host.clock())
        nudge(host.state, host.clock())
        self._is_sender = is_sender

    def _sender(self, host: Host, servers: Mapping[str, Any], unclear: Collection[str]) -> Sender:
        now = host.clock()
        living = {host.id, *(name for name, found in servers.items() if found["state"] in ("ok", "aging"))}
        usable = self._memory.usable([way.name for way in self._ways], now)
        return Sender(host.id, utc_text(now), self._ways, usable, living, unclear)

    def _conditions(
        self, host: Host, health: Mapping[str, Any], mailbox: Sequence[Message] | None, own_problems: Sequence[str]
    ) -> list[Condition]:
        """Return what is the matter in the fleet, with secrets redacted."""
        servers = [server for server, found in health["servers"].items() if found["expected"]]
        messages = mailbox or []
        reported_apart = set(self._memory.problems().values())
        others = [problem for problem in own_problems if problem not in reported_apart]
        watched = time.monotonic() - (self._watched_since or time.monotonic())
        found = [
            *server_conditions(host.id, health, others, watched),
            *mail_conditions(host, servers, messages, self._config.reply_deadline),
            *question_conditions(host, open_questions(messages, host)),
            *audit_conditions(recent_alarms(host)),
            *way_conditions(host.id, self._memory.failures),
        ]
        details = {one.key: list(one.details) for one in found}
        safe = apply_secret_policy(details, host.repository.pat_file, host.repository.notes, REDACT)
        return [one._replace(details=tuple(safe[one.key])) for one in found]


def _following(
    outcomes: Iterable[Outcome], found: Sequence[Condition] | None, sender: Sender, record: Record
) -> Record:
    """Return the record that follows.

    :param found: what is the matter; None if another server sends the alerts of the fleet.
    """
    after = with_outcomes(record, sender.id, outcomes)
    return after if found is None else planned(after, found, sender)


def _recorded(host: Host, known: Record, following: Callable[[Record], Record]) -> Record:
    """Record what follows for the fleet, and return it.

    :param known: the newest record that this server has seen. An older one, which somebody has restored, is replaced.
    :raises RemoteError: if the remote cannot be reached or does not accept it.
    """
    with shared_record(host) as shared:
        for _try in range(TRIES):
            seen = shared.read()
            record = following(seen if seen.number >= known.number else known)
            if record == seen or shared.replace(record):
                return record
    raise DeadlineReached("The alerts could not be recorded for the fleet.", "The next heartbeat tries it again.")
