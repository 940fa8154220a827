# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done about each unread message: the operator's rules, applied to who wrote it and what it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..environment.packages import is_allowed, is_safe, parse_spec
from ..errors import InvalidInput
from ..identity.fleet import ALL
from ..identity.host import Host
from ..identity.verification import MARKED, TRUE, Verifier
from ..mail.actionable import ActedLedger
from ..mail.answers import answered_ids
from ..mail.mailbox import read_mailbox
from ..mail.message import is_for, is_late, urgency
from ..mail.read_ledger import own_marks
from ..operations.listing import shown
from ..store.snapshot import Snapshot
from .intent import FACTS, INSTALL, KINDS, STALE, Asked, is_answer, recognise

ANSWER, FINISH, DECLINE, MARK, LEAVE = DECISIONS = ("answer", "finish", "decline", "mark", "leave")
"""Answer it; answer what was begun before, without doing it again; say no; only mark it; leave it to the manager."""
ACTIONS = (INSTALL, STALE)
"""The kinds for which something is changed on this server."""
URGENT = ("error", "warning")
GENUINE = (TRUE, MARKED)


@dataclass(frozen=True)
class Rules:
    """What the operator allows. Every kind may be asked for unless actions are given, and nothing is installed.

    :param actions: for each server the kinds that it may ask for; ``all`` stands for those that are not named.
    :param packages: shell patterns of the packages that may be installed.
    :param paths: the Git repositories whose commit is told.
    :param deadline: seconds after which a message that waits for the manager is overdue.
    """

    actions: dict[str, list[str]] = field(default_factory=lambda: {ALL: list(KINDS)})
    packages: Sequence[str] = ()
    paths: Sequence[str] = ()
    deadline: int = 3600


class Step(NamedTuple):
    """What is to be done about a message.

    :param message: the message, as a listing shows it.
    :param decision: one of ``DECISIONS``.
    :param reason: why.
    :param kind: one of ``KINDS``, empty when it is not known.
    :param acts: whether something is changed on this server, which has to be recorded before.
    :param acknowledge: whether it is to be acknowledged.
    :param mark_read: whether it is to be marked read; else it stays in front of the manager.
    :param position: its place in the mailbox, the oldest first.
    :param overdue: whether it has waited for longer than the deadline.
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


def plan(host: Host, rules: Rules) -> list[Step]:
    """What is to be done about each unread message, the most urgent first. Nothing is changed.

    :raises DocumentDamaged: when the mailbox cannot be read.
    :raises InvalidInput: when a rule cannot be used.
    """
    check_rules(rules)
    steps = host.repository.read(lambda snapshot: _plan(host, snapshot, rules))
    return sorted(steps, key=lambda step: urgency(step.message))


def check_rules(rules: Rules) -> None:
    """Refuse rules that name no kind of request.

    :raises InvalidInput: naming it.
    """
    for server, kinds in rules.actions.items():
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if not isinstance(kinds, list) or kind not in KINDS:
                raise InvalidInput(
                    f"{kind!r} is no action that {server} could be allowed.", f"Give a list of {', '.join(KINDS)}."
                )


def _plan(host: Host, snapshot: Snapshot, rules: Rules) -> list[Step]:
    entries = read_mailbox(snapshot).entries
    ledger = own_marks(host)
    unread = [(i, e) for i, e in enumerate(entries) if is_for(e, host.id, host.fleet) and not ledger.has(e)]
    messages = shown(host, [entry for _position, entry in unread])
    known = {message["id"] for message in messages if message["verified"] in GENUINE and recognise(message)}
    answered = answered_ids(host, snapshot, known)
    return _settled([_step(host, rules, *one, message, answered) for one, message in zip(unread, messages)])


def _settled(steps: list[Step]) -> list[Step]:
    """The steps, one for a message that stands there twice, and nothing to be done where an id means two things."""
    first: dict[str, Step] = {}
    doubtful = set()
    for step in steps:
        if step.decision != LEAVE and first.setdefault(step.message["id"], step).message != step.message:
            doubtful.add(step.message["id"])
    settled = []
    for step in steps:
        message_id = step.message["id"]
        if step.decision != LEAVE and message_id in doubtful:
            settled.append(_left(step))
        elif step.decision == LEAVE or step is first[message_id]:
            settled.append(step)
    return settled


def _left(step: Step) -> Step:
    reason = "another message has the same id"
    return step._replace(decision=LEAVE, reason=reason, acts=False, acknowledge=False, mark_read=False)


def _step(
    host: Host, rules: Rules, position: int, entry: dict[str, Any], message: dict[str, Any], answered: set[str]
) -> Step:
    asked = recognise(message)
    decision, reason = _decide(host, rules, entry, message, asked, answered)
    urgent = message["type"] in URGENT
    handled = decision != LEAVE
    wanted = (urgent and decision != LEAVE) or (handled and message["ack_required"])
    return Step(
        message=message,
        decision=decision,
        reason=reason,
        kind=asked.kind if asked else "",
        details=asked.details if asked else {},
        acts=decision == ANSWER and asked is not None and asked.kind in ACTIONS,
        acknowledge=wanted and host.id not in message["acknowledged_by"],
        mark_read=handled and not urgent,
        position=position,
        overdue=is_late(entry, host.clock(), rules.deadline),
    )


def _decide(
    host: Host,
    rules: Rules,
    entry: dict[str, Any],
    message: dict[str, Any],
    asked: Asked | None,
    answered: set[str],
) -> tuple[str, str]:
    """The decision on a message, and why."""
    if message["verified"] not in GENUINE:
        return LEAVE, message["verified_reason"]
    if host.fleet.expected and message["from"] not in host.fleet.ids():
        return LEAVE, f"{message['from']} is no server of this fleet"
    if is_answer(message):
        return LEAVE, f"it is an answer of {message['from']}"
    if message["id"] in answered:
        return (LEAVE if message["type"] in URGENT else MARK), "it was answered before"
    if asked is None:
        if message["type"] in URGENT and message["actionable"]:
            return MARK, "the manager has to see it"
        return LEAVE, "no program knows what it asks for"
    if not message["actionable"]:
        return _old(host, entry, message)
    refusal = asked.problem or refuse(rules, message["from"], asked)
    return (DECLINE, refusal) if refusal else (ANSWER, f"{message['from']} may ask for {asked.kind}")


def _old(host: Host, entry: dict[str, Any], message: dict[str, Any]) -> tuple[str, str]:
    """The decision on a message of a known kind that may not be acted upon, or not any more."""
    when = ActedLedger(host).acted_at(entry)
    if when:
        return FINISH, f"{host.id} began with it at {when} and did not come to its answer"
    signer = Verifier(host).verify([(entry, message["from"])])[0].signer
    if signer is None or not signer.is_valid(host.clock()):
        return LEAVE, message["actionable_reason"]
    return DECLINE, f"It is not acted upon: {message['actionable_reason']}. Ask again."


def refuse(rules: Rules, sender: str, asked: Asked) -> str:
    """Why a server may not ask for something, in a sentence for it; empty when it may."""
    allowed = rules.actions.get(sender, rules.actions.get(ALL, []))
    if asked.kind not in allowed:
        return f"{sender} is not allowed to ask for {asked.kind} here."
    if asked.kind == INSTALL:
        names = [parse_spec(text).name for text in asked.details["packages"]]
        denied = [name for name in names if not is_allowed(name, rules.packages)]
        if denied:
            return f"Not allowed to be installed here: {', '.join(denied)}."
        unsafe = [name for name in names if not is_safe(name)]
        return (
            f"There is no such package here, and apt would read it as an order: {', '.join(unsafe)}." if unsafe else ""
        )
    if asked.kind == FACTS and "path" in asked.details and asked.details["path"] not in rules.paths:
        return "The commit of that path is not told here."
    return ""
