"""Test replies and threads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput, UnknownMessage
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.wait import wait_for_answer
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders

ASK = Draft("Which kernel?", "Please tell.", "request")
FACTS = ({"name": "kernel", "value": "6.1"},)


def ask(builders: Builders, server: str = "build1", recipient: str = "build2") -> dict[str, Any]:
    """Send a request and return it."""
    with builders.host(server) as host:
        entry: dict[str, Any] = send(host, ASK, [recipient]).result[0].raw
    return entry


def answer(builders: Builders, server: str, message_id: str, body: str = "6.1", **options: Any) -> dict[str, Any]:
    """Reply to a message and return the reply."""
    with builders.host(server) as host:
        entry: dict[str, Any] = reply(host, message_id, Draft("", body, **options)).result[0].raw
    return entry


def test_a_reply_goes_to_the_sender_and_marks_the_original_read(builders: Builders) -> None:
    asked = ask(builders)
    commits = builders.commits()
    answered = answer(builders, "build2", asked["id"], facts=FACTS)
    assert builders.commits() == commits + 1, "not one commit"
    original, found = builders.messages()
    assert found == answered
    assert (found["from"], found["to"], found["subject"]) == ("build2", "build1", "Re: Which kernel?")
    assert (found["in_reply_to"], found["thread"]) == (asked["id"], asked["id"])
    assert (found["facts"][0]["name"], found["facts"][0]["value"]) == ("kernel", "6.1")
    assert (original["read"], original["read_by"]) == (True, ["build2"])
    with builders.host("build2") as host:
        assert list_messages(host, Filter()).unread_count == 0


def test_a_conversation_is_one_thread_in_its_order(builders: Builders) -> None:
    asked = ask(builders)
    first = answer(builders, "build2", asked["id"], type="info")
    second = answer(builders, "build1", first["id"], type="error")
    third = answer(builders, "build2", second["id"])
    ask(builders)
    assert {entry["thread"] for entry in (first, second, third)} == {asked["id"]}
    assert third["in_reply_to"] == second["id"]
    assert third["subject"] == "Re: Which kernel?"
    with builders.host("build1") as host:
        listing = list_messages(host, Filter(thread=asked["id"]))
    assert [m["id"] for m in listing.messages] == [e["id"] for e in (asked, first, second, third)]


def test_each_recipient_of_a_message_to_all_can_reply(legacy: Builders) -> None:
    """The reply is to the sender, not to all."""
    asked = ask(legacy, recipient="all")
    answers = [answer(legacy, server, asked["id"]) for server in ("build2", "build3")]
    assert [(e["to"], e["thread"]) for e in answers] == [("build1", asked["id"])] * 2
    with legacy.host("build1") as host:
        assert [m["from"] for m in wait_for_answer(host, asked["id"], 0, 0).messages] == ["build2", "build3"]


def test_a_message_of_the_old_scripts_can_be_answered(legacy: Builders) -> None:
    """It has no thread, type or priority, and its subject is longer than the maximum now."""
    document = json.loads(legacy.show(MESSAGES))
    document["messages"][-1] = {"id": "old", "from": "build2", "to": "build1", "subject": f"\ud800 {'x' * 200}\n"}
    legacy.commit(MESSAGES, json.dumps(document).encode())
    found = answer(legacy, "build1", "old")
    assert found["thread"] == "old"
    assert (found["subject"][:7], len(found["subject"])) == ("Re: ? x", 100)


def test_an_archived_message_can_be_answered(builders: Builders) -> None:
    asked = ask(builders)
    builders.commit("coordination/archive/2026-11.json", builders.show(MESSAGES))
    builders.commit(MESSAGES, b'{\n  "messages": []\n}\n')
    archived = builders.show("coordination/archive/2026-11.json")
    found = answer(builders, "build2", asked["id"])
    assert [m["id"] for m in builders.messages()] == [found["id"]]
    assert builders.show("coordination/archive/2026-11.json") == archived


def test_what_cannot_be_answered(builders: Builders) -> None:
    asked = ask(builders)
    orphan = [{"id": "orphan", "to": "build2"}, {"id": "own", "from": "build2", "to": "build2"}]
    builders.commit(MESSAGES, json.dumps({"messages": [asked, *orphan]}).encode())
    before = builders.show(MESSAGES)
    with pytest.raises(UnknownMessage, match="no message 'msg_0'"):
        answer(builders, "build2", "msg_0")
    with pytest.raises(UnknownMessage, match="not addressed to build1"):
        answer(builders, "build1", asked["id"])
    for message_id in ("orphan", "own"):
        with pytest.raises(InvalidInput):
            answer(builders, "build2", message_id)
    with pytest.raises(InvalidInput, match="body is empty"):
        answer(builders, "build2", asked["id"], body="")
    assert builders.show(MESSAGES) == before


def test_a_reply_with_a_key_is_sent_once(builders: Builders) -> None:
    asked = ask(builders)
    first = answer(builders, "build2", asked["id"], key="a1")
    assert answer(builders, "build2", asked["id"], key="a1") == first
    assert len(builders.messages()) == 2


@pytest.mark.parametrize("field", ["thread", "in_reply_to"])
def test_what_is_too_long_for_a_thread_is_not_repeated(builders: Builders, field: str) -> None:
    asked = ask(builders)
    long = [{**asked, field: "t" * 200, "id": "whole"}, {**asked, field: "t" * 201, "id": "long"}]
    builders.commit(MESSAGES, json.dumps({"messages": long}).encode())
    assert answer(builders, "build2", "whole")["thread"] == "t" * 200
    assert answer(builders, "build2", "long")["thread"] == "long"
    with builders.host("build2") as host:
        assert len(list_messages(host, Filter(thread="long")).messages) == 2
