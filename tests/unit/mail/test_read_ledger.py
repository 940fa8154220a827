"""Test the ledger of the messages that a server has read."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.read_ledger import KEPT, MarkLedger
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.clock import Clock

MAILBOX = [
    Message({"id": "a", "to": "build1", "read": True}),
    Message({"id": "b", "to": "build1", "read": False}),
    Message({"id": "c", "to": "all", "from": "build2", "read": True}),
    Message({"id": "d", "to": "build2", "read": True}),
]


def has_read(state: StateDirectory) -> str:
    """Return the ids of the messages that build1 has read, from a reopened ledger."""
    ledger = MarkLedger(state, "build1")
    return "".join(entry.id for entry in MAILBOX if ledger.has(entry))


def test_without_a_ledger_the_repository_is_believed(state: StateDirectory) -> None:
    assert has_read(state) == "a"
    assert not any(MarkLedger(state, "build1").marked_by_other(entry) for entry in MAILBOX)
    assert not state.path.exists(), "reading created a ledger"


def test_the_first_mark_takes_over_what_the_repository_says(state: StateDirectory, clock: Clock) -> None:
    MarkLedger(state, "build1").record(["b"], MAILBOX, clock())
    assert has_read(state) == "ab"


def test_a_mark_by_another_does_not_count_once_there_is_a_ledger(state: StateDirectory, clock: Clock) -> None:
    MarkLedger(state, "build1").record(["b"], MAILBOX, clock())
    ledger = MarkLedger(state, "build1")
    foreign = Message({"id": "c", "to": "all", "from": "build2", "read": True, "read_by": ["build1"]})
    assert not ledger.has(foreign)
    assert ledger.marked_by_other(foreign)
    assert not ledger.marked_by_other(MAILBOX[0])
    assert not ledger.marked_by_other(Message({"id": "e", "to": "build1", "read": False}))


def test_what_was_recorded_stays_although_the_repository_forgets(state: StateDirectory, clock: Clock) -> None:
    ledger = MarkLedger(state, "build1")
    ledger.record(["b"], MAILBOX, clock())
    clock.move(days=400)
    ledger.record([], [Message({**entry.raw, "read": False}) for entry in MAILBOX], clock())
    assert has_read(state) == "ab"


def test_what_left_the_mailbox_is_forgotten_in_time(state: StateDirectory, clock: Clock) -> None:
    """This is not done at once, since another process may know a newer mailbox."""
    ledger = MarkLedger(state, "build1")
    ledger.record(["b"], MAILBOX, clock())
    ledger.record([], MAILBOX[:1], clock())
    assert has_read(state) == "ab"
    clock.move(seconds=KEPT.total_seconds() + 1)
    ledger.record([], MAILBOX[:1], clock())
    assert has_read(state) == "a"


@pytest.mark.parametrize("message_id", [None, 7, 1.5, [], {}, ["a"]])
def test_an_entry_whose_id_is_no_text(state: StateDirectory, clock: Clock, message_id: Any) -> None:
    odd = Message({"id": message_id, "to": "build1", "read": True})
    MarkLedger(state, "build1").record(["b"], [*MAILBOX, odd], clock())
    ledger = MarkLedger(state, "build1")
    ledger.has(odd)
    ledger.record(["a"], [*MAILBOX, odd], clock())
    assert has_read(state) == "ab"
