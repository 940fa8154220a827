"""What a server remembers for itself: what it read, the keys it used, when it saw whose heartbeat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.read_ledger import KEPT, OwnMarks
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.sent_keys import SentKeys
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_age import Age, observe
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.unit.clock import Clock

MAILBOX: list[dict[str, Any]] = [
    {"id": "a", "to": "build1", "read": True},
    {"id": "b", "to": "build1", "read": False},
    {"id": "c", "to": "all", "from": "build2", "read": True},
    {"id": "d", "to": "build2", "read": True},
]
ENTRY = {"id": "msg_1", "key": "k"}


def has_read(state: StateDirectory) -> str:
    """The ids of the messages that build1 has read, by a ledger opened anew."""
    ledger = OwnMarks(state, "build1")
    return "".join(str(entry["id"]) for entry in MAILBOX if ledger.has(entry))


def test_without_a_ledger_the_repository_is_believed(state: StateDirectory) -> None:
    assert has_read(state) == "a"
    assert not any(OwnMarks(state, "build1").marked_by_other(entry) for entry in MAILBOX)
    assert not state.path.exists(), "looking must not make a ledger"


def test_the_first_mark_takes_over_what_the_repository_says(state: StateDirectory, clock: Clock) -> None:
    OwnMarks(state, "build1").record(["b"], MAILBOX, clock())
    assert has_read(state) == "ab"


def test_a_mark_by_another_does_not_count_once_there_is_a_ledger(state: StateDirectory, clock: Clock) -> None:
    OwnMarks(state, "build1").record(["b"], MAILBOX, clock())
    ledger = OwnMarks(state, "build1")
    foreign = {"id": "c", "to": "all", "from": "build2", "read": True, "read_by": ["build1"]}
    assert not ledger.has(foreign)
    assert ledger.marked_by_other(foreign)
    assert not ledger.marked_by_other(MAILBOX[0])
    assert not ledger.marked_by_other({"id": "e", "to": "build1", "read": False})


def test_what_was_recorded_stays_although_the_repository_forgets(state: StateDirectory, clock: Clock) -> None:
    ledger = OwnMarks(state, "build1")
    ledger.record(["b"], MAILBOX, clock())
    clock.move(days=400)
    ledger.record([], [{**entry, "read": False} for entry in MAILBOX], clock())
    assert has_read(state) == "ab"


def test_what_left_the_mailbox_is_forgotten_in_time(state: StateDirectory, clock: Clock) -> None:
    """Not at once, since another process may know a newer mailbox."""
    ledger = OwnMarks(state, "build1")
    ledger.record(["b"], MAILBOX, clock())
    ledger.record([], MAILBOX[:1], clock())
    assert has_read(state) == "ab"
    clock.move(seconds=KEPT.total_seconds() + 1)
    ledger.record([], MAILBOX[:1], clock())
    assert has_read(state) == "a"


@pytest.mark.parametrize("message_id", [None, 7, 1.5, [], {}, ["a"]])
def test_an_entry_whose_id_is_no_text(state: StateDirectory, clock: Clock, message_id: Any) -> None:
    odd = {"id": message_id, "to": "build1", "read": True}
    OwnMarks(state, "build1").record(["b"], [*MAILBOX, odd], clock())
    ledger = OwnMarks(state, "build1")
    ledger.has(odd)
    ledger.record(["a"], [*MAILBOX, odd], clock())
    assert has_read(state) == "ab"


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
    SentKeys(state, clock()).add({"k": [{"id": "msg_2"}]})
    assert SentKeys(state, clock()).get("k") == [ENTRY]
    clock.move(days=2)
    assert SentKeys(state, clock()).get("k") == []


def test_a_key_that_was_forgotten_can_be_used_and_is_remembered_again(state: StateDirectory, clock: Clock) -> None:
    SentKeys(state, clock()).add({"k": [ENTRY]})
    SentKeys(state, clock()).add({"old": [ENTRY]})
    clock.move(days=31)
    SentKeys(state, clock()).add({"k": [{"id": "msg_2"}]})
    assert SentKeys(state, clock()).get("k") == [{"id": "msg_2"}]
    assert list(state.read_json("keys.json")) == ["k"], "what is too old is thrown away"


def beat(clock: Clock, sequence: int, behind: float = 0) -> dict[str, Any]:
    """A heartbeat of a server whose clock is so many seconds behind."""
    return {"boot_id": "b", "sequence": sequence, "timestamp": utc_text(clock() - timedelta(seconds=behind))}


def test_the_first_look_believes_the_timestamp(state: StateDirectory, clock: Clock) -> None:
    assert observe(state, {"build2": beat(clock, 1, behind=50)}, clock(), keep=True) == {"build2": Age(50, None)}


def test_where_a_change_was_watched_its_age_counts_from_then(state: StateDirectory, clock: Clock) -> None:
    """However wrong the other's clock is, which is shown as skew."""
    observe(state, {"build2": beat(clock, 1, behind=1000)}, clock(), keep=True)
    clock.move(60)
    second = beat(clock, 2, behind=1000)
    assert observe(state, {"build2": second}, clock(), keep=True) == {"build2": Age(0, 1000)}
    clock.move(90)
    assert observe(state, {"build2": second}, clock(), keep=True) == {"build2": Age(90, 1000)}


def test_who_did_not_watch_believes_the_timestamp(state: StateDirectory, clock: Clock) -> None:
    """After a long time without a look a new sequence may be old as well."""
    observe(state, {"build2": beat(clock, 1)}, clock(), keep=True)
    clock.move(121)
    assert observe(state, {"build2": beat(clock, 2, behind=100)}, clock(), keep=True) == {"build2": Age(100, None)}


def test_a_server_that_is_new_is_believed(state: StateDirectory, clock: Clock) -> None:
    observe(state, {}, clock(), keep=True)
    clock.move(10)
    assert observe(state, {"build2": beat(clock, 1, behind=500)}, clock(), keep=True) == {"build2": Age(500, None)}


def test_the_same_sequence_after_a_restart_is_a_new_beat(state: StateDirectory, clock: Clock) -> None:
    observe(state, {"build2": beat(clock, 1)}, clock(), keep=True)
    clock.move(60)
    again = {**beat(clock, 1), "boot_id": "c"}
    assert observe(state, {"build2": again}, clock(), keep=True) == {"build2": Age(0, 0)}


@pytest.mark.parametrize("timestamp", [None, 7, "soon"])
def test_a_beat_without_a_time(state: StateDirectory, clock: Clock, timestamp: Any) -> None:
    assert observe(state, {"x": {"timestamp": timestamp}}, clock(), keep=True) == {"x": Age(None, None)}


def test_a_time_in_the_future_is_now(state: StateDirectory, clock: Clock) -> None:
    assert observe(state, {"x": beat(clock, 1, behind=-500)}, clock(), keep=True)["x"].seconds == 0


def test_check_mode_remembers_nothing(state: StateDirectory, clock: Clock) -> None:
    observe(state, {"build2": beat(clock, 1)}, clock(), keep=False)
    assert not state.path.exists()
