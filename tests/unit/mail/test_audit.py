"""Test that changes of others to the messages are detected, reported once, and a problem for a day."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import DocumentDamaged
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail import audit_state
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.audit import audit, recent_alarms
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.audit_state import MAX_ALARMS, WATCHED
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.read_ledger import KEPT
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock

ARCHIVE = "coordination/archive/2026-11.json"


@pytest.fixture
def watched(builders: Builders, now: Clock) -> Builders:
    """Two servers that trust each other. build2 watches the mailbox, and has seen messages 1 to 4 of build1 arrive."""
    builders.trust()
    put(builders)
    assert alarms(builders, now) == []
    send_messages(builders, 4)
    assert alarms(builders, now) == []
    return builders


def send_messages(builders: Builders, count: int = 1, server: str = "build1") -> list[dict[str, Any]]:
    """Send messages, and return the mailbox."""
    with builders.host(server) as host:
        for number in range(count):
            send(host, Draft(f"Hello {number}", "Hi"))
    return builders.messages()


def put(builders: Builders, *entries: dict[str, Any], path: str = MESSAGES) -> None:
    """Replace the mailbox or an archive, as anyone with push access can."""
    builders.commit(path, json.dumps({"messages": entries}).encode())


def alarms(builders: Builders, clock: Clock, server: str = "build2") -> list[str]:
    """Return the alarms of an audit in a new process."""
    with builders.host(server) as host:
        host = clock.on(host)
        return [one.text for one in host.repository.read(lambda snapshot: audit(host, snapshot, keep=True))]


def test_ordinary_use_raises_none(watched: Builders, now: Clock) -> None:
    send_messages(watched, 2, "build2")
    entries = send_messages(watched)
    with watched.host("build2") as host:
        mark_read(host, [entries[0]["id"]])
        acknowledge(host, [entries[1]["id"]])
    assert alarms(watched, now) == []
    with watched.host("build2") as host:
        mark_read(host, [entry["id"] for entry in entries[:3]])
    entries = watched.messages()
    put(watched, *entries[:3], path=ARCHIVE)
    put(watched, *entries[3:])
    assert alarms(watched, now) == []
    watched.trust("build1")
    send_messages(watched)
    old_script = [{**entry, "read": True} for entry in watched.messages()]
    put(watched, *old_script)
    assert alarms(watched, now) == alarms(watched, now, "build1") == []
    put(watched, *watched.messages()[-1:], path=ARCHIVE)
    put(watched)
    assert len(alarms(watched, now)) > 0, "a message in neither place is not reported"


@pytest.mark.parametrize("read", [6, 4])
def test_one_that_was_archived_before_this_server_saw_it_is_no_gap(watched: Builders, now: Clock, read: int) -> None:
    entries = send_messages(watched, 3)
    with watched.host("build2") as host:
        mark_read(host, [entry["id"] for entry in entries[:read]])
    entries = watched.messages()
    put(watched, *entries[:6], path=ARCHIVE)
    put(watched, entries[6])
    reported = alarms(watched, now)
    assert [one.partition(":")[0] for one in reported] == ["Messages 5 to 6 of build1 never came"][: 6 - read]


def test_an_archive_hides_no_message_that_this_server_has_not_read(watched: Builders, now: Clock) -> None:
    entries = watched.messages()
    put(watched, entries[0], path=ARCHIVE)
    put(watched, *entries[1:])
    assert alarms(watched, now) == [f"{entries[0]['id']}, message 1 of build1, was deleted."]


def test_what_is_no_alarm(watched: Builders, now: Clock) -> None:
    """Messages in another order or twice, two with the same number, and marks in the name of this server."""
    first, second, *rest = watched.messages()
    with watched.host("build1") as host:
        same_number = host.signed({**first, "id": "msg_second"})
    marked = {**second, "read": True, "read_by": ["build2"], "acknowledged_by": ["build2"]}
    put(watched, *rest, marked, first, first, same_number)
    assert alarms(watched, now) == []


def test_the_record_of_an_older_version_is_read(watched: Builders, now: Clock) -> None:
    """It has alarms of other kinds, which also end after a day."""
    path = watched.state("build2") / "audit.json"
    record = json.loads(path.read_text())
    old = {
        "alarms": ["m, message 1 of build1, was moved behind message 2.", "x, message 9 of build1, was deleted."],
        "forged": ["m was marked read in the name of build2, which has not read it."],
    }
    at = utc_text(now())
    path.write_text(json.dumps({**record, **{kind: dict.fromkeys(texts, at) for kind, texts in old.items()}}))
    first, *rest = watched.messages()
    put(watched, *rest)
    deleted = f"{first['id']}, message 1 of build1, was deleted."
    assert alarms(watched, now) == [deleted, *old["alarms"], *old["forged"]]
    now.move(86_401)
    assert alarms(watched, now) == []


def test_an_archive_that_is_damaged_hides_nothing_else(watched: Builders, now: Clock) -> None:
    entries = send_messages(watched, 2)
    watched.commit(ARCHIVE, b'{"messages": [{"seq": ')
    put(watched, *entries[:4], entries[5], {**entries[5], "id": "other"})
    with pytest.raises(DocumentDamaged):
        alarms(watched, now)
    with watched.host("build2") as host:
        reported = recent_alarms(now.on(host))
    assert ["forged" in one or "is not its own" in one for one in reported] == [True]
    put(watched, path=ARCHIVE)
    assert any("Message 5 of build1 never came" in one for one in alarms(watched, now))


def test_what_was_seen_and_is_gone(watched: Builders, now: Clock) -> None:
    entries = watched.messages()
    put(watched, entries[0], *entries[2:])
    (alarm,) = alarms(watched, now)
    assert alarm == f"{entries[1]['id']}, message 2 of build1, was deleted."


@pytest.mark.parametrize(
    ("gone", "text"),
    [(slice(4, 5), "Message 5 of build1 never came"), (slice(3, 6), "Messages 5 to 6 of build1 never came")],
)
def test_what_is_gone_before_it_was_seen(watched: Builders, now: Clock, gone: slice, text: str) -> None:
    entries = send_messages(watched, 3)
    del entries[gone]
    put(watched, *entries)
    assert any(alarm.startswith(text) for alarm in alarms(watched, now))


def test_what_was_changed_or_forged(watched: Builders, now: Clock) -> None:
    first, *rest = watched.messages()
    forged = {**first, "id": "msg_forged", "seq": 9}
    put(watched, {**first, "body": "Delete everything."}, *rest, forged)
    found = alarms(watched, now)
    assert sorted(found) == sorted(
        f"{name} in the name of build1 is not its own: the signature of build1 does not match the content."
        for name in (first["id"], "msg_forged")
    )


def test_each_is_a_problem_for_a_day_and_a_note_of_each_listing(watched: Builders, now: Clock) -> None:
    put(watched, *watched.messages()[1:])
    with watched.host("build2") as host:
        (problem,) = [one for one in read_health(now.on(host), keep=True)["problems"] if "deleted" in one]
    now.move(86_000)
    (alarm,) = alarms(watched, now)
    assert problem.startswith(f"{alarm} When you know the reason, on build2: builderctl health --dismiss ")
    with watched.host("build2") as host:
        list_messages(now.on(host), Filter())
        assert alarm in host.repository.notes
    now.move(1_000)
    assert alarms(watched, now) == []


def test_an_alarm_about_an_unknown_key_is_judged_again_when_the_key_is_known(watched: Builders, now: Clock) -> None:
    before = (watched.state("build2") / "signers.json").read_bytes()
    watched.trust("build1")
    after = (watched.state("build2") / "signers.json").read_bytes()
    genuine = send_messages(watched)[-1]
    forged = {**genuine, "id": "msg_forged", "seq": 9}
    put(watched, *watched.messages(), forged)
    (watched.state("build2") / "signers.json").write_bytes(before)
    assert [one.split()[0] for one in alarms(watched, now)] == [genuine["id"], "msg_forged"]
    (watched.state("build2") / "signers.json").write_bytes(after)
    (reported,) = alarms(watched, now)
    assert reported.startswith("msg_forged in the name of build1 is not its own:")
    put(watched, *watched.messages()[:-1])
    assert alarms(watched, now) == [reported], "the alarm about a removed forgery ended within a day"


def test_the_first_look_takes_the_mailbox_as_it_is(builders: Builders, now: Clock) -> None:
    builders.trust()
    entries = send_messages(builders, 4)
    put(builders, entries[3], {**entries[1], "body": "changed"})
    assert alarms(builders, now) == []
    send_messages(builders)
    assert alarms(builders, now) == []
    put(builders, entries[3])
    (alarm,) = alarms(builders, now)
    assert alarm.endswith("message 5 of build1, was deleted.")


def test_without_trust_nothing_is_looked_at(builders: Builders, now: Clock) -> None:
    send_messages(builders, 2)
    put(builders, builders.messages()[1])
    assert alarms(builders, now) == []
    assert not (builders.state("build2") / "audit.json").exists()


def look(builders: Builders, clock: Clock) -> list[str]:
    """Return the alarms of an audit of build2 that records nothing."""
    with builders.host("build2") as host:
        host = clock.on(host)
        return [one.text for one in host.repository.read(lambda snapshot: audit(host, snapshot))]


def test_a_look_finds_the_same_and_records_nothing(watched: Builders, now: Clock) -> None:
    put(watched)
    before = (watched.state("build2") / "audit.json").read_text()
    found = look(watched, now)
    assert found and look(watched, now) == found
    assert (watched.state("build2") / "audit.json").read_text() == before
    assert alarms(watched, now) == found == look(watched, now)


def test_a_look_without_a_record_has_nothing_to_compare_with(builders: Builders, now: Clock) -> None:
    builders.trust()
    entries = send_messages(builders, 2)
    assert look(builders, now) == []
    put(builders, {**entries[0], "body": "changed"})
    assert look(builders, now) == []
    assert not {"audit.json", "audit.lock", "read.json"} & set(os.listdir(builders.state("build2")))


def test_a_flood_stays_bounded(watched: Builders, now: Clock) -> None:
    entries = watched.messages()
    flood = [{**entries[0], "id": f"msg_{number}", "seq": 100 + number} for number in range(3 * MAX_ALARMS)]
    put(watched, *entries, *flood)
    assert len(alarms(watched, now)) == MAX_ALARMS
    record = json.loads((watched.state("build2") / "audit.json").read_text())
    assert len(record["forged"]) == len(flood) and len(record["senders"]["build1"]["seen"]) == 4


def test_a_server_that_counts_wildly_stops_nobody(watched: Builders, now: Clock) -> None:
    (watched.state("build1") / "outbox.json").write_text(json.dumps({"last": 2**52, "items": [], "aside": []}))
    send_messages(watched)
    (alarm,) = alarms(watched, now)
    assert "never came" in alarm


def test_only_the_newest_are_watched(builders: Builders, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WATCHED == 200
    monkeypatch.setattr(audit_state, "WATCHED", 3)
    builders.trust()
    put(builders)
    assert alarms(builders, now) == []
    send_messages(builders, 5)
    assert alarms(builders, now) == []
    send_messages(builders, 2)
    assert alarms(builders, now) == []
    entries = builders.messages()
    put(builders, *entries[3:])
    assert alarms(builders, now) == [], "old messages are searched for"
    put(builders, *entries[5:])
    assert [alarm.partition(", was")[0] for alarm in alarms(builders, now)] == [
        f"{entries[4]['id']}, message 5 of build1"
    ]


def test_an_alarm_is_reported_with_the_time_of_the_first_look(watched: Builders, now: Clock) -> None:
    first, *rest = watched.messages()
    put(watched, {**first, "body": "Delete everything."}, *rest)
    (alarm,) = alarms(watched, now)
    raised = json.loads((watched.state("build2") / "audit.json").read_text())["alarms"]
    now.move(3_600)
    assert alarms(watched, now) == [alarm]
    assert json.loads((watched.state("build2") / "audit.json").read_text())["alarms"] == raised
    now.move(86_400)
    assert alarms(watched, now) == [], "the alarm lasts longer than a day"


def test_a_forged_message_is_reported_whatever_is_wrong_with_it(watched: Builders, now: Clock) -> None:
    entries = watched.messages()
    forged = [
        {**entries[0], "id": "msg_a\n\x1b[2J", "seq": 7},
        {"id": 7, "from": "build1", "signature": 7},
        {"from": None, "signature": "x"},
        {**entries[0], "id": "msg_d", "seq": True},
        {**entries[0], "id": "msg_e", "seq": -1},
        {**entries[0], "id": "msg_f", "seq": [1]},
    ]
    put(watched, *entries, *forged)
    found = alarms(watched, now)
    assert len(found) == len(forged) and all("is not its own: " in alarm and alarm.isprintable() for alarm in found)
    assert any(alarm.startswith("A message without an id in the name of None") for alarm in found)


@pytest.mark.parametrize("watching", [True, False])
def test_what_was_read_long_before_it_was_archived_is_no_alarm(watched: Builders, now: Clock, watching: bool) -> None:
    """A later mark makes the ledger forget the first messages, with the service on, or off for days."""
    entries = watched.messages()
    with watched.host("build2") as host:
        mark_read(now.on(host), [entry["id"] for entry in entries[:3]])
    if watching:
        assert alarms(watched, now) == []
    now.move(KEPT.total_seconds() + 1 if watching else timedelta(days=5).total_seconds())
    put(watched, *entries[:3], path=ARCHIVE)
    put(watched, *watched.messages()[3:])
    with watched.host("build2") as host:
        mark_read(now.on(host), [entries[3]["id"]])
    assert alarms(watched, now) == []


@pytest.mark.parametrize("archived", [True, False])
def test_a_first_look_at_an_emptied_mailbox(builders: Builders, now: Clock, archived: bool) -> None:
    """Earlier messages are not reported as missing; later ones are."""
    builders.trust()
    entries = send_messages(builders, 3)
    if archived:
        put(builders, *entries, path=ARCHIVE)
    put(builders)
    assert alarms(builders, now) == []
    entries = send_messages(builders)
    assert alarms(builders, now) == []
    entries = send_messages(builders, 2)
    put(builders, entries[0], entries[2])
    (alarm,) = alarms(builders, now)
    assert alarm.startswith("Message 5 of build1 never came")
