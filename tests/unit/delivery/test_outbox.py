"""Test that writes that the remote does not accept wait on this host, and are delivered once and in order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.batch import Response, respond
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery import deliver as delivering
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery import outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import (
    FAIL,
    deliver,
    deliver_waiting,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    InvalidInput,
    KeyConflict,
    NoAnswer,
    OutboxFull,
    RemoteUnreachable,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import (
    show_status,
    write_status,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.wait import wait_for_answer
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, outage
from ansible_collections.acs.builders.tests.writes import send_subject, subjects, waiting


@pytest.mark.parametrize("trust", [False, True], ids=["unsigned", "signed"])
def test_what_waits_goes_out_in_one_commit_and_in_order(builders: MemoryBuilders, trust: bool) -> None:
    if trust:
        builders.trust()
    send_subject(builders, "one")
    with outage(builders):
        queued = [send_subject(builders, subject) for subject in ("two", "three")]
    assert [receipt.delivery for receipt in queued] == ["queued", "queued"]
    assert all(receipt.changed and receipt.commit is None for receipt in queued)
    assert waiting(builders) == ["two", "three"] and subjects(builders) == ["one"]
    commits = builders.commits()
    receipt = send_subject(builders, "four")
    assert receipt.delivery == "pushed" and receipt.result[0].subject == "four"
    assert subjects(builders) == ["one", "two", "three", "four"]
    assert builders.commits() == commits + 1 and waiting(builders) == []
    delivered = {message["id"]: message for message in builders.messages()}
    assert all(delivered[receipt.result[0].id] == receipt.result[0].raw for receipt in [*queued, receipt])
    if trust:
        assert [message["seq"] for message in builders.messages()] == [1, 2, 3, 4]


def test_whoever_reaches_the_remote_delivers(builders: MemoryBuilders) -> None:
    send_subject(builders, "one")
    with outage(builders):
        send_subject(builders, "two")
        with builders.host("build1") as host:
            list_messages(host, Filter())
            deliver_waiting(host)
    assert waiting(builders) == ["two"]
    with builders.host("build1") as host:
        list_messages(host, Filter())
        deliver_waiting(host)
        assert host.repository.notes == []
    assert subjects(builders) == ["one", "two"] and waiting(builders) == []


def test_the_answer_to_a_message_that_waits_can_be_waited_for(builders: MemoryBuilders) -> None:
    send_subject(builders, "one")
    with outage(builders), builders.host("build1") as host:
        asked = send(host, Draft("two", "Hi")).result[0].id
        with pytest.raises(RemoteUnreachable):
            wait_for_answer(host, asked, 0, 1)
    with builders.host("build1") as host, pytest.raises(NoAnswer):
        wait_for_answer(host, asked, 0, 1)
    assert subjects(builders) == ["one", "two"]
    with builders.host("build2") as host:
        reply(host, asked, Draft("", "Yes"))
    with builders.host("build1") as host:
        assert wait_for_answer(host, asked, 0, 1).messages[0]["body"] == "Yes"


def test_without_the_outbox_a_write_fails_and_leaves_nothing(builders: MemoryBuilders) -> None:
    send_subject(builders, "one")
    with outage(builders), pytest.raises(RemoteUnreachable):
        send_subject(builders, "two", offline=FAIL)
    assert waiting(builders) == [] and send_subject(builders, "three").commit
    assert subjects(builders) == ["one", "three"]
    with pytest.raises(InvalidInput, match="'never'"):
        send_subject(builders, "four", offline="never")


def test_marks_answers_and_status_wait_too(builders: MemoryBuilders) -> None:
    builders.trust()
    asked = [send_subject(builders, subject).result[0].id for subject in ("one", "two", "three")]
    with builders.host("build2") as host:
        list_messages(host, Filter())
    commits = builders.commits()
    with outage(builders), builders.host("build2") as host:
        assert reply(host, asked[0], Draft("", "Yes")).queued
        assert mark_read(host, [asked[1]])[0].queued
        assert acknowledge(host, [asked[1]]).queued
        assert respond(host, [Response(asked[2], Draft("", "Done"))]).queued
        assert write_status(host, Report("building", job="j1")).queued
        assert write_status(host, Report("success", job="j1")).result.raw["last_build"]["id"] == "j1"
        assert list_messages(host, Filter()).messages == []
        assert respond(host, [Response(asked[2], Draft("", "Done"))]).result == []
    with builders.host("build2") as host:
        deliver(host)
        assert read_health(host)["servers"]["build2"]["last_build"]["status"] == "success"
    assert builders.commits() == commits + 1
    assert subjects(builders) == ["one", "two", "three", "Re: one", "Re: three"]
    assert [message["read_by"] for message in builders.messages()[:3]] == [["build2"]] * 3
    assert builders.messages()[1]["acknowledged_by"] == ["build2"]


def test_what_waits_shows_as_queued(builders: MemoryBuilders) -> None:
    """A write is queued in its conversation, by its id, in the status and in the health, until it is delivered."""
    asked = send_subject(builders, "one").result[0].id
    with builders.host("build2") as host:
        write_status(host, Report("idle"))
    with outage(builders), builders.host("build2") as host:
        answer = reply(host, asked, Draft("", "Yes")).result[0].id
        write_status(host, Report("building", job="j1"))
        for chosen, queued in (
            (Filter(thread=asked), {asked: False, answer: True}),
            (Filter(ids=[answer]), {answer: True}),
        ):
            assert {one["id"]: one["queued"] for one in list_messages(host, chosen).messages} == queued
        seen = show_status(host, "build2")
        assert (seen.status.state, seen.queued) == ("building", True)
        server = read_health(host)["servers"]["build2"]
        assert (server["status"], server["status_queued"]) == ("building", True)
    with builders.host("build2") as host:
        seen = show_status(host, "build2")
        assert (seen.status.state, seen.queued) == ("building", False)
        assert [one["queued"] for one in list_messages(host, Filter(thread=asked)).messages] == [False, False]
    assert subjects(builders) == ["one", "Re: one"]


def test_a_key_that_waits_is_not_sent_again(builders: MemoryBuilders) -> None:
    send_subject(builders, "one")
    with outage(builders):
        first, again = send_subject(builders, "two", key="k"), send_subject(builders, "two", key="k")
        with pytest.raises(KeyConflict, match="waits"):
            send_subject(builders, "other", key="k")
    assert [entry.id for entry in again.result] == [entry.id for entry in first.result]
    send_subject(builders, "two", key="k")
    assert send_subject(builders, "two", key="k").delivery == "none"
    assert subjects(builders) == ["one", "two"]


def test_a_key_that_ended_while_a_message_waited_is_replaced(builders: MemoryBuilders) -> None:
    builders.trust()
    send_subject(builders, "one")
    with outage(builders):
        send_subject(builders, "two")
    builders.trust("build1")
    with builders.host("build1") as host:
        deliver(host)
    with builders.host("build2") as host:
        assert list_messages(host, Filter()).messages[1]["actionable"]


def test_the_limits_are_reported(builders: MemoryBuilders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_ITEMS", 2)
    send_subject(builders, "one")
    with outage(builders):
        send_subject(builders, "two")
        send_subject(builders, "three")
        with pytest.raises(OutboxFull, match="full: 2 writes"):
            send_subject(builders, "four")
    monkeypatch.setattr(outbox, "MAX_ITEMS", 100)
    monkeypatch.setattr(outbox, "MAX_AGE", timedelta(seconds=-1))
    with pytest.raises(OutboxFull, match="waits for the remote since"):
        send_subject(builders, "five")
    with builders.host("build1") as host:
        deliver(host)
    send_subject(builders, "six")
    assert subjects(builders) == ["one", "two", "three", "six"]


def test_a_push_that_hangs_delays_no_answer(builders: MemoryBuilders, monkeypatch: pytest.MonkeyPatch) -> None:
    send_subject(builders, "one")
    monkeypatch.setattr(delivering, "PATIENCE", 0)
    with builders.host("build1") as host, host.repository.writing():
        receipt = send_subject(builders, "two")
        assert receipt.delivery == "queued"
        assert waiting(builders) == ["two"]
    send_subject(builders, "three")
    assert subjects(builders) == ["one", "two", "three"]


def test_check_mode_puts_nothing_into_the_outbox(builders: MemoryBuilders) -> None:
    send_subject(builders, "one")
    with outage(builders), builders.host("build1", check_mode=True) as host:
        assert send(host, Draft("two", "Hi")).files
    assert waiting(builders) == []
