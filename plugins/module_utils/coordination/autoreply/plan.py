# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for the unread messages, by the rules of the operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..environment.packages import MAX_PACKAGES, is_allowed, is_safe, parse_spec
from ..errors import InvalidInput
from ..identity.fleet import ALL
from ..identity.host import Host
from ..identity.verification import MARKED, TRUE
from ..mail.actionable import ActedLedger
from ..mail.answers import answered_ids
from ..mail.mailbox import read_mailbox, verify_messages
from ..mail.message import Message
from ..mail.read_ledger import own_ledger
from ..operations.listing import shown
from ..store.snapshot import Snapshot
from .intent import FACTS, INSTALL, KINDS, STALE, Intent, is_answer, recognize

ANSWER, FINISH, DECLINE, MARK, LEAVE = DECISIONS = ("answer", "finish", "decline", "mark", "leave")
"""Act and answer; answer a request that was acted upon before, without acting again; refuse in an answer; only mark;
leave to the manager."""
ACTIONS = (INSTALL, STALE)
"""The kinds that change this server."""
URGENT = ("error", "warning")
SIGNED = (TRUE, MARKED)
"""The results of a verification that mean a valid signature of the sender."""


@dataclass(frozen=True)
class Rules:
    """The rules of the operator. By default all kinds are allowed, but no packages.

    :param actions: for each server the kinds that it may request; ``all`` stands for the servers without an entry.
    :param packages: shell patterns of the packages that may be installed.
    :param paths: the folders of the Git repositories whose commit may be requested.
    :param deadline: seconds after which an unread message is overdue.
    """

    actions: dict[str, list[str]] = field(default_factory=lambda: {ALL: list(KINDS)})
    packages: Sequence[str] = ()
    paths: Sequence[str] = ()
    deadline: int = 3600


class Step(NamedTuple):
    """The planned response to a message.

    :param message: the message, as in a listing.
    :param decision: one of ``DECISIONS``.
    :param reason: the reason of the decision.
    :param kind: one of ``KINDS``; empty if the intent was not recognized.
    :param details: the details of the intent.
    :param acts: whether this server is changed, which must be recorded before.
    :param acknowledge: whether to acknowledge the message.
    :param mark_read: whether to mark the message read; otherwise the manager still sees it as unread.
    :param position: the index of the message in the mailbox, the oldest first.
    :param overdue: whether the message is older than the deadline.
    :param round: the number of the round in which packages are installed, from 1; 0 if none are.
    :param facts: the facts of the answer, each with name and value, as far as no action changes them.
    """

    message: dict[str, Any]
    decision: str
    reason: str
    kind: str
    details: dict[str, Any]
    acts: bool
    acknowledge: bool
    mark_read: bool
    position: int
    overdue: bool
    round: int = 0
    facts: Sequence[dict[str, Any]] = ()


def plan(host: Host, rules: Rules) -> list[Step]:
    """Plan the responses to the unread messages, the most urgent first.

    Nothing is changed.

    :raises DocumentDamaged: if the mailbox cannot be parsed.
    :raises InvalidInput: if a rule is invalid.
    """
    check_rules(rules)
    return host.repository.read(lambda snapshot: _plan(host, snapshot, rules))


def check_rules(rules: Rules) -> None:
    """Validate rules.

    :raises InvalidInput: if an action is not one of ``KINDS``.
    """
    for server, kinds in rules.actions.items():
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if not isinstance(kinds, list) or kind not in KINDS:
                raise InvalidInput(
                    f"{kind!r}, allowed to {server}, is not an action.", f"Use a list of {', '.join(KINDS)}."
                )


def _plan(host: Host, snapshot: Snapshot, rules: Rules) -> list[Step]:
    entries = read_mailbox(snapshot).messages
    ledger = own_ledger(host)
    unread = [(i, e) for i, e in enumerate(entries) if e.is_for(host.id, host.fleet) and not ledger.has(e)]
    unread.sort(key=lambda one: one[1].urgency)
    messages = shown(host, [entry for _position, entry in unread], context=entries)
    signed = zip(unread, messages)
    known = {entry.id for (_position, entry), message in signed if message["verified"] in SIGNED and recognize(entry)}
    answered = answered_ids(host, snapshot, known)
    steps = [_step(host, rules, *one, message, answered) for one, message in zip(unread, messages)]
    return _in_rounds(_deduplicated(steps))


def _deduplicated(steps: list[Step]) -> list[Step]:
    """Return one step for each message.

    A message with an ambiguous id is left to the manager.
    """
    first: dict[str, Step] = {}
    ambiguous = set()
    for step in steps:
        if step.decision != LEAVE and first.setdefault(step.message["id"], step).message != step.message:
            ambiguous.add(step.message["id"])
    deduplicated = []
    for step in steps:
        message_id = step.message["id"]
        if step.decision != LEAVE and message_id in ambiguous:
            deduplicated.append(_ambiguous(step))
        elif step.decision == LEAVE or step is first[message_id]:
            deduplicated.append(step)
    return deduplicated


def _ambiguous(step: Step) -> Step:
    reason = "another message has the same id"
    return step._replace(decision=LEAVE, reason=reason, acts=False, acknowledge=False, mark_read=False)


def _in_rounds(steps: list[Step]) -> list[Step]:
    """Number the rounds in which packages are installed.

    The requests of a round are executed together, so a package has one version there. A later request for another
    version is in a later round.
    """
    rounds: list[dict[str, str]] = []
    numbered = []
    for step in steps:
        if step.acts and step.kind == INSTALL:
            wanted = {parse_spec(text).name: text for text in step.details["packages"]}
            step = step._replace(round=_add_to_round(rounds, wanted))
        numbered.append(step)
    return numbered


def _add_to_round(rounds: list[dict[str, str]], wanted: dict[str, str]) -> int:
    """Add packages to the first possible round, and return its number, from 1.

    :param rounds: for each round the requested packages by name.
    """
    begun = [number for number, known in enumerate(rounds, 1) if known.keys() & wanted.keys()]
    number = max(begun, default=1)
    while number <= len(rounds) and not _fit_together(rounds[number - 1], wanted):
        number += 1
    if number > len(rounds):
        rounds.append({})
    rounds[number - 1].update(wanted)
    return number


def _fit_together(known: dict[str, str], wanted: dict[str, str]) -> bool:
    """Return whether packages can be installed together."""
    return len({**known, **wanted}) <= MAX_PACKAGES and all(
        known.get(name, text) == text for name, text in wanted.items()
    )


def _step(host: Host, rules: Rules, position: int, entry: Message, message: dict[str, Any], answered: set[str]) -> Step:
    intent = recognize(entry)
    decision, reason = _decide(host, rules, entry, message, intent, answered)
    urgent = entry.type in URGENT
    handled = decision != LEAVE
    acknowledged = handled and (urgent or entry.ack_required)
    return Step(
        message=message,
        decision=decision,
        reason=reason,
        kind=intent.kind if intent else "",
        details=intent.details if intent else {},
        acts=decision == ANSWER and intent is not None and intent.kind in ACTIONS,
        acknowledge=acknowledged and host.id not in entry.acknowledged_by,
        mark_read=handled and not urgent,
        position=position,
        overdue=entry.is_late(host.clock(), rules.deadline),
    )


def _decide(
    host: Host,
    rules: Rules,
    entry: Message,
    message: dict[str, Any],
    intent: Intent | None,
    answered: set[str],
) -> tuple[str, str]:
    """Return the decision on a message and its reason."""
    if message["verified"] not in SIGNED:
        return LEAVE, message["verified_reason"]
    if entry.needs:
        return LEAVE, "only the operator may answer it"
    if host.fleet.expected and message["from"] not in host.fleet.members():
        return LEAVE, f"{message['from']} is not a server of this fleet"
    if is_answer(entry):
        return LEAVE, f"it is an answer from {message['from']}"
    if entry.id in answered:
        return (LEAVE if entry.type in URGENT else MARK), "it was answered before"
    if intent is None:
        if entry.type in URGENT and message["actionable"]:
            return MARK, "the manager must see it"
        return LEAVE, "its intent is not recognized"
    if not message["actionable"]:
        return _decide_on_refused(host, entry, message)
    refusal = intent.problem or refuse(rules, message["from"], intent)
    return (DECLINE, refusal) if refusal else (ANSWER, f"{message['from']} is allowed to request {intent.kind}")


def _decide_on_refused(host: Host, entry: Message, message: dict[str, Any]) -> tuple[str, str]:
    """Return the decision on a message that is not actionable, and its reason."""
    acted_at = ActedLedger(host).acted_at(entry)
    if acted_at:
        return FINISH, f"{host.id} acted upon it at {acted_at} and did not answer"
    signer = verify_messages(host, [entry])[0].signer
    if signer is None or not signer.is_valid(host.clock()):
        return LEAVE, message["actionable_reason"]
    return DECLINE, f"The request is not executed: {message['actionable_reason']}. Send it again."


def refuse(rules: Rules, sender: str, intent: Intent) -> str:
    """Return why a request is refused, as a sentence; empty if it is allowed."""
    allowed = rules.actions.get(sender, rules.actions.get(ALL, []))
    if intent.kind not in allowed:
        return f"{sender} is not allowed to request {intent.kind} here."
    if intent.kind == INSTALL:
        names = [parse_spec(text).name for text in intent.details["packages"]]
        denied = [name for name in names if not is_allowed(name, rules.packages)]
        if denied:
            return f"The rules of this server do not permit the installation of {', '.join(denied)}."
        unsafe = [name for name in names if not is_safe(name)]
        return (
            f"These names are not packages, and apt would take them for actions: {', '.join(unsafe)}." if unsafe else ""
        )
    if intent.kind == FACTS and "path" in intent.details and intent.details["path"] not in rules.paths:
        return "The rules of this server do not permit requests for the commit of that path."
    return ""
