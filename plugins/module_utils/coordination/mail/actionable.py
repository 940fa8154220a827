# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that a program may act upon, and the ledger of past actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from ..errors import NotActionable, UnknownMessage
from ..identity.host import Host
from ..identity.verification import MARKED, TRUE, Verification
from ..timestamps import MAX_AHEAD, is_ahead, parse_time, utc_text
from .mailbox import SEE_IDS, read_mailbox, verify_messages
from .message import Message
from .read_ledger import ACKNOWLEDGED, READ, MarkLedger, own_ledger

ACTED_FILE = "acted.json"
MAX_AGE = timedelta(days=1)
"""The maximum age of a message to act upon, by the clock of this host."""
REMEMBERED = timedelta(days=7)
"""How long an action is recorded. This is longer than any message can be actionable."""
MAX_REMEMBERED = 10_000
"""The maximum number of messages in the ledger. If it is full, no message is actionable, because a removed one could be
acted upon again."""


class Assessment(NamedTuple):
    """The verification and the actionability of a message, each with its reason."""

    verified: str
    verified_reason: str
    actionable: bool
    actionable_reason: str


class ActedLedger:
    """The messages that this server has acted upon. No other server can write it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._acted = self._load()

    def acted_at(self, entry: Message) -> str | None:
        """Return the time at which this server acted upon a message; None if it did not."""
        return self._acted.get(_name(entry))

    @property
    def is_full(self) -> bool:
        """Whether the ledger has the maximum number of messages."""
        now = self._host.clock()
        return sum(now - (parse_time(when) or now) < REMEMBERED for when in self._acted.values()) >= MAX_REMEMBERED

    def record(self, entry: Message) -> bool:
        """Record on disk that this server acts upon a message.

        :return: false if it was recorded before.
        :raises NotActionable: if the ledger is full.
        """
        now = self._host.clock()
        with self._host.state.lock("acted.lock"):
            self._acted = self._load()
            if _name(entry) in self._acted:
                return False
            if self.is_full:
                raise NotActionable(_FULL.capitalize(), "Find the cause of so many requests.")
            kept = {name: when for name, when in self._acted.items() if now - (parse_time(when) or now) < REMEMBERED}
            self._acted = {**kept, _name(entry): utc_text(now)}
            self._host.state.write_json(ACTED_FILE, {"messages": self._acted})
        return True

    def _load(self) -> dict[str, str]:
        return self._host.state.read(ACTED_FILE, _parse_acted) or {}


def _parse_acted(record: Any) -> dict[str, str]:
    return {str(name): str(when) for name, when in record["messages"].items()}


def _name(entry: Message) -> str:
    """Return the name of a message in the ledger. Two senders can use the same id."""
    return f"{entry.sender}/{entry.id}"


_FULL = f"this server has acted upon {MAX_REMEMBERED} messages within {REMEMBERED.days} days, as many as it remembers"


def assess(host: Host, entries: Sequence[Message], archived: Sequence[Message] = ()) -> list[Assessment]:
    """Verify the senders of messages, and test which messages are actionable.

    :param archived: those of the messages that are from an archive.
    :return: the assessments, in the order of the messages.
    """
    verifications = verify_messages(host, entries)
    ledgers = [own_ledger(host, mark, archived) for mark in (READ, ACKNOWLEDGED)]
    acted = ActedLedger(host)
    return [_assess(host, entry, verification, ledgers, acted) for entry, verification in zip(entries, verifications)]


def act(host: Host, message_id: str) -> tuple[Message, bool]:
    """Record that this server acts upon a message. Of several calls, one returns true.

    :return: the message, and whether it was not recorded before. If other messages have the same id, it is the
        actionable one.
    :raises NotActionable: if the message is not actionable.
    :raises UnknownMessage: if there is no such message.
    """
    return act_upon(host, host.repository.read(lambda snapshot: read_mailbox(snapshot).messages), message_id)


def act_upon(host: Host, entries: Sequence[Message], message_id: str) -> tuple[Message, bool]:
    """Record that this server acts upon a message, as :func:`act` does.

    :param entries: the messages of the mailbox.
    """
    found = [entry for entry in entries if message_id and entry.id == message_id]
    if not found:
        raise UnknownMessage(f"There is no message {message_id!r}.", SEE_IDS)
    assessed = list(zip(found, assess(host, found)))
    if len({one[0].sender for one in assessed if one[1].actionable}) > 1:
        raise NotActionable(
            f"Two servers have sent a message {message_id}, and it is not known which of them is meant.",
            "Leave it to the manager: one of the two servers has copied the id.",
        )
    genuine = [one for one in assessed if one[1].verified in (TRUE, MARKED)]
    entry, assessment = next((one for one in assessed if one[1].actionable), (genuine or assessed)[0])
    ledger = ActedLedger(host)
    if genuine and not assessment.actionable and ledger.acted_at(entry):
        return entry, False
    if not assessment.actionable:
        raise NotActionable(
            f"The message {message_id} must not be acted upon: {assessment.actionable_reason}.",
            "Leave it to the manager.",
        )
    return entry, True if host.check_mode else ledger.record(entry)


def _assess(
    host: Host, entry: Message, verification: Verification, ledgers: list[MarkLedger], acted: ActedLedger
) -> Assessment:
    verified, reason = verification.verified, verification.reason
    if (
        verified == TRUE
        and entry.is_for(host.id, host.fleet)
        and any(ledger.marked_by_other(entry) for ledger in ledgers)
    ):
        verified, reason = MARKED, f"{reason}, but somebody else has marked it in the name of {host.id}"
    obstacle = _obstacle(host, entry, verification, acted)
    if obstacle:
        return Assessment(verified, reason, False, obstacle)
    return Assessment(verified, reason, True, f"{verification.reason}, for {host.id}, new")


def _obstacle(host: Host, entry: Message, verification: Verification, acted: ActedLedger) -> str:
    """Return the reason why a message is not actionable; empty if it is."""
    if verification.signer is None:
        return verification.reason
    if not entry.is_for(host.id, host.fleet) or entry.sender == host.id:
        return f"it is not addressed to {host.id} by another server"
    now = host.clock()
    if not verification.signer.is_valid(now):
        until = verification.signer.valid_until
        return f"the key of {verification.signer.server} is not valid now" + (
            f", it ended at {utc_text(until)}" if until else ""
        )
    written = entry.sent_at
    if written is None or now - written > MAX_AGE:
        return f"it is older than {MAX_AGE.total_seconds() / 3600:.0f} hours"
    if is_ahead(written, now):
        return f"it is dated more than {MAX_AHEAD.total_seconds() / 60:.0f} minutes ahead"
    when = acted.acted_at(entry)
    if when:
        return f"{host.id} has acted upon it at {when}"
    return _FULL if acted.is_full else ""
