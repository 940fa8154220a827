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
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

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
from ..mail.mailbox import read_mailbox
from ..mail.read_ledger import ACKNOWLEDGED, READ, own_marks
from ..mail.sent_keys import SentKeys
from ..mail.sequence import last_number, number
from ..store.snapshot import Change, Receipt, Snapshot
from ..timestamps import utc_text
from .change import Combined, combine
from .outbox import OUTBOX_FILE, Contents, Item, Outbox, new_item_id

QUEUE, FAIL = "queue", "fail"
OFFLINE = (QUEUE, FAIL)
"""What becomes of a write that the remote does not take in time: it waits in the outbox, or it fails."""
PATIENCE = 3
"""Seconds to wait for another process of this host that delivers. A push that works takes less; one that hangs keeps
nobody longer from the answer that the write is queued."""
LOOK_EVERY = 0.1
"""Seconds after which one that waits looks whether its item has been delivered by another process."""
MAX_SINGLE = 10
"""Items that are tried one by one when the remote refuses them together."""

_LOST = "Nothing was written and nothing waits in the outbox: do it again when this is mended."
_LATER = (RemoteUnreachable, DeadlineReached, Locked)
"""Errors after which the same write may be taken later."""
_CONTENT = (PushDeclined, KeyConflict, InvalidInput)
"""Errors that may lie in what is written."""


def new_item(host: Host, summary: str, **what: Any) -> Item:
    """A write of this server, to be submitted.

    :param what: the fields of an :class:`.Item` that say what it writes.
    """
    check_text(summary, "the summary")
    return Item(new_item_id(), utc_text(host.clock()), summary, **what)


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
    last = _last_known(host)
    if host.check_mode:
        waiting = Outbox(host.state).read()
        return host.preview(lambda snapshot: combine(host, snapshot, [*waiting.items, item], waiting.last))
    accepted = _accept(host, item, last)
    is_new = accepted.id == item.id
    try:
        with _turn_or_taken(host, accepted, host.repository.timeout if offline == FAIL else PATIENCE) as taken:
            receipt = taken or _deliver_own(host, accepted, is_new, offline)
    except Locked as error:
        if offline == QUEUE:
            return _queued(host, item, accepted, error)
        _withdraw(host, accepted, is_new)
        raise DeadlineReached(error.what, "Whether it arrived is not known: look with the next listing.") from error
    except BaseException:
        _withdraw(host, accepted, is_new)
        raise
    if receipt.queued or Outbox(host.state).read().find(accepted.id):
        return _queued(host, item, accepted)
    receipt.result.messages[item.id] = receipt.result.messages.get(accepted.id, accepted.messages)
    return receipt


def deliver(host: Host, own: str = "") -> Receipt:
    """Deliver what waits, in order and in one commit.

    What is refused for its content does not block what comes behind it: it is set aside.

    :param own: the id of the item for which the caller waits; its error is raised, and the receipt is about it.
    :raises CoordinationError: when nothing can be delivered, or not this item.
    """
    with host.repository.writing(PATIENCE):
        contents = Outbox(host.state).read()
        if own in contents.taken and not contents.find(own):
            return _taken(contents, own)
        try:
            return _write(host, own)
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


def _last_known(host: Host) -> int:
    """The number of this server's last message, as far as it is known without that of what waits."""
    recorded = Outbox(host.state).read().last
    if recorded is not None or not host.signers.repository:
        return recorded or 0
    with contextlib.suppress(RemoteError, DocumentDamaged):
        return host.repository.look(lambda snapshot: last_number(host, snapshot, _entries(snapshot), None))
    return 0


def _entries(snapshot: Snapshot) -> Sequence[dict[str, Any]]:
    return read_mailbox(snapshot).entries


def _accept(host: Host, item: Item, last: int) -> Item:
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
        item = replace(item, messages=tuple(number(host, item.messages, last + waiting)))
        contents.accept(item, host.clock())
    return item


@contextlib.contextmanager
def _turn_or_taken(host: Host, item: Item, patience: float) -> Iterator[Receipt | None]:
    """Keep other processes of this host from writing, unless one of them delivers an item meanwhile: then its receipt.

    :param patience: seconds to wait for either.
    :raises Locked: when neither happens.
    """
    deadline = time.monotonic() + patience
    while True:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(host.repository.writing(min(LOOK_EVERY, patience)))
            except Locked as error:
                contents = Outbox(host.state).read()
                taken = _taken(contents, item.id) if item.id in contents.taken else None
                if taken is None and time.monotonic() >= deadline:
                    what = f"Another process of this host has held the lock of writing for {patience:.0f} s."
                    raise Locked(what, error.remedy) from error
                if taken is None:
                    continue
                yield taken
                return
            yield None
            return


def _deliver_own(host: Host, accepted: Item, is_new: bool, offline: str) -> Receipt:
    """Deliver an item that was just accepted, no other process of this host being at it; when it cannot be, it waits.

    :raises BaseException: when it must not wait; it is out of the outbox then.
    """
    try:
        return deliver(host, accepted.id)
    except BaseException as error:
        contents = Outbox(host.state).read()
        if not contents.find(accepted.id) and accepted.id in contents.taken:
            return _taken(contents, accepted.id)
        if not isinstance(error, _LATER) or offline == FAIL:
            _withdraw(host, accepted, is_new)
            if isinstance(error, RemoteError) and not isinstance(error, (DeadlineReached, PushDeclined)) and is_new:
                error.add_detail(_LOST)
            raise
        host.repository.away = error.what
        return _queued(host, accepted, accepted, error)


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


def _queued(host: Host, item: Item, accepted: Item, error: CoordinationError | None = None) -> Receipt:
    if error:
        host.repository.notes.append(f"{error.what} What was to be written waits in the outbox of this host.")
    shown = json.dumps(asdict(accepted), indent=2).encode()
    files, before = {OUTBOX_FILE: shown}, {OUTBOX_FILE: b""}
    return Receipt(Combined({item.id: accepted.messages}), None, 0, files, before, queued=True)


def _taken(contents: Contents, own: str) -> Receipt:
    """The receipt of an item that another process has delivered."""
    taken = contents.taken[own]
    return Receipt(Combined({own: taken["messages"]}), taken["commit"], taken["attempts"])


def _write(host: Host, own: str, only: str = "") -> Receipt:
    """Deliver all items, or only one; the receipt is about the caller's own one."""
    outbox = Outbox(host.state)
    delivered: list[Item] = []

    def function(snapshot: Snapshot) -> Change:
        contents = outbox.read()
        delivered[:] = [item for item in contents.items if only in ("", item.id)]
        if not delivered:
            return Change(Combined(last=contents.last))
        return combine(host, snapshot, delivered, contents.last)

    receipt = host.write(function, lambda receipt: _settle(host, receipt, delivered, own))
    contents = outbox.read()
    is_taken = own in contents.taken and not any(item.id == own for item in delivered)
    return _taken(contents, own) if is_taken else receipt


def _settle(host: Host, receipt: Receipt, delivered: Sequence[Item], own: str) -> None:
    """Note on this host what was delivered."""
    combined: Combined = receipt.result
    now = host.clock()
    for item in delivered:
        if item.key:
            SentKeys(host.state, now).add(item.key, list(combined.messages[item.id]))
    for mark in (READ, ACKNOWLEDGED):
        ids = [message_id for item in delivered for message_id in getattr(item, mark.name)]
        if ids:
            own_marks(host, mark).record(ids, combined.mailbox, now)
    if delivered:
        with Outbox(host.state).changing() as contents:
            contents.remove([item.id for item in delivered])
            contents.last = combined.last if combined.last is not None else contents.last
            outcome = {"commit": receipt.commit, "attempts": receipt.attempts}
            others = [item for item in delivered if item.id != own]
            contents.taken.update(
                {one.id: {**outcome, "messages": combined.messages.get(one.id, ())} for one in others}
            )


def _singly(host: Host, items: Sequence[Item], own: str, refusal: CoordinationError) -> Receipt:
    """Deliver items one by one, and set aside those that are refused although another one is taken."""
    refused: dict[str, CoordinationError] = {}
    receipts: dict[str, Receipt] = {}
    for item in items:
        try:
            receipts[item.id] = _write(host, own, item.id)
        except (*_CONTENT, DocumentDamaged) as error:
            refused[item.id] = error
    for name in [name for name in refused if receipts and name != own]:  # the refusal may have been a passing one
        with contextlib.suppress(*_CONTENT, DocumentDamaged):
            receipts[name] = _write(host, own, name)
            del refused[name]
    if receipts:
        _set_aside(
            host, {name: error for name, error in refused.items() if isinstance(error, _CONTENT) and name != own}
        )
    if own in refused:
        raise refused[own]
    if not receipts:
        raise refusal
    return receipts.get(own) or Receipt(Combined(), None, 0)


def _set_aside(host: Host, refused: dict[str, CoordinationError]) -> None:
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
        item = _named(contents, name)
        contents.remove([item.id])
        contents.aside = [one for one in contents.aside if one.id != item.id]
    return item


def retry(host: Host, name: str) -> Item:
    """Put a write that was set aside at the end of what waits.

    :param name: as for :func:`drop`.
    :raises InvalidInput: when there is none.
    """
    with Outbox(host.state).changing() as contents:
        item = _named(replace(contents, items=[]), name)
        contents.aside = [one for one in contents.aside if one.id != item.id]
        contents.accept(replace(item, reason=""), host.clock())
    return item


def _named(contents: Contents, name: str) -> Item:
    found = [item for item in (*contents.items, *contents.aside) if item.is_named(name)]
    if not found:
        raise InvalidInput(f"{name!r} is not in the outbox.", "See 'builderctl outbox' for what is.")
    return found[0]
