"""The orders that an actor carries out, and its answers."""

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
from ansible_collections.acs.builders.tests.faults.delivery import NONE, NOT_KNOWN, rejected, waiting

FAILED, UNKNOWN, CRASHED, KILLED = "failed", "unknown", "crashed", "killed"
"""Answers in addition to the delivery of a receipt: an error after which nothing was written; one after which the write
may have arrived; an unexpected error; and a killed actor."""

OLD = timedelta(days=40)
"""An age at which all read messages are archived."""


@dataclass(frozen=True)
class Order:
    """An order to an actor.

    :param action: one of ``ACTIONS``, or an action of the actor itself.
    :param token: the first word of the message, or the job of the status, which identifies the write.
    :param to: the recipient.
    :param keyed: whether it has an idempotency key, the token, so that it can be repeated.
    :param size: characters of the body.
    :param offline: what to do with a write that the remote does not accept in time: ``queue`` or ``fail``.
    :param value: a further argument of the action.
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
    """The answer to an order.

    :param outcome: pushed, queued, none, failed, unknown, crashed or killed.
    :param ids: the ids of its messages.
    :param error: the text of the error, and ``kind`` its stable name.
    :param value: the requested value.
    :param steps: the number of steps, as :mod:`.steps` counts them.
    """

    order: Order
    outcome: str
    ids: tuple[str, ...] = ()
    error: str = ""
    kind: str = ""
    value: Any = None
    steps: int = 0
    seconds: float = 0


def carry_out(host: Host, order: Order) -> Answer:
    """Carry out an order as a server, and return the answer."""
    started = time.monotonic()
    try:
        answer = ACTIONS[order.action](host, order)
    except Exception as error:  # the rig reports it
        return failure(order, error, time.monotonic() - started)
    return Answer(order, answer.outcome, answer.ids, value=answer.value, seconds=time.monotonic() - started)


def failure(order: Order, error: Exception, seconds: float = 0) -> Answer:
    """Return an error as an answer."""
    if not isinstance(error, CoordinationError):
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({last.filename.rpartition('/')[2]}, line {last.lineno})"
        return Answer(order, CRASHED, error=text, kind=type(error).__name__, seconds=seconds)
    outcome = UNKNOWN if NOT_KNOWN in str(error) else FAILED
    return Answer(order, outcome, error=str(error), kind=error.kind, seconds=seconds)


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
    """Run a cycle of the service: deliver, read, beat, and archive all read messages as if they were old."""
    deliver(host)
    listing = list_messages(host, Filter())
    publish_heartbeat(host, compose_heartbeat(host, [], 60, "rig"))
    archive(replace(host, clock=lambda: host.clock() + OLD))
    return Answer(order, NONE, value=listing.unread_count)


def _deliver(host: Host, order: Order) -> Answer:
    deliver(host)
    return Answer(order, NONE)


def _waiting(host: Host, order: Order) -> Answer:
    return Answer(order, NONE, value={"waiting": waiting(host), "rejected": rejected(host)})


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
