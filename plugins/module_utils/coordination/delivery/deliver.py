# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes through the outbox: acceptance on disk, delivery in one commit.

An accepted write is delivered exactly once and in order, by the process that accepted it, by another process of this
host, or by the service.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..documents.json_document import check_text
from ..errors import (
    CoordinationError,
    DeadlineReached,
    DocumentDamaged,
    InvalidInput,
    KeyConflict,
    Locked,
    PushDeclined,
    RemoteError,
    RemoteUnreachable,
    StateUnusable,
)
from ..identity.host import Host
from ..mail.idempotency import contents as contents_of
from ..mail.sequence import number
from ..state_dir import PATIENCE
from ..store.snapshot import Change, Receipt, Snapshot
from ..timestamps import parse_time, utc_text
from .batch import Batch, Combined
from .combine import combine
from .outbox import OUTBOX_FILE, Item, Outbox, new_item_id
from .writes import Messages, Write

QUEUE, FAIL = "queue", "fail"
OFFLINE = (QUEUE, FAIL)
"""What to do with a write that the remote does not accept in time: keep it in the outbox, or fail."""
MAX_SINGLE = 10
"""The maximum number of items to deliver one by one after the remote has rejected them together."""

_LOST = "Nothing was written and nothing waits in the outbox: run the command again after the problem is solved."
_LATER = (RemoteUnreachable, DeadlineReached, Locked)
"""Errors after which the same write may be accepted later."""
_CONTENT = (PushDeclined, KeyConflict, InvalidInput)
"""Errors that the content of a write can cause."""


def new_item(host: Host, summary: str, *writes: Write) -> Item:
    """Return an item with writes of this server.

    :param summary: the line for the message of the commit.
    :raises InvalidInput: if the summary cannot be written.
    """
    check_text(summary, "the summary")
    return Item(new_item_id(), utc_text(host.clock()), summary, writes)


def submit(host: Host, item: Item, offline: str = QUEUE) -> Receipt[Combined]:
    """Accept an item and deliver it, after all items before it in the outbox.

    :param offline: ``queue`` to keep the item in the outbox if the remote cannot be reached, ``fail`` to remove it.
    :return: a receipt whose result is the :class:`.Combined` of the batch, with the messages of the item under its id.
    :raises OutboxFull: if the outbox is full.
    :raises KeyConflict: if the idempotency key was used for other content.
    :raises RemoteError: if the remote rejects the write; the item is removed from the outbox then.
    :raises StateUnusable: if the outbox cannot be read or written.
    """
    if offline not in OFFLINE:
        raise InvalidInput(f"The option offline cannot be {offline!r}.", f"Use one of {', '.join(OFFLINE)}.")
    if host.check_mode:
        waiting = Outbox(host.state).read()
        return host.preview(lambda snapshot: combine(host, snapshot, [*waiting.items, item], waiting.last))
    accepted = _accept(host, item)
    is_new = accepted.id == item.id
    try:
        receipt = _deliver_own(host, accepted, offline)
    except BaseException as error:
        _withdraw(host, accepted, is_new)
        if isinstance(error, RemoteError) and not isinstance(error, (DeadlineReached, PushDeclined)) and is_new:
            error.add_detail(_LOST)
        raise
    receipt = receipt or _delivered_by_other(host, accepted, is_new)
    receipt.result.messages[item.id] = receipt.result.messages.get(accepted.id, accepted.messages)
    return receipt


def deliver(host: Host, own: str = "") -> Receipt[Combined]:
    """Deliver the outbox, in order and in one commit.

    An item that is rejected because of its content does not block the items after it: it is moved to the rejected
    items.

    :param own: the id of the item of the caller. Its error is raised, and its receipt is returned.
    :return: the receipt.
    :raises CoordinationError: if nothing can be delivered, or the item of the caller cannot.
    """
    with host.repository.writing(PATIENCE):
        try:
            return _write(host)
        except (*_CONTENT, DocumentDamaged) as error:
            waiting = Outbox(host.state).read().items
            if len(waiting) < 2:
                raise
            return _deliver_one_by_one(host, waiting[:MAX_SINGLE], own, error)


def deliver_waiting(host: Host) -> None:
    """Deliver the outbox if the remote was just reached.

    An error is added to the notes.
    """
    if host.check_mode or host.repository.away or not Outbox(host.state).read().items:
        return
    try:
        deliver(host)
    except CoordinationError as error:
        host.repository.notes.append(f"The outbox was not delivered: {error}")


def _accept(host: Host, item: Item) -> Item:
    """Sign an item and put it into the outbox.

    :return: the item, or the earlier one with the same idempotency key.
    :raises KeyConflict: if the earlier one has other content.
    :raises OutboxFull: if the outbox is full.
    """
    with Outbox(host.state).changing() as contents:
        same = next((one for one in contents.items if item.key and one.key == item.key), None)
        if same:
            if contents_of(same.messages) != contents_of(item.messages):
                raise KeyConflict(
                    f"{host.id} has used the key {item.key!r} for another message, which waits in its outbox.",
                    "Use a new key for new content.",
                )
            return same
        waiting = sum(len(one.messages) for one in contents.items)
        item = replace(
            item, writes=tuple(_signed(host, write, (contents.last or 0) + waiting) for write in item.writes)
        )
        contents.accept(item, host.clock())
    return item


def _signed(host: Host, write: Write, last: int) -> Write:
    """Number the messages of a write after ``last`` and sign them.

    The delivery corrects the numbers if ``last`` was not recorded.
    """
    return replace(write, messages=tuple(number(host, write.messages, last))) if isinstance(write, Messages) else write


def _deliver_own(host: Host, accepted: Item, offline: str) -> Receipt[Combined] | None:
    """Deliver an item that was just accepted.

    :return: the receipt; None if another process of this host has removed the item from the outbox.
    :raises CoordinationError: if the item cannot be delivered and must not be queued.
    """
    outbox = Outbox(host.state)
    try:
        with host.repository.writing(host.repository.timeout if offline == FAIL else PATIENCE):
            if outbox.read().find(accepted.id):
                receipt = deliver(host, accepted.id)
                return _queued(host, accepted) if outbox.read().find(accepted.id) else receipt
    except _LATER as error:
        if outbox.read().find(accepted.id):
            if offline == QUEUE:
                host.repository.away = error.what
                return _queued(host, accepted, error)
            if isinstance(error, Locked):
                remedy = "Whether it arrived is not known: look with the next listing."
                raise DeadlineReached(error.what, remedy) from error
            raise
    return None


def _delivered_by_other(host: Host, item: Item, is_new: bool) -> Receipt[Combined]:
    """Return the receipt of an item that another process of this host has removed.

    :raises PushDeclined: if the item was rejected.
    :raises DeadlineReached: if its messages are not in the repository.
    """
    rejected = next((one for one in Outbox(host.state).read().rejected if one.id == item.id), None)
    if rejected:
        _withdraw(host, item, is_new)
        raise PushDeclined(rejected.reason, "Nothing was written. Change the content, and write it again.")

    def look(snapshot: Snapshot) -> Receipt[Combined]:
        batch, accepted = Batch(host, snapshot), parse_time(item.accepted_at)
        sent = [write for write in item.writes if isinstance(write, Messages)]
        messages = [entry for write in sent for entry in write.existing(batch, accepted)]
        if not messages and any(not write.once for write in sent):
            raise DeadlineReached(
                "The write is neither in the outbox of this host nor in the repository, as far as it is known here.",
                "Another process may have dropped it: look with the next listing before you repeat it.",
            )
        return Receipt(Combined({item.id: messages}), snapshot.commit if is_new else None, 0)

    return host.repository.look(look)


def _withdraw(host: Host, item: Item, is_new: bool) -> None:
    """Remove an item that was not delivered, unless an earlier call accepted it.

    :raises StateUnusable: if the outbox cannot be written. The item is delivered later then.
    """
    if not is_new:
        return
    try:
        with Outbox(host.state).changing() as contents:
            contents.remove([item.id])
    except StateUnusable as error:
        remedy = "It still waits in the outbox, so whether it will arrive is not known: see 'builderctl outbox'."
        raise StateUnusable(error.what, remedy) from error


def _queued(host: Host, item: Item, error: CoordinationError | None = None) -> Receipt[Combined]:
    if error:
        host.repository.notes.append(f"{error.what} The write waits in the outbox of this host.")
    files = {OUTBOX_FILE: json.dumps(item.as_json(), indent=2).encode()}
    return Receipt(Combined({item.id: item.messages}), None, 0, files, queued=True)


def _write(host: Host, only: str = "") -> Receipt[Combined]:
    """Deliver all items, or the one with an id."""
    delivered: list[Item] = []

    def function(snapshot: Snapshot) -> Change[Combined]:
        contents = Outbox(host.state).read()
        delivered[:] = [item for item in contents.items if only in ("", item.id)]
        if not delivered:
            return Change(Combined(last=contents.last))
        return combine(host, snapshot, delivered, contents.last)

    return host.write(function, lambda receipt: _settle(host, receipt.result, delivered))


def _settle(host: Host, combined: Combined, delivered: Sequence[Item]) -> None:
    """Record the delivery on this host."""
    for item in delivered:
        for write in item.writes:
            write.settle(item.id, combined)
    combined.record(host)
    with Outbox(host.state).changing() as contents:
        contents.remove([item.id for item in delivered])
        contents.last = combined.last if combined.last is not None else contents.last


def _deliver_one_by_one(host: Host, items: Sequence[Item], own: str, error: CoordinationError) -> Receipt[Combined]:
    """Deliver items one by one, and reject those that fail if another one succeeds.

    :param error: the error of their delivery in one commit.
    """
    errors: dict[str, CoordinationError] = {}
    receipts: dict[str, Receipt[Combined]] = {}
    for item in items:
        try:
            receipts[item.id] = _write(host, item.id)
        except (*_CONTENT, DocumentDamaged) as item_error:
            errors[item.id] = item_error
    for name in [name for name in errors if receipts and name != own]:  # the error may have been temporary
        with contextlib.suppress(*_CONTENT, DocumentDamaged):
            receipts[name] = _write(host, name)
            del errors[name]
    if receipts:
        _reject(host, {name: one for name, one in errors.items() if isinstance(one, _CONTENT) and name != own})
    if own in errors:
        raise errors[own]
    if not receipts:
        raise error
    return receipts.get(own) or Receipt(Combined(), None, 0)


def _reject(host: Host, errors: Mapping[str, CoordinationError]) -> None:
    """Move items to the rejected items, each with the error as its reason."""
    with Outbox(host.state).changing() as contents:
        rejected = [item for item in contents.items if item.id in errors]
        contents.remove([item.id for item in rejected])
        contents.rejected += [replace(item, reason=errors[item.id].what) for item in rejected]
    for item in rejected:
        host.repository.notes.append(
            f"A write of this server was refused and set aside ({item.summary}): {errors[item.id].what} "
            "See: builderctl outbox"
        )
