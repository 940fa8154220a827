# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of builderctl."""

from __future__ import annotations

import contextlib
from argparse import Namespace
from dataclasses import replace
from typing import Any, Callable

from ..coordination.delivery.outbox import Item, Outbox
from ..coordination.errors import InvalidInput, UnknownMessage
from ..coordination.identity.config import Config
from ..coordination.identity.host import Host
from ..coordination.mail.draft import Draft
from ..coordination.mail.message import Message
from ..coordination.mail.pages import find_page, is_handle, last_page
from ..coordination.operations.listing import shown
from ..coordination.operations.mark import acknowledge, mark_read, unrequested_acknowledgements
from ..coordination.operations.outbox import drop, retry
from ..coordination.operations.recover import resend, withdrawn_messages
from ..coordination.operations.send import reply, send
from ..coordination.operations.set_status import show_status, write_status
from ..coordination.status.report import Report
from ..coordination.store.snapshot import Receipt
from . import rendering
from .command import Outcome, module
from .hints import Hints
from .reader import current_reader
from .short_ids import choose, whole_id, whole_ids

Action = Callable[[Host, Config, Namespace], Outcome]


def _send(host: Host, _config: Config, args: Namespace) -> Outcome:
    draft = replace(_draft(args, args.subject, args.request), needs=args.needs)
    receipt = send(host, draft, args.to, args.secrets, args.offline)
    return _sent(host, receipt, args.hints)


def _reply(host: Host, _config: Config, args: Namespace) -> Outcome:
    message_id = whole_id(host, args.id)
    receipt = reply(host, message_id, _draft(args), args.secrets, args.offline, args.continue_thread)
    return _sent(host, receipt, args.hints)


def _draft(args: Namespace, subject: str = "", request: dict[str, Any] | None = None) -> Draft:
    return Draft(
        subject=subject,
        body=args.body,
        type=args.type,
        priority=args.priority,
        require_ack=args.require_ack,
        facts=tuple(args.facts),
        request=request,
        key=args.key,
    )


def _sent(host: Host, receipt: Receipt[list[Message]], hints: Hints) -> Outcome:
    messages = shown(host, receipt.result, queued=receipt.result if receipt.queued else ())
    data = {**_written(receipt), "messages": messages}
    return Outcome(data, lambda _paint: rendering.sent(data, hints))


def _written(receipt: Receipt[Any]) -> dict[str, Any]:
    return {
        "changed": receipt.changed,
        "delivery": receipt.delivery,
        "commit": receipt.commit,
        "attempts": receipt.attempts,
    }


def _mark_read(host: Host, _config: Config, args: Namespace) -> Outcome:
    pages = [find_page(host.state, name) for name in args.ids if is_handle(name)]
    pages += [] if args.ids else [last_page(host.state, current_reader())]
    ids = [
        *(one for page in pages for one in page.ids),
        *whole_ids(host, [name for name in args.ids if not is_handle(name)]),
    ]
    receipt, changed = mark_read(host, ids)
    data = {**_written(receipt), "changed": changed, "ids": receipt.result}
    return Outcome(data, lambda _paint: rendering.marked("read", data))


def _ack(host: Host, _config: Config, args: Namespace) -> Outcome:
    ids = whole_ids(host, args.ids)
    not_asked = unrequested_acknowledgements(host, ids)  # before the write, which makes another commit to read
    receipt = acknowledge(host, ids)
    data = {**_written(receipt), "ids": receipt.result, "not_asked": not_asked}
    return Outcome(data, lambda _paint: rendering.marked("acknowledged", data))


def _status(host: Host, _config: Config, args: Namespace) -> Outcome:
    details = {name: getattr(args, name) for name in ("job", "log", "artifacts")}
    details.update(branch=args.git_branch, commit=args.git_commit)
    if args.status is not None:
        if args.server is not None:
            raise InvalidInput("A server can only set its own status.", "Omit the option --server, or the status.")
        if (args.status == "idle" and any(details.values())) or (args.status == "building" and args.artifacts):
            raise InvalidInput(
                f"The status {args.status!r} does not accept these options.",
                "Omit --artifact."
                if args.status == "building"
                else "Omit --job, --git-branch, --git-commit, --log and --artifact.",
            )
        receipt = write_status(host, Report(args.status, **details), args.secrets, args.offline)
        server, status, data = host.id, receipt.result, {**_written(receipt), "queued": receipt.queued}
    else:
        if any(details.values()):
            raise InvalidInput(
                "The options of a job need a status.",
                "Pass a status, for example: builderctl status building --job job_42",
            )
        server = host.fleet.check_recipient(args.server or host.id)
        published = show_status(host, server)
        status, data = published.status, {"remote_age_seconds": round(published.age), "commit": published.commit}
        data["queued"] = published.queued
        data.update(verified=published.verification.verified, verified_reason=published.verification.reason)
    document = status.as_dict()
    data = {"server": server, "status": document, **data}
    sender = data.get("verified_reason", "")
    return Outcome(data, lambda _paint: rendering.status(server, document, host.clock(), sender, data["queued"]))


def _health(host: Host, config: Config, args: Namespace) -> Outcome:
    if args.dismiss or args.restore:
        from ..coordination.operations.dismiss import dismiss

        chosen, changed = dismiss(host, args.dismiss, args.restore)
        alarms = [alarm._asdict() for alarm in chosen]
        return Outcome({"changed": changed, "alarms": alarms}, lambda _paint: rendering.dismissed(alarms, changed))
    from ..coordination.monitoring.health import read_health

    found = read_health(host, config.reply_deadline)
    return Outcome(found, lambda paint: rendering.health(found, host.clock(), paint), int(not found["healthy"]))


def _outbox(host: Host, _config: Config, args: Namespace) -> Outcome:
    dropped = [drop(host, _kept_id(host, name)) for name in args.drop]
    retried = [retry(host, _kept_id(host, name)) for name in args.retry]
    contents = Outbox(host.state).read()
    data = {
        "waiting": [_item(item) for item in contents.items],
        "set_aside": [{**_item(item), "reason": item.reason} for item in contents.rejected],
        "dropped": [_item(item) for item in dropped],
        "retried": [_item(item) for item in retried],
    }
    return Outcome(data, lambda _paint: rendering.outbox(data))


def _kept_id(host: Host, given: str) -> str:
    """Return the id of a write in the outbox, or of a message in it, that a text names."""
    contents = Outbox(host.state).read()
    items = [*contents.items, *contents.rejected]
    with contextlib.suppress(UnknownMessage):
        return choose(given, [name for item in items for name in (item.id, *(entry.id for entry in item.messages))])
    return given


def _item(item: Item) -> dict[str, Any]:
    messages = [entry.id for entry in item.messages]
    return {"id": item.id, "accepted_at": item.accepted_at, "summary": item.summary, "messages": messages}


def _recover(host: Host, _config: Config, args: Namespace) -> Outcome:
    if args.resend:
        receipt = resend(host)
        data = {**_written(receipt), "messages": shown(host, receipt.result)}
    else:
        data = {"changed": False, "messages": shown(host, withdrawn_messages(host))}
    return Outcome(data, lambda _paint: rendering.recovered(data))


ON_REPOSITORY: dict[str, Action] = {
    "read": lambda *given: module("read").run(*given),
    "send": _send,
    "reply": _reply,
    "mark-read": _mark_read,
    "wait": lambda *given: module("wait").run(*given),
    "trace": lambda *given: module("trace").run(*given),
    "ack": _ack,
    "status": _status,
    "health": _health,
    "alerts": lambda *given: module("alerts").run(*given),
    "outbox": _outbox,
    "recover": _recover,
}
"""The commands that need the repository, by their names."""
