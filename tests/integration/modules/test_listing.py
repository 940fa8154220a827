"""Test the content and order of listings, and the recipients of messages, with the module."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import listed, send, succeed
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, make_builders

MAIL = (
    ("low info", "build2", "build1", "info", "low", "2026-11-20T10:00:00Z"),
    ("request", "build2", "build1", "request", "normal", "2026-11-20T11:00:00Z"),
    ("to others", "build2", "build3", "error", "high", "2026-11-20T11:30:00Z"),
    ("warning", "build3", "all", "warning", "normal", "2026-11-20T12:00:00Z"),
    ("error", "build3", "build1", "error", "normal", "2026-11-20 13:00"),
    ("own", "build1", "all", "error", "high", "2026-11-20T13:30:00Z"),
    ("high request", "build3", "build1", "request", "high", "2026-11-20T14:00:00.5Z"),
    ("clock behind", "build2", "build1", "info", "normal", "2020-01-01T00:00:00Z"),
)
"""Subject, from, to, type, priority and timestamp, oldest first."""
URGENT = ["error", "warning", "high request", "request", "clock behind", "low info"]
"""The unread messages of build1, the most urgent first."""
IDS = {mail[0]: f"msg_{number}" for number, mail in enumerate(MAIL)}


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Builders:
    """Return three servers with a mailbox that tests must not change."""
    builders = make_builders(tmp_path_factory.mktemp("mailbox"), ("build1", "build2", "build3"))
    names = ("subject", "from", "to", "type", "priority", "timestamp")
    entries = [{"id": IDS[mail[0]], **dict(zip(names, mail)), "body": "x", "read": False} for mail in MAIL]
    builders.commit(MESSAGES, json.dumps({"messages": entries}, indent=2).encode())
    return builders


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, URGENT),
    ({"types": ["request"]}, ["high request", "request"]),
    ({"types": ["info", "error"]}, ["error", "clock behind", "low info"]),
    ({"senders": ["build2"]}, ["request", "clock behind", "low info"]),
    ({"senders": ["build2", "build3"], "types": ["warning"]}, ["warning"]),
    ({"senders": ["build9"]}, []),
    ({"limit": 2}, ["error", "warning"]),
    ({"limit": 100}, URGENT),
    ({"since": "2026-11-20T12:00:00Z"}, ["error", "high request"]),
    ({"since": "2026-11-20 12:59"}, ["error", "high request"]),
    ({"since": "msg_4"}, ["high request", "clock behind"]),
    ({"since": "msg_7"}, []),
    ({"ids": ["msg_0", "msg_4"]}, ["error", "low info"]),
    ({"ids": ["msg_5"]}, ["own"]),
    ({"ids": ["msg_99"]}, []),
    ({"query": "[?priority=='high']"}, ["high request"]),
    ({"query": "[?contains(subject, 'request')] | [:1]"}, ["high request"]),
    ({"query": "sort_by(@, &timestamp)", "limit": 1}, ["clock behind"]),
    ({"query": "[?from=='build9']"}, []),
    ({"unread": False, "senders": ["build3"]}, ["error", "warning", "high request"]),
]


@pytest.mark.parametrize(("options", "subjects"), FILTERS)
def test_filters(mailbox: Builders, options: dict[str, Any], subjects: list[str]) -> None:
    result = succeed(mailbox, "build1", **options)
    assert [message["subject"] for message in result["messages"]] == subjects
    assert result["unread_count"] == len(URGENT)
    assert result["changed"] is False


def test_fields_that_were_not_written(mailbox: Builders) -> None:
    (message,) = succeed(mailbox, "build1", ids=["msg_3"])["messages"]
    expected = {
        "read": False,
        "read_by": [],
        "marked_by_other": False,
        "ack_required": False,
        "ack_status": "not_requested",
        "acknowledged_by": [],
        "in_reply_to": "",
        "thread": "msg_3",
        "facts": [],
        "request": None,
        "key": "",
    }
    assert {name: message[name] for name in expected} == expected


def test_read_ones_on_request(builders: Builders) -> None:
    old = send(builders, "build2", "old")
    succeed(builders, "build1", state="read", ids=[old])
    send(builders, "build2", "new")
    assert listed(builders, "build1") == ["new"]
    assert listed(builders, "build1", unread=False) == ["old", "new"]
    assert listed(builders, "build1", ids=[old]) == ["old"]
    assert listed(builders, "build1", ids=[old], unread=True) == []
    assert [m["read"] for m in succeed(builders, "build1", unread=False)["messages"]] == [True, False]


def test_a_thread_comes_in_its_order(builders: Builders) -> None:
    asked = send(builders, "build1", "How many?", type="request")
    send(builders, "build2", "by the way")
    first = succeed(builders, "build2", state="replied", id=asked, body="Three.")["message"]
    assert (first["subject"], first["thread"], first["in_reply_to"]) == ("Re: How many?", asked, asked)
    second = succeed(builders, "build1", state="replied", id=first["id"], body="Sure?", type="error")["message"]
    assert (second["subject"], second["thread"], second["in_reply_to"]) == ("Re: How many?", asked, first["id"])
    for server in ("build1", "build2"):
        thread = succeed(builders, server, thread=asked)["messages"]
        assert [message["body"] for message in thread] == ["All set.", "Three.", "Sure?"]


def test_a_list_of_recipients_gets_one_message_each_in_one_commit(legacy: Builders) -> None:
    before, commits = legacy.messages(), legacy.commits()
    result = succeed(
        legacy, "build1", state="sent", to=["build3", "build2", "build3"], subject="Both", body="x", require_ack=True
    )
    assert [message["to"] for message in result["messages"]] == ["build3", "build2"]
    assert result["message"] == result["messages"][0]
    assert legacy.commits() == commits + 1
    assert legacy.messages()[: len(before)] == before
    new = legacy.messages()[len(before) :]
    assert [message["to"] for message in new] == ["build3", "build2"]
    assert len({message["id"] for message in new}) == 2
    assert {message["ack_status"] for message in new} == {"pending"}
    for server in ("build2", "build3"):
        assert listed(legacy, server, senders=["build1"])[-1] == "Both"


def test_everybody_else(legacy: Builders) -> None:
    sent = send(legacy, "build1", "All", to="all")
    assert "All" not in listed(legacy, "build1", unread=False)
    for server, read_by in (("build2", ["build2"]), ("build3", ["build2", "build3"])):
        assert "All" in listed(legacy, server)
        succeed(legacy, server, state="read", ids=[sent])
        assert "All" not in listed(legacy, server)
        message = legacy.messages()[-1]
        assert (message["read_by"], message["read"]) == (read_by, server == "build3")


def test_the_partner_is_the_default(builders: Builders) -> None:
    send(builders, "build1")
    send(builders, "build2")
    assert [message["to"] for message in builders.messages()] == ["build2", "build1"]


def test_the_only_other_server_that_was_seen_is_the_default_without_a_fleet_file(builders: Builders) -> None:
    for server in builders.ids:
        (builders.state(server) / "fleet.json").unlink()
        succeed(builders, server, "build_status", status="idle")
    send(builders, "build2")
    assert builders.messages()[0]["to"] == "build1"


def test_what_was_sent_or_answered_is_returned_with_every_field_of_a_listing(builders: Builders) -> None:
    sent = succeed(builders, "build1", state="sent", subject="Ready", body="All set.")["message"]
    (seen,) = succeed(builders, "build2")["messages"]
    answer = succeed(builders, "build2", state="replied", id=sent["id"], body="Fine.")["message"]
    assert set(sent) == set(answer) == set(seen)
    assert (sent["read"], answer["read"], answer["marked_by_other"]) == (False, False, False)
