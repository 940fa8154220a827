# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each command of builderctl does."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Callable, NamedTuple

from ..coordination.delivery.deliver import drop, retry
from ..coordination.delivery.outbox import Item, Outbox
from ..coordination.errors import InvalidInput
from ..coordination.identity.host import Host
from ..coordination.mail.message import Draft, id_of
from ..coordination.monitoring.health import read_health
from ..coordination.operations.listing import Filter, list_messages, shown
from ..coordination.operations.mark import acknowledge, mark_read, not_asked
from ..coordination.operations.recover import resend, withdrawn_messages
from ..coordination.operations.send import reply, send
from ..coordination.operations.set_status import show_status, write_status
from ..coordination.status.document import Report
from ..coordination.store.snapshot import Receipt
from . import rendering
from .config import Config
from .rendering import Paint


class Outcome(NamedTuple):
    """What came of a command: for programs, for people, and the exit code."""

    data: dict[str, Any]
    text: Callable[[Paint], str]
    code: int = 0


Action = Callable[[Host, Config, Namespace], Outcome]


def _read(host: Host, _config: Config, given: Namespace) -> Outcome:
    chosen = Filter(
        unread=False if given.all else None,
        undeliverable=given.undeliverable,
        types=given.type,
        senders=given.senders,
        thread=given.thread,
        since=given.since,
        limit=given.limit,
        ids=given.ids,
    )
    found = list_messages(host, chosen)
    data = {
        "messages": found.messages,
        "unread_count": found.unread_count,
        "undeliverable_count": found.undeliverable_count,
        "remote_age_seconds": round(found.age),
        "commit": found.commit,
    }
    narrowed = chosen != Filter(types=[], senders=[], ids=[])
    return Outcome(data, lambda paint: rendering.listing(data, host.id, narrowed, host.clock(), paint))


def _send(host: Host, _config: Config, given: Namespace) -> Outcome:
    return _sent(host, send(host, _draft(given, given.subject, given.request), given.to, given.secrets, given.offline))


def _reply(host: Host, _config: Config, given: Namespace) -> Outcome:
    return _sent(host, reply(host, given.id, _draft(given), given.secrets, given.offline))


def _draft(given: Namespace, subject: str = "", request: dict[str, Any] | None = None) -> Draft:
    return Draft(
        subject=subject,
        body=given.body,
        type=given.type,
        priority=given.priority,
        require_ack=given.require_ack,
        facts=tuple(given.facts),
        request=request,
        key=given.key,
    )


def _sent(host: Host, receipt: Receipt) -> Outcome:
    messages = shown(host, receipt.result, queued=receipt.result if receipt.queued else ())
    data = {**_written(receipt), "messages": messages, "message": messages[0]}
    return Outcome(data, lambda _paint: rendering.sent(data))


def _written(receipt: Receipt) -> dict[str, Any]:
    return {
        "changed": receipt.changed,
        "delivery": receipt.delivery,
        "commit": receipt.commit,
        "attempts": receipt.attempts,
    }


def _mark_read(host: Host, _config: Config, given: Namespace) -> Outcome:
    receipt, changed = mark_read(host, given.ids or None)
    data = {**_written(receipt), "changed": changed, "ids": receipt.result}
    return Outcome(data, lambda _paint: rendering.marked("read", data))


def _ack(host: Host, _config: Config, given: Namespace) -> Outcome:
    receipt = acknowledge(host, given.ids)
    data = {**_written(receipt), "ids": receipt.result, "not_asked": not_asked(host, given.ids)}
    return Outcome(data, lambda _paint: rendering.marked("acknowledged", data))


def _status(host: Host, _config: Config, given: Namespace) -> Outcome:
    details = {name: getattr(given, name) for name in ("job", "log", "artifacts")}
    details.update(branch=given.git_branch, commit=given.git_commit)
    if given.status is not None:
        if given.server is not None:
            raise InvalidInput("No server says what another is doing.", "Leave --server or the status out.")
        if (given.status == "idle" and any(details.values())) or (given.status == "building" and given.artifacts):
            raise InvalidInput(
                f"The status {given.status!r} takes no such detail.",
                "Leave --artifact out."
                if given.status == "building"
                else "Leave --job, --git-branch, --git-commit, --log and --artifact out.",
            )
        receipt = write_status(host, Report(given.status, **details), given.secrets, given.offline)
        server, document, data = host.id, receipt.result, {**_written(receipt), "queued": receipt.queued}
    else:
        if any(details.values()):
            raise InvalidInput(
                "Details of a job were given without a status.",
                "Give one, for example: builderctl status building --job job_42",
            )
        server = host.fleet.check_recipient(given.server or host.id)
        seen = show_status(host, server)
        document, data = seen.status, {"remote_age_seconds": round(seen.age), "commit": seen.commit}
        data.update(queued=seen.queued, verified=seen.verdict.verified, verified_reason=seen.verdict.reason)
    data = {"server": server, "status": document, **data}
    verdict = data.get("verified_reason", "")
    return Outcome(data, lambda _paint: rendering.status(server, document, host.clock(), verdict, data["queued"]))


def _health(host: Host, config: Config, _given: Namespace) -> Outcome:
    seen = read_health(host, config.reply_deadline)
    return Outcome(seen, lambda paint: rendering.health(seen, host.clock(), paint), int(not seen["healthy"]))


def _outbox(host: Host, _config: Config, given: Namespace) -> Outcome:
    dropped = [drop(host, name) for name in given.drop]
    again = [retry(host, name) for name in given.retry]
    contents = Outbox(host.state).read()
    data = {
        "waiting": [_waiting(item) for item in contents.items],
        "set_aside": [{**_waiting(item), "reason": item.reason} for item in contents.aside],
        "dropped": [_waiting(item) for item in dropped],
        "retried": [_waiting(item) for item in again],
    }
    return Outcome(data, lambda _paint: rendering.outbox(data))


def _waiting(item: Item) -> dict[str, Any]:
    messages = [id_of(entry) for entry in item.messages]
    return {"id": item.id, "accepted_at": item.accepted_at, "summary": item.summary, "messages": messages}


def _recover(host: Host, _config: Config, given: Namespace) -> Outcome:
    if given.resend:
        receipt = resend(host)
        data = {**_written(receipt), "messages": shown(host, receipt.result)}
    else:
        data = {"changed": False, "messages": shown(host, withdrawn_messages(host))}
    return Outcome(data, lambda _paint: rendering.recovered(data))


ON_REPOSITORY: dict[str, Action] = {
    "read": _read,
    "send": _send,
    "reply": _reply,
    "mark-read": _mark_read,
    "ack": _ack,
    "status": _status,
    "health": _health,
    "outbox": _outbox,
    "recover": _recover,
}
"""The commands that need the repository, by their names."""


def heartbeat(config: Config, once: bool) -> Outcome:
    """Publish heartbeats until told to stop, or one.

    :raises CoordinationError: when this host cannot beat.
    """
    from .service import run

    code = run(config, once=once)
    return Outcome({}, lambda _paint: "Heartbeat published." if once and not code else "", code)


def summary(config: Config) -> Outcome:
    """What needs the manager, without the network.

    :raises StateUnusable: when what the service saw cannot be read.
    """
    from . import login

    text = login.summary(config)
    return Outcome({"summary": text}, lambda _paint: text)
