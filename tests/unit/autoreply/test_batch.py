"""Test that many answers are sent in one commit, each once."""

from __future__ import annotations

import json

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.batch import Response
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput, UnknownMessage
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import ACTIVITY_FILE
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.tests.answering import IDLE, answer, answers, ask
from ansible_collections.acs.builders.tests.builders import Builders


def unread(builders: Builders) -> list[str]:
    """Return the subjects of the unread messages of build2."""
    with builders.host("build2") as host:
        return [message["subject"] for message in list_messages(host, Filter()).messages]


def test_many_answers_are_one_commit(trusted: Builders) -> None:
    first, second, third, fourth = (ask(trusted, name, require_ack=True) for name in "ABCD")
    commits = trusted.commits()
    sent = answer(
        trusted,
        Response(first, IDLE),
        Response(second, IDLE, acknowledge=True),
        Response(third, IDLE, acknowledge=True, mark_read=False),
        Response(fourth, acknowledge=True, mark_read=False),
    )
    assert trusted.commits() == commits + 1
    assert [entry["in_reply_to"] for entry in sent] == [first, second, third]
    assert (sent[0]["subject"], sent[0]["thread"]) == ("Re: A", first)
    assert sent == trusted.messages()[4:] and [entry["seq"] for entry in sent] == [1, 2, 3]
    marks = [(entry["read_by"], entry["acknowledged_by"], entry["ack_status"]) for entry in trusted.messages()[:4]]
    me = ["build2"]
    assert marks == [(me, [], "pending"), (me, me, "completed"), ([], me, "completed"), ([], me, "completed")]
    assert unread(trusted) == ["C", "D"]


def test_a_second_time_changes_nothing(trusted: Builders) -> None:
    asked = ask(trusted)
    assert len(answer(trusted, Response(asked, IDLE, acknowledge=True))) == 1
    commits = trusted.commits()
    assert answer(trusted, Response(asked, Draft("", "Other words."), acknowledge=True)) == []
    assert trusted.commits() == commits and len(answers(trusted, asked)) == 1


def test_an_answer_that_is_known_only_to_the_remote_is_not_sent_again(trusted: Builders) -> None:
    """The server was killed after the push, before it recorded anything."""
    asked = ask(trusted)
    before = {path.name: path.read_bytes() for path in trusted.state("build2").glob("*.json")}
    answer(trusted, Response(asked, IDLE))
    for path in trusted.state("build2").glob("*.json"):
        path.write_bytes(before[path.name]) if path.name in before else path.unlink()
    assert answer(trusted, Response(asked, IDLE)) == []
    assert len(answers(trusted, asked)) == 1 and unread(trusted) == []


def test_an_answer_in_the_archive_counts(trusted: Builders) -> None:
    asked = ask(trusted)
    (sent,) = answer(trusted, Response(asked, IDLE))
    kept = [entry for entry in trusted.messages() if entry["id"] != sent["id"]]
    trusted.commit("coordination/archive/2026-11.json", json.dumps({"messages": [sent]}).encode())
    trusted.commit("coordination/messages.json", json.dumps({"messages": kept}).encode())
    assert answer(trusted, Response(asked, IDLE)) == []


def test_forged_answer_does_not_count(trusted: Builders) -> None:
    asked = ask(trusted)
    forged = {"id": "msg_1_f", "from": "build2", "to": "build1", "in_reply_to": asked, "type": "info", "body": "No."}
    trusted.commit("coordination/messages.json", json.dumps({"messages": [*trusted.messages(), forged]}).encode())
    assert len(answer(trusted, Response(asked, IDLE))) == 1


def test_a_secret_is_redacted(trusted: Builders) -> None:
    asked = ask(trusted)
    token = "ghp_" + "a1B2" * 9
    (sent,) = answer(trusted, Response(asked, Draft("", f"The log says {token}.")))
    assert token not in json.dumps(sent) and sent["body"].startswith("The log says ")


def test_one_message_that_is_not_known_stops_all(trusted: Builders) -> None:
    asked = ask(trusted)
    commits = trusted.commits()
    with pytest.raises(UnknownMessage):
        answer(trusted, Response(asked, IDLE), Response("msg_1_none", IDLE))
    with pytest.raises(InvalidInput):
        answer(trusted, Response(asked, IDLE), Response(asked, IDLE))
    assert trusted.commits() == commits and unread(trusted) == ["Status?"]


def test_long_answer_is_cut(trusted: Builders) -> None:
    first, second, third = (ask(trusted, name) for name in "ABC")
    many = tuple({"name": f"fact {number}", "value": "x" * 50} for number in range(1000))
    long = Draft("", "x" * 10_001, facts=many)
    sent = answer(trusted, Response(first, long), Response(second, IDLE), Response(third, Draft("", "\n")))
    assert [len(entry["body"]) for entry in sent] == [10_000, len("build2 is idle."), len("(no text)")]
    facts = sent[0]["facts"]
    assert 50 < len(facts) < 1000 and facts[-1]["name"] == "facts left out" and facts[-1]["value"] == 1001 - len(facts)


def test_check_mode_does_nothing(trusted: Builders) -> None:
    asked = ask(trusted)
    commits = trusted.commits()
    assert len(answer(trusted, Response(asked, IDLE, acknowledge=True), check_mode=True)) == 1
    assert trusted.commits() == commits and unread(trusted) == ["Status?"]


def test_response_is_not_activity_of_the_manager(trusted: Builders) -> None:
    answer(trusted, Response(ask(trusted), IDLE))
    assert not (trusted.state("build2") / ACTIVITY_FILE).exists()
