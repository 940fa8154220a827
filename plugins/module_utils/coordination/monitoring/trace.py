# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps on the way of a message, from its sender to the answers of its recipients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ..delivery.outbox import Contents, Item, Outbox
from ..errors import DocumentDamaged, RepositoryDamaged, UnknownMessage
from ..identity.host import Host
from ..identity.verification import TRUE
from ..mail.answers import Answers
from ..mail.mailbox import SEE_IDS, read_archives, read_mailbox, recipients_of, verify_messages
from ..mail.message import Message
from ..store.snapshot import Snapshot
from ..text import clean, short
from .finding import Finding, done, known, not_known, not_yet
from .heartbeat import ServerHeartbeat, newest_heartbeats
from .message_history import MessageHistory
from .recipient_trace import STEPS_OF_RECIPIENT, OnRemote, by_commit, commit_name, recipient_findings

OUTBOX = "outbox of this host"
MAX_REASON = 200
"""The maximum number of characters of the reason why a write was refused."""


class Step(NamedTuple):
    """A step on the way of a message.

    ``step`` is ``written``, ``queued`` or ``pushed``, with an empty ``server``, or one of ``STEPS_OF_RECIPIENT``, or
    ``acknowledged``, with the recipient as ``server``.
    """

    step: str
    server: str
    finding: Finding


@dataclass(frozen=True)
class Trace:
    """A message and the steps on its way.

    :param message: the fields that say which message it is, sanitized.
    """

    message: dict[str, Any]
    steps: Sequence[Step]

    def data(self) -> dict[str, Any]:
        """Return the trace for programs."""
        steps = [{"step": name, "server": server, **asdict(finding)} for name, server, finding in self.steps]
        return {**self.message, "steps": steps}


@dataclass(frozen=True)
class Traces:
    """Traces, the commit that was read, and the number of seconds since the last answer of the remote."""

    traces: Sequence[Trace]
    commit: str | None
    age: float

    def data(self) -> dict[str, Any]:
        """Return the traces for programs, as the command and the module print them."""
        traces = [trace.data() for trace in self.traces]
        return {"traces": traces, "remote_age_seconds": round(self.age), "commit": self.commit}


def trace_messages(host: Host, ids: Sequence[str]) -> Traces:
    """Trace messages, from and to any server. Nothing is changed, not even the record of shown messages.

    If the remote cannot be reached, what is known here is used.

    :raises UnknownMessage: if one of the messages is neither on the remote nor in the outbox of this host.
    :raises DocumentDamaged: if the mailbox cannot be parsed, or an archive that is needed.
    :raises RemoteError: if the remote rejects the fetch, or was never reached.
    """
    return host.repository.read(lambda snapshot: _trace_all(host, snapshot, ids))


def _trace_all(host: Host, snapshot: Snapshot, ids: Sequence[str]) -> Traces:
    outbox = Outbox(host.state).read()
    found = [_find(host, snapshot, outbox, message_id) for message_id in dict.fromkeys(ids)]
    heartbeats = newest_heartbeats(host, snapshot, host.repository.notes)
    traces = [_trace(host, snapshot, outbox, one, heartbeats) for one in found]
    return Traces(traces, snapshot.commit, snapshot.age)


class _Found(NamedTuple):
    """A message, and where it is: in an item of the outbox, or on the remote, in the mailbox or in an archive."""

    entry: Message
    item: Item | None
    is_archived: bool


def _find(host: Host, snapshot: Snapshot, outbox: Contents, message_id: str) -> _Found:
    """Find a message; of several with this id, a verified one."""
    found = [_Found(entry, None, False) for entry in read_mailbox(snapshot).messages]
    found += [_Found(entry, None, True) for entry in read_archives(snapshot, message_id)]
    found += [_Found(entry, item, False) for item in (*outbox.items, *outbox.rejected) for entry in item.messages]
    found = [one for one in found if message_id and one.entry.id == message_id]
    if not found:
        raise _unknown(host, message_id)
    verified = verify_messages(host, [one.entry for one in found])
    return next((one for one, result in zip(found, verified) if result.verified == TRUE), found[0])


def _unknown(host: Host, message_id: str) -> UnknownMessage:
    if any(_is_at(host, tip, message_id) for tip in host.repository.withdrawn_tips()):
        return UnknownMessage(
            f"The message {message_id!r} was on the remote, and a rewind of its branch has removed it.",
            "'builderctl recover' on the server of its sender shows it.",
        )
    return UnknownMessage(f"There is no message {message_id!r}.", SEE_IDS)


def _is_at(host: Host, tip: str, message_id: str) -> bool:
    try:
        return any(entry.id == message_id for entry in read_mailbox(host.repository.snapshot_of(tip)).messages)
    except (DocumentDamaged, RepositoryDamaged):
        return False


def _trace(
    host: Host, snapshot: Snapshot, outbox: Contents, found: _Found, heartbeats: Mapping[str, ServerHeartbeat]
) -> Trace:
    entry = found.entry
    (verification,) = verify_messages(host, [entry])
    fields = entry.as_dict()
    message = {name: fields[name] for name in ("id", "from", "to", "type", "priority", "subject", "timestamp")}
    message.update({"from": clean(entry.sender_in(host.fleet)), "verified": verification.verified})
    recipients = sorted(recipients_of(host, snapshot, entry))
    if found.item:
        findings = _in_outbox(snapshot, found.item)
        of_recipients = {server: dict.fromkeys(STEPS_OF_RECIPIENT, findings["pushed"]) for server in recipients}
    else:
        number = entry.seq if verification.verified == TRUE else 0
        on_remote = _on_remote(host, snapshot, outbox, found, number)
        findings = {"queued": _no_longer_queued(host, entry), "pushed": _pushed(host, on_remote)}
        of_recipients = {
            server: recipient_findings(host, on_remote, server, heartbeats.get(server)) for server in recipients
        }
    steps = [Step(name, "", finding) for name, finding in {"written": _written(entry), **findings}.items()]
    for server, of_recipient in of_recipients.items():
        steps += [Step(name, server, finding) for name, finding in of_recipient.items()]
    return Trace(message, steps)


def _written(entry: Message) -> Finding:
    return done("the message", entry.sent_at) if entry.sent_at else not_known("the message has no valid time")


def _in_outbox(snapshot: Snapshot, item: Item) -> dict[str, Finding]:
    """Return the findings for a message that is only in the outbox."""
    if item.reason:
        reason = f"the write was refused and set aside: {short(item.reason, MAX_REASON)}"
        pushed = not_yet(OUTBOX, reason=reason.rstrip("."))
    elif snapshot.fresh:
        pushed = not_yet(OUTBOX)
    else:
        pushed = not_known("the write waits in the outbox of this host, and the remote was not reached")
    return {"queued": done(OUTBOX, item.accepted_at), "pushed": pushed}


def _no_longer_queued(host: Host, entry: Message) -> Finding:
    if entry.sender_in(host.fleet) == host.id:
        return not_known("the outbox of this host keeps no write that was delivered")
    return not_known("its sender does not publish its outbox")


def _pushed(host: Host, message: OnRemote) -> Finding:
    return known(lambda: by_commit(host, message, message.history.pushed))


def _on_remote(host: Host, snapshot: Snapshot, outbox: Contents, found: _Found, number: int) -> OnRemote:
    entry = found.entry
    waiting = [one for item in outbox.items for one in item.messages]
    entries = [*read_archives(snapshot, entry.id), *read_mailbox(snapshot).messages, *waiting]
    return OnRemote(
        entry=entry,
        number=number,
        is_archived=found.is_archived,
        history=MessageHistory(host, snapshot, entry, found.is_archived),
        tip=commit_name(host, str(snapshot.commit)),
        answers=Answers(host, snapshot, [entry], entries).to(entry),
    )
