"""What an actor can be asked to do, and what it answers."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import QUEUE, deliver
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.archive import archive
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.faults.delivery import NONE, NOT_KNOWN, set_aside, waiting

FAILED, UNKNOWN, CRASHED, KILLED = "failed", "unknown", "crashed", "killed"
"""Beside what a receipt says: an error that says nothing was written; one that leaves it open; one that nobody foresaw;
and an actor that was killed before it could tell."""

OLD = timedelta(days=40)
"""The age from which nothing that was read waits to be archived."""


@dataclass(frozen=True)
class Order:
    """Something to do.

    :param action: one of ``ACTIONS``, or of those that an actor has for itself.
    :param token: the first word of what is sent, or the job of a status: how it is found again.
    :param to: the recipient.
    :param keyed: whether it has an idempotency key, the token, so that it may be asked again.
    :param size: characters of the body.
    :param offline: what becomes of a write that the remote does not take in time: ``queue`` or ``fail``.
    :param value: what else an action needs.
    """

    action: str
    token: str = ""
    to: str = ""
    keyed: bool = True
    size: int = 20
    offline: str = QUEUE
    value: Any = None


@dataclass(frozen=True)
class Answer:
    """What the caller was told.

    :param told: pushed, queued, none, failed, unknown, crashed or killed.
    :param ids: the messages that it is about.
    :param error: what was said, and ``kind`` the stable name of the error.
    :param value: what was asked for.
    :param steps: how many steps it took, as :mod:`.steps` counts them.
    """

    order: Order
    told: str
    ids: tuple[str, ...] = ()
    error: str = ""
    kind: str = ""
    value: Any = None
    steps: int = 0
    seconds: float = 0


def carry_out(host: Host, order: Order) -> Answer:
    """Do what is asked as a server, and say what came of it."""
    started = time.monotonic()
    try:
        answer = ACTIONS[order.action](host, order)
    except Exception as error:  # whatever it is, the rig reports it
        return failure(order, error, time.monotonic() - started)
    return Answer(order, answer.told, answer.ids, value=answer.value, seconds=time.monotonic() - started)


def failure(order: Order, error: Exception, seconds: float = 0) -> Answer:
    """The answer that an error is."""
    if not isinstance(error, CoordinationError):
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error} ({last.filename.rpartition('/')[2]}, line {last.lineno})"
        return Answer(order, CRASHED, error=said, kind=type(error).__name__, seconds=seconds)
    told = UNKNOWN if NOT_KNOWN in str(error) else FAILED
    return Answer(order, told, error=str(error), kind=error.kind, seconds=seconds)


def _draft(order: Order) -> Draft:
    return Draft(
        order.token, f"{order.token} {'x' * order.size}", key=order.token if order.keyed else None, require_ack=True
    )


def _send(host: Host, order: Order) -> Answer:
    receipt = send(host, _draft(order), [order.to], offline=order.offline)
    return Answer(order, receipt.delivery, tuple(entry.id for entry in receipt.result))


def _reply(host: Host, order: Order) -> Answer:
    unread = list_messages(host, Filter(limit=1)).messages
    if not unread:
        return Answer(order, NONE)
    receipt = reply(host, unread[0]["id"], _draft(order), offline=order.offline)
    return Answer(order, receipt.delivery, tuple(entry.id for entry in receipt.result))


def _status(host: Host, order: Order) -> Answer:
    report = Report("building", job=order.token)
    return Answer(order, write_status(host, report, offline=order.offline).delivery)


def _read(host: Host, order: Order) -> Answer:
    ids = tuple(message["id"] for message in list_messages(host, Filter(limit=5)).messages)
    return Answer(order, mark_read(host, ids)[0].delivery, ids)


def _acknowledge(host: Host, order: Order) -> Answer:
    unread = list_messages(host, Filter(limit=5)).messages
    ids = tuple(message["id"] for message in unread if message["ack_required"])
    return Answer(order, acknowledge(host, ids).delivery, ids)


def _list(host: Host, order: Order) -> Answer:
    listing = list_messages(host, Filter(unread=False))
    return Answer(order, NONE, tuple(message["id"] for message in listing.messages), value=listing.age)


def _cycle(host: Host, order: Order) -> Answer:
    """One cycle of the service: deliver, read, beat, and archive what was read, as if all of it were old."""
    deliver(host)
    listing = list_messages(host, Filter())
    publish_heartbeat(host, compose_heartbeat(host, [], 60, "rig"))
    archive(replace(host, clock=lambda: host.clock() + OLD))
    return Answer(order, NONE, value=listing.unread_count)


def _deliver(host: Host, order: Order) -> Answer:
    deliver(host)
    return Answer(order, NONE)


def _waiting(host: Host, order: Order) -> Answer:
    return Answer(order, NONE, value={"waiting": waiting(host), "aside": set_aside(host)})


ACTIONS: dict[str, Callable[[Host, Order], Answer]] = {
    "send": _send,
    "reply": _reply,
    "status": _status,
    "read": _read,
    "acknowledge": _acknowledge,
    "list": _list,
    "cycle": _cycle,
    "deliver": _deliver,
    "waiting": _waiting,
}
MESSAGES, MARKS = ("send", "reply"), ("read", "acknowledge")
WRITES = (*MESSAGES, *MARKS, "status")
