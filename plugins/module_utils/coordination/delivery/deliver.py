# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing through the outbox: a write is accepted on this host's disk, then all that waits goes out in one commit.

What was accepted gets to the remote exactly once and in order, by whoever comes next: the process that accepted it,
another one of this host, or the service.
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
from ..store.snapshot import Change, Receipt, Snapshot
from ..timestamps import parse_time, utc_text
from .batch import Batch, Combined
from .outbox import OUTBOX_FILE, Item, Outbox, new_item_id
from .writes import Messages, Write

QUEUE, FAIL = "queue", "fail"
OFFLINE = (QUEUE, FAIL)
"""What becomes of a write that the remote does not take in time: it waits in the outbox, or it fails."""
PATIENCE = 3
"""Seconds to wait for another process of this host that delivers. A push that works takes less; one that hangs keeps
nobody longer from the answer that the write is queued."""
MAX_SINGLE = 10
"""Items that are tried one by one when the remote refuses them together."""

_LOST = "Nothing was written and nothing waits in the outbox: do it again when this is mended."
_LATER = (RemoteUnreachable, DeadlineReached, Locked)
"""Errors after which the same write may be taken later."""
_CONTENT = (PushDeclined, KeyConflict, InvalidInput)
"""Errors that may lie in what is written."""


def new_item(host: Host, summary: str, *writes: Write) -> Item:
    """Return an item with writes of this server, to be submitted together."""
    check_text(summary, "the summary")
    return Item(new_item_id(), utc_text(host.clock()), summary, writes)


def submit(host: Host, item: Item, offline: str = QUEUE) -> Receipt:
    """Accept a write and deliver it, with all that waits before it.

    :param offline: ``queue`` when it may wait in the outbox, ``fail`` when it must not.
    :return: a receipt whose result is the :class:`.Combined` change that carries it, with its own messages under its
        own id.
    :raises OutboxFull: when too much waits.
    :raises KeyConflict: when a key was used for something else.
    :raises RemoteError: when the remote says no; nothing waits then.
    :raises StateUnusable: when it cannot be kept on this host.
    """
    if offline not in OFFLINE:
        raise InvalidInput(f"The option offline cannot be {offline!r}.", f"Use one of {', '.join(OFFLINE)}.")
    if host.check_mode:
        waiting = Outbox(host.state).read()
        return host.preview(lambda snapshot: Batch(host, snapshot, waiting.last).change([*waiting.items, item]))
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


def deliver(host: Host, own: str = "") -> Receipt:
    """Deliver what waits, in order and in one commit.

    What is refused for its content does not block what comes behind it: it is set aside.

    :param own: the id of the item for which the caller waits; its error is raised, and the receipt is about it.
    :raises CoordinationError: when nothing can be delivered, or not this item.
    """
    with host.repository.writing(PATIENCE):
        try:
            return _write(host)
        except (*_CONTENT, DocumentDamaged) as error:
            waiting = Outbox(host.state).read().items
            if len(waiting) < 2:
                raise
            return _singly(host, waiting[:MAX_SINGLE], own, error)


def deliver_waiting(host: Host) -> None:
    """Deliver what still waits, where the remote was reached just before; that this fails is only noted."""
    if host.check_mode or host.repository.away or not Outbox(host.state).read().items:
        return
    try:
        deliver(host)
    except CoordinationError as error:
        host.repository.notes.append(f"What waits in the outbox was not delivered: {error}")


def _accept(host: Host, item: Item) -> Item:
    """Put an item into the outbox, signed; the one that waits under the same key stands for it."""
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


def _deliver_own(host: Host, accepted: Item, offline: str) -> Receipt | None:
    """Deliver an item that was just accepted.

    :return: the receipt; None when another process of this host has taken the item out of the outbox meanwhile.
    :raises CoordinationError: when it cannot be delivered and must not wait.
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


def _delivered_by_other(host: Host, item: Item, is_new: bool) -> Receipt:
    """The receipt of an item that another process of this host has taken out of the outbox.

    :raises PushDeclined: when the item was refused and set aside.
    :raises DeadlineReached: when its messages are not in the repository.
    """
    refused = next((one for one in Outbox(host.state).read().aside if one.id == item.id), None)
    if refused:
        _withdraw(host, item, is_new)
        raise PushDeclined(refused.reason, "Nothing was written. Change what is refused, and write it again.")

    def look(snapshot: Snapshot) -> Receipt:
        batch, accepted = Batch(host, snapshot), parse_time(item.accepted_at)
        sent = [write for write in item.writes if isinstance(write, Messages)]
        messages = [entry for write in sent for entry in write.there(batch, accepted)]
        if not messages and any(not write.once for write in sent):
            raise DeadlineReached(
                "The write is neither in the outbox of this host nor in the repository, as far as it is known here.",
                "Another process may have dropped it: look with the next listing before you repeat it.",
            )
        return Receipt(Combined({item.id: messages}), snapshot.commit if is_new else None, 0)

    return host.repository.look(look)


def _withdraw(host: Host, item: Item, is_new: bool) -> None:
    """Take an item that could not be delivered out of the outbox again, unless it was accepted by an earlier call.

    :raises StateUnusable: when that cannot be written either: then it is still delivered later.
    """
    if not is_new:
        return
    try:
        with Outbox(host.state).changing() as contents:
            contents.remove([item.id])
    except StateUnusable as error:
        remedy = "It still waits in the outbox, so whether it will arrive is not known: see 'builderctl outbox'."
        raise StateUnusable(error.what, remedy) from error


def _queued(host: Host, item: Item, error: CoordinationError | None = None) -> Receipt:
    if error:
        host.repository.notes.append(f"{error.what} What was to be written waits in the outbox of this host.")
    files = {OUTBOX_FILE: json.dumps(item.as_json(), indent=2).encode()}
    return Receipt(Combined({item.id: item.messages}), None, 0, files, queued=True)


def _write(host: Host, only: str = "") -> Receipt:
    """Deliver all items, or only one."""
    delivered: list[Item] = []

    def function(snapshot: Snapshot) -> Change:
        contents = Outbox(host.state).read()
        delivered[:] = [item for item in contents.items if only in ("", item.id)]
        if not delivered:
            return Change(Combined(last=contents.last))
        return Batch(host, snapshot, contents.last).change(delivered)

    return host.write(function, lambda receipt: _settle(host, receipt.result, delivered))


def _settle(host: Host, combined: Combined, delivered: Sequence[Item]) -> None:
    """Note on this host what was delivered."""
    for item in delivered:
        for write in item.writes:
            write.settle(item.id, combined)
    combined.record(host)
    with Outbox(host.state).changing() as contents:
        contents.remove([item.id for item in delivered])
        contents.last = combined.last if combined.last is not None else contents.last


def _singly(host: Host, items: Sequence[Item], own: str, refusal: CoordinationError) -> Receipt:
    """Deliver items one by one, and set aside those that are refused although another one is taken."""
    refused: dict[str, CoordinationError] = {}
    receipts: dict[str, Receipt] = {}
    for item in items:
        try:
            receipts[item.id] = _write(host, item.id)
        except (*_CONTENT, DocumentDamaged) as error:
            refused[item.id] = error
    for name in [name for name in refused if receipts and name != own]:  # the refusal may have been a passing one
        with contextlib.suppress(*_CONTENT, DocumentDamaged):
            receipts[name] = _write(host, name)
            del refused[name]
    if receipts:
        aside = {name: error for name, error in refused.items() if isinstance(error, _CONTENT) and name != own}
        _set_aside(host, aside)
    if own in refused:
        raise refused[own]
    if not receipts:
        raise refusal
    return receipts.get(own) or Receipt(Combined(), None, 0)


def _set_aside(host: Host, refused: Mapping[str, CoordinationError]) -> None:
    with Outbox(host.state).changing() as contents:
        aside = [item for item in contents.items if item.id in refused]
        contents.remove([item.id for item in aside])
        contents.aside += [replace(item, reason=refused[item.id].what) for item in aside]
    for item in aside:
        host.repository.notes.append(
            f"A write of this server was refused and set aside ({item.summary}): {refused[item.id].what} "
            "See: builderctl outbox"
        )


def drop(host: Host, name: str) -> Item:
    """Take a write out of the outbox for good.

    :param name: the id of the item or of one of its messages.
    :raises InvalidInput: when there is none.
    :raises Locked: when it is being delivered.
    """
    with host.repository.writing(PATIENCE), Outbox(host.state).changing() as contents:
        return contents.take([*contents.items, *contents.aside], name)


def retry(host: Host, name: str) -> Item:
    """Put a write that was set aside at the end of what waits.

    :param name: as for :func:`drop`.
    :raises InvalidInput: when there is none.
    """
    with Outbox(host.state).changing() as contents:
        item = contents.take(contents.aside, name)
        contents.accept(replace(item, reason=""), host.clock())
    return item
