"""Test that unusual messages of other programs are understood if possible, and never hidden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.mail_log import log_new_mail
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.mailbox import Mailbox, read_mailbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock

MISSING = "(left out)"
ENTRY: dict[str, Any] = {
    **{"id": "odd", "from": "build1", "type": "request", "subject": "Hello", "body": "Hi"},
    **{"timestamp": "2026-11-22 05:00", "read": False},
}


def put(builders: Builders, **members: Any) -> dict[str, Any]:
    """Commit a mailbox with one message, as an old script or a person would, and return the message."""
    entry = {name: value for name, value in {**ENTRY, **members}.items() if value is not MISSING}
    builders.commit(MESSAGES, json.dumps({"messages": [entry]}, indent=2).encode())
    return entry


def listed(builders: Builders, clock: Clock, server: str = "build2", **chosen: Any) -> list[dict[str, Any]]:
    """Return the messages that a server lists."""
    with builders.host(server) as host:
        return list_messages(clock.on(host), Filter(**chosen)).messages


@pytest.mark.parametrize(
    "to",
    ["Build2", "build2 ", "host-build2", "HOST-BUILD2.example.com", ["build2"], "ALL", ["build1", "Build2"]],
    ids=str,
)
def test_a_recipient_in_any_form_gets_its_message(builders: Builders, clock: Clock, to: Any) -> None:
    """It is listed, counted, logged, overdue, marked and answered as any other message."""
    put(builders, to=to)
    (message,) = listed(builders, clock)
    assert (message["id"], message["undeliverable"]) == ("odd", False)
    assert message["to"] in ("build2", "all", "build1, build2")
    with builders.host("build2") as host:
        host = clock.on(host)
        health = read_health(host)["messages"]
        assert (health["unread"]["build2"], [one["id"] for one in health["overdue_mail"]]) == (1, ["odd"])
        assert [one["id"] for one in health["overdue_requests"]] == ["odd"]
        reply(host, "odd", Draft("", "Done."))
        assert read_health(host)["messages"]["unread"]["build2"] == 0
    asked, answer = builders.messages()
    assert (asked["to"], asked["read_by"], answer["to"]) == (to, ["build2"], "build1")
    assert asked["read"] is (to != ["build1", "Build2"]), "read although build1 has not read it"
    assert listed(builders, clock) == []


def test_an_answer_goes_to_a_sender_in_any_form(builders: Builders, clock: Clock) -> None:
    put(builders, to="build2", **{"from": "Host-Build1"})
    assert [one["from"] for one in listed(builders, clock, senders=["Build1"])] == ["build1"]
    with builders.host("build2") as host:
        assert reply(clock.on(host), "odd", Draft("", "Done.")).result[0].raw["to"] == "build1"


def test_another_spelling_of_a_sender_hides_no_missing_signature(builders: Builders) -> None:
    builders.trust()
    put(builders, to="build2", timestamp="2099-01-01T00:00:00Z", **{"from": " BUILD1 "})
    with builders.host("build2") as host:
        (message,) = list_messages(host, Filter()).messages
    assert (message["from"], message["verified"]) == ("build1", "unsigned")
    assert message["verified_reason"] == "not signed, although build1 has a key"


@pytest.mark.parametrize("to", [None, MISSING, 7, "", "architect", "the builders", {}, [], ["architect"]], ids=str)
def test_a_message_to_nobody_is_listed_counted_and_logged(
    builders: Builders, clock: Clock, tmp_path: Path, to: Any
) -> None:
    put(builders, to=to)
    assert listed(builders, clock) == []
    for server in builders.ids:
        (message,) = listed(builders, clock, server, undeliverable=True)
        assert (message["id"], message["undeliverable"], message["read"]) == ("odd", True, False)
    with builders.host("build2") as host:
        host = clock.on(host)
        assert list_messages(host, Filter()).undeliverable_count == 1
        found = read_health(host)
        assert [one["id"] for one in found["messages"]["undeliverable"]] == ["odd"]
        assert (
            "1 message is addressed to no server of this fleet. See: builderctl read --undeliverable"
            in found["attention"]
        )
        log = tmp_path / "log"
        log_new_mail(host, host.repository.read(lambda snapshot: read_mailbox(snapshot).messages), log)
        assert "UNDELIVERABLE" in log.read_text()


def test_who_reads_a_message_to_nobody_reads_it_for_all(builders: Builders, clock: Clock) -> None:
    """It stays unread for its recipient, which may be a server that only the old scripts know."""
    put(builders, to="architect")
    assert len(listed(builders, clock, undeliverable=True)) == 1
    with builders.host("build2") as host:
        mark_read(clock.on(host))
    (entry,) = builders.messages()
    assert (entry["read"], entry["read_by"]) == (False, ["build2"])
    for server in builders.ids:
        assert listed(builders, clock, server, undeliverable=True) == []
        assert [one["read"] for one in listed(builders, clock, server, undeliverable=True, unread=False)] == [True]
    with builders.host("build1") as host:
        assert read_health(clock.on(host))["messages"]["undeliverable"] == []


def test_messages_without_ids_are_logged_each(builders: Builders, clock: Clock, tmp_path: Path) -> None:
    put(builders, to="build2", id=MISSING)
    log = tmp_path / "log"
    with builders.host("build2") as host:
        host = clock.on(host)
        for subject in ("One", "Two"):
            put(builders, to="build2", id=MISSING, subject=subject)
            log_new_mail(host, host.repository.read(lambda snapshot: read_mailbox(snapshot).messages), log)
    assert "One" in log.read_text() and "Two" in log.read_text()


@pytest.mark.parametrize("timestamp", [None, MISSING, "yesterday", 1795331506, "2099-01-01T00:00:00Z"], ids=str)
def test_an_invalid_time_hides_nothing(builders: Builders, clock: Clock, timestamp: Any) -> None:
    put(builders, to="build2", timestamp=timestamp)
    assert len(listed(builders, clock, since="2026-11-21T00:00:00Z")) == 1
    with builders.host("build2") as host:
        health = read_health(clock.on(host))["messages"]
    assert ([one["id"] for one in health["overdue_mail"]], len(health["overdue_requests"])) == (["odd"], 1)


def test_a_type_in_any_case_is_one(builders: Builders, clock: Clock) -> None:
    put(builders, to="build2", type=" REQUEST", priority="High", ack_required="yes")
    (message,) = listed(builders, clock, types=["request"])
    assert (message["type"], message["priority"], message["ack_required"]) == ("request", "high", True)
    assert message["other"] == {}


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "critical"},
        {"priority": "urgent"},
        {"facts": {"git": "2.39"}},
        {"facts": ["git"]},
        {"request": "install jq"},
        {"read_by": 7},
        {"ack_required": "soon"},
        {"message": "The text, under a name of its own", "tags": ["a"]},
    ],
    ids=str,
)
def test_what_is_not_understood_is_shown(builders: Builders, clock: Clock, odd: dict[str, Any]) -> None:
    entry = put(builders, to="build2", **odd)
    (message,) = listed(builders, clock)
    assert message["other"] == odd == Message(entry).other


def test_marks_of_others_in_any_form_stay(builders: Builders, clock: Clock) -> None:
    put(builders, to="all", read_by="build3")
    with builders.host("build2") as host:
        mark_read(clock.on(host), ["odd"])
    assert builders.messages()[0]["read_by"] == ["build3", "build2"]


def test_what_messages_have_in_common_is_stored_once() -> None:
    """A mailbox with thousands of messages needs less memory."""
    entries = [{"id": f"msg_{number}", "from": "build2", "to": ["build1"], "type": 7} for number in range(2)]
    first, second = (message.raw for message in Mailbox(json.dumps(entries).encode(), MESSAGES).messages)
    assert [first, second] == entries
    assert first["from"] is second["from"]
    assert all(one is other for one, other in zip(first, second)), "the keys"
