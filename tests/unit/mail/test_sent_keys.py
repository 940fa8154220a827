"""Test the record of the keys that a server has used."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.sent_keys import SentKeys
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.clock import Clock

ENTRY = Message({"id": "msg_1", "key": "k"})


def test_a_key_is_remembered_for_thirty_days(state: StateDirectory, clock: Clock) -> None:
    assert SentKeys(state, clock()).get("k") == []
    SentKeys(state, clock()).add({"k": [ENTRY]})
    assert SentKeys(state, clock()).get("k") == [ENTRY]
    assert SentKeys(state, clock()).get("other") == []
    clock.move(days=30, seconds=-1)
    assert SentKeys(state, clock()).get("k") == [ENTRY]
    clock.move(seconds=1)
    assert SentKeys(state, clock()).get("k") == []


def test_what_was_first_sent_under_a_key_counts(state: StateDirectory, clock: Clock) -> None:
    SentKeys(state, clock()).add({"k": [ENTRY]})
    clock.move(days=29)
    SentKeys(state, clock()).add({"k": [Message({"id": "msg_2"})]})
    assert SentKeys(state, clock()).get("k") == [ENTRY]
    clock.move(days=2)
    assert SentKeys(state, clock()).get("k") == []


def test_a_key_that_was_forgotten_can_be_used_and_is_remembered_again(state: StateDirectory, clock: Clock) -> None:
    SentKeys(state, clock()).add({"k": [ENTRY]})
    SentKeys(state, clock()).add({"old": [ENTRY]})
    clock.move(days=31)
    SentKeys(state, clock()).add({"k": [Message({"id": "msg_2"})]})
    assert SentKeys(state, clock()).get("k") == [Message({"id": "msg_2"})]
    assert list(state.read_json("keys.json")) == ["k"], "a key that is too old was kept"
