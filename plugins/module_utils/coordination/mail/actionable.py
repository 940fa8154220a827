# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a message may be acted upon, and the ledger of those that were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from ..errors import NotActionable, UnknownMessage
from ..identity.host import Host
from ..identity.verification import MARKED, TRUE, Verification, Verifier
from ..timestamps import MAX_AHEAD, is_ahead, parse_time, utc_text
from .mailbox import SEE_IDS, read_mailbox
from .message import id_of, is_for
from .read_ledger import ACKNOWLEDGED, READ, OwnMarks, own_marks

ACTED_FILE = "acted.json"
MAX_AGE = timedelta(days=1)
"""How old a message may be to be acted upon, by this host's clock."""
REMEMBERED = timedelta(days=7)
"""How long a message that was acted upon is remembered; much longer than it can be actionable."""
MAX_REMEMBERED = 10_000
"""Messages in the ledger. With that many, nothing more is acted upon: to forget one would be to do it again."""


class Standing(NamedTuple):
    """What a message may do here: who wrote it, and whether it may be acted upon, each with the reason."""

    verified: str
    verified_reason: str
    actionable: bool
    actionable_reason: str


class ActedLedger:
    """The messages that this server has acted upon; nobody else can write it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._acted = self._load()

    def acted_at(self, entry: dict[str, Any]) -> str | None:
        """When this server acted upon a message."""
        return self._acted.get(_name(entry))

    @property
    def is_full(self) -> bool:
        """Whether it can take no more."""
        now = self._host.clock()
        return sum(now - (parse_time(when) or now) < REMEMBERED for when in self._acted.values()) >= MAX_REMEMBERED

    def record(self, entry: dict[str, Any]) -> bool:
        """Record, on disk, that a message is about to be acted upon; false when it was recorded before.

        :raises NotActionable: when it can take no more.
        """
        now = self._host.clock()
        with self._host.state.lock("acted.lock"):
            self._acted = self._load()
            if _name(entry) in self._acted:
                return False
            if self.is_full:
                raise NotActionable(_FULL.capitalize(), "Something sends far too many requests: find out what.")
            kept = {name: when for name, when in self._acted.items() if now - (parse_time(when) or now) < REMEMBERED}
            self._acted = {**kept, _name(entry): utc_text(now)}
            self._host.state.write_json(ACTED_FILE, {"messages": self._acted})
        return True

    def _load(self) -> dict[str, str]:
        return self._host.state.read(ACTED_FILE, _parse_acted) or {}


def _parse_acted(record: Any) -> dict[str, str]:
    return {str(name): str(when) for name, when in record["messages"].items()}


def _name(entry: dict[str, Any]) -> str:
    """A message in the ledger: two senders may use the same id."""
    return f"{entry.get('from')}/{id_of(entry)}"


_FULL = f"this server has acted upon {MAX_REMEMBERED} messages within {REMEMBERED.days} days, as many as it remembers"


def standings(host: Host, entries: Sequence[dict[str, Any]], archived: Sequence[dict[str, Any]] = ()) -> list[Standing]:
    """What each of some entries may do here.

    :param archived: those of them that are from an archive.
    """
    verdicts = Verifier(host).verify([(entry, str(entry.get("from"))) for entry in entries])
    ledgers = [own_marks(host, mark, archived) for mark in (READ, ACKNOWLEDGED)]
    acted = ActedLedger(host)
    return [_standing(host, entry, verdict, ledgers, acted) for entry, verdict in zip(entries, verdicts)]


def act(host: Host, message_id: str) -> tuple[dict[str, Any], bool]:
    """Record that this server acts upon a message, before it does; whoever is told true does it.

    :return: the entry, which is the one that may be acted upon where others have the same id, and whether this was new.
    :raises NotActionable: when it must not be acted upon.
    :raises UnknownMessage: when there is no such message.
    """
    entries = host.repository.read(lambda snapshot: read_mailbox(snapshot).entries)
    found = [entry for entry in entries if message_id and id_of(entry) == message_id]
    if not found:
        raise UnknownMessage(f"There is no message {message_id!r}.", SEE_IDS)
    judged = list(zip(found, standings(host, found)))
    if len({str(one[0].get("from")) for one in judged if one[1].actionable}) > 1:
        raise NotActionable(
            f"Two servers have sent a message {message_id}, and it is not known which of them is meant.",
            "Leave it to the manager: one of the two servers has copied the id.",
        )
    genuine = [one for one in judged if one[1].verified in (TRUE, MARKED)]
    entry, standing = next((one for one in judged if one[1].actionable), (genuine or judged)[0])
    ledger = ActedLedger(host)
    if genuine and not standing.actionable and ledger.acted_at(entry):
        return entry, False
    if not standing.actionable:
        raise NotActionable(
            f"The message {message_id} must not be acted upon: {standing.actionable_reason}.",
            "Leave it to the manager.",
        )
    return entry, True if host.check_mode else ledger.record(entry)


def _standing(
    host: Host, entry: dict[str, Any], verdict: Verification, ledgers: list[OwnMarks], acted: ActedLedger
) -> Standing:
    verified, reason = verdict.verified, verdict.reason
    if (
        verified == TRUE
        and is_for(entry, host.id, host.fleet)
        and any(ledger.marked_by_other(entry) for ledger in ledgers)
    ):
        verified, reason = MARKED, f"{reason}, but somebody else has marked it in the name of {host.id}"
    refusal = _refusal(host, entry, verdict, acted)
    if refusal:
        return Standing(verified, reason, False, refusal)
    return Standing(verified, reason, True, f"{verdict.reason}, for {host.id}, new")


def _refusal(host: Host, entry: dict[str, Any], verdict: Verification, acted: ActedLedger) -> str:
    """Why an entry must not be acted upon; empty when it may."""
    if verdict.signer is None:
        return verdict.reason
    if not is_for(entry, host.id, host.fleet) or entry.get("from") == host.id:
        return f"it is not addressed to {host.id} by another server"
    now = host.clock()
    if not verdict.signer.is_valid(now):
        until = verdict.signer.valid_until
        return f"the key of {verdict.signer.server} is not valid now" + (
            f", it ended at {utc_text(until)}" if until else ""
        )
    written = parse_time(entry["timestamp"])
    if written is None or now - written > MAX_AGE:
        return f"it is older than {MAX_AGE.total_seconds() / 3600:.0f} hours"
    if is_ahead(written, now):
        return f"it is dated more than {MAX_AHEAD.total_seconds() / 60:.0f} minutes ahead"
    when = acted.acted_at(entry)
    if when:
        return f"{host.id} has acted upon it at {when}"
    return _FULL if acted.is_full else ""
