"""Test questions for the operator: who may send them, what closes them, and how answers of others are shown."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.formats import painter
from ansible_collections.acs.builders.plugins.module_utils.builderctl.rendering import health
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.batch import Response, respond
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.plan import LEAVE, Rules, plan
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    CoordinationError,
    InvalidInput,
    NeedsOperator,
    UnknownMessage,
    UnknownServer,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import KEY_FILE
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft, compose, new_id
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.mailbox import read_mailbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.operator_questions import open_questions
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.unread import unread_mail
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import compose_heartbeat
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.archive import archive
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import answer_to, reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.wait import wait_for_answer
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.attacker import install_signers, signed
from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, make_memory_builders

QUESTION = Draft("May I move to Java 21?", "Build2 would have to follow.", needs="operator")
YES = Draft("", "Yes.")


@pytest.fixture
def fleet(tmp_path: Path) -> MemoryBuilders:
    """Two servers and an operator, who trust each other."""
    builders = make_memory_builders(tmp_path / "fleet", ("build1", "build2", "operator"))
    builders.trust()
    return builders


def ask(builders: MemoryBuilders, now: Clock, to: list[str] | None = None, draft: Draft = QUESTION) -> dict[str, Any]:
    """Send a question from build1 to the operator, and return the message."""
    with builders.host("build1") as host:
        (message,) = send(now.on(host), draft, to).result
        return dict(message.raw)


def answer(builders: MemoryBuilders, now: Clock, message_id: str, server: str = "operator") -> None:
    """Answer a message as a member of the fleet."""
    with builders.host(server) as host:
        reply(now.on(host), message_id, YES)


def still_open(builders: MemoryBuilders, now: Clock, server: str = "build2") -> list[str]:
    """Return the questions that are open as a member sees them."""
    with builders.host(server) as host:
        here = now.on(host)
        messages = here.repository.read(lambda snapshot: read_mailbox(snapshot).messages)
        return [question.id for question in open_questions(messages, here)]


def listed(builders: MemoryBuilders, now: Clock, server: str, **chosen: Any) -> list[dict[str, Any]]:
    """Return the messages that a member lists."""
    with builders.host(server) as host:
        return list_messages(now.on(host), Filter(**chosen)).messages


def archived(builders: MemoryBuilders, now: Clock) -> list[str]:
    """Archive messages on build1 after a look, and return their ids."""
    with builders.host("build1") as host:
        list_messages(now.on(host), Filter())
        return [message.id for message in archive(now.on(host)).result]


def put(builders: MemoryBuilders, entry: dict[str, Any]) -> None:
    """Add a message to the mailbox, as anyone with push access can."""
    builders.commit(MESSAGES, json.dumps({"messages": [*builders.messages(), entry]}).encode())


def forge_answer(builders: MemoryBuilders, now: Clock, asked: str, sender: str, **fields: Any) -> None:
    """Add an unsigned answer to the mailbox, in the name of a member."""
    draft = Draft("Re: May I move to Java 21?", "Yes.", in_reply_to=asked, thread=asked)
    forged = compose(draft, new_id(now()), sender, "build1", now()).raw
    put(builders, {**forged, **fields})


def test_only_the_signed_answer_of_the_operator_closes_a_question(fleet: MemoryBuilders, now: Clock) -> None:
    asked = ask(fleet, now)["id"]
    assert still_open(fleet, now) == [asked]
    for sender in ("build2", "operator"):
        forge_answer(fleet, now, asked, sender)
    assert still_open(fleet, now) == [asked]
    answer(fleet, now, asked)
    assert [still_open(fleet, now, server) for server in fleet.ids] == [[], [], []]


def test_a_copied_signature_closes_nothing(fleet: MemoryBuilders, now: Clock) -> None:
    first, second = ask(fleet, now)["id"], ask(fleet, now)["id"]
    answer(fleet, now, first)
    (genuine,) = [message for message in fleet.messages() if message["from"] == "operator"]
    put(fleet, {**genuine, "id": new_id(now()), "in_reply_to": second})
    assert still_open(fleet, now) == [second]


def test_an_answer_to_another_server_closes_nothing(fleet: MemoryBuilders, now: Clock) -> None:
    """A server copies the id of a question that the operator has answered."""
    question = ask(fleet, now, ["build2"])
    answer(fleet, now, question["id"])
    changes = {"from": "build2", "to": "build1", "subject": "May I delete it?"}
    copied = signed(question, fleet.state("build2") / KEY_FILE, **changes)
    fleet.commit(MESSAGES, json.dumps({"messages": [copied, fleet.messages()[-1]]}).encode())
    assert still_open(fleet, now) == [question["id"]]
    thread = listed(fleet, now, "build1", thread=question["id"])
    assert [(one["from"], one["verified"], one["not_operators"]) for one in thread] == [
        *(("build2", "true", False), ("operator", "true", True))
    ]


def test_a_key_of_his_that_has_expired_answers_no_later_question(fleet: MemoryBuilders, now: Clock) -> None:
    """The key may be stolen, and the thief can backdate an answer."""
    answer(fleet, now, ask(fleet, now)["id"])
    (genuine,) = [message for message in fleet.messages() if message["from"] == "operator"]
    key = fleet.state("operator") / KEY_FILE
    stolen = fleet.folder / "stolen"
    shutil.copy(key, stolen)
    fleet.trust("operator")
    record = fleet.record() or {}
    for signer in record["signers"]:
        if signer["valid_until"]:
            signer["valid_until"] = utc_text(now() + timedelta(hours=1))
    install_signers(fleet, record)
    now.move(days=1)
    assert still_open(fleet, now) == [], "the genuine answer became invalid"
    asked = ask(fleet, now)["id"]
    put(fleet, signed(genuine, stolen, id=new_id(now()), in_reply_to=asked, thread=asked))
    assert still_open(fleet, now) == [asked]
    assert [(one["verified"], one["not_operators"]) for one in listed(fleet, now, "build1", thread=asked)] == [
        *(("true", False), ("true", True))
    ]
    with fleet.host("build1") as host, pytest.raises(CoordinationError, match=f"No answer to {asked}"):
        wait_for_answer(now.on(host), asked, 0.1, 0.1)
    answer(fleet, now, asked)
    assert still_open(fleet, now) == []


def test_questions_of_senders_that_are_not_trusted_are_last(fleet: MemoryBuilders, now: Clock) -> None:
    forged = compose(QUESTION, new_id(now()), "build2", "operator", now()).raw
    fleet.commit(MESSAGES, json.dumps({"messages": [forged]}).encode())
    asked = ask(fleet, now)["id"]
    assert still_open(fleet, now) == [asked, forged["id"]]
    with fleet.host("build2") as host:
        text = health(read_health(now.on(host)), now(), painter(False))
    assert f"Waits for the operator: {asked}  build1 -> operator" in text
    assert "  build2 (unsigned) -> operator" in text


def test_without_keys_nothing_closes_a_question(tmp_path: Path, now: Clock) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "operator"))
    asked = ask(builders, now)["id"]
    answer(builders, now, asked)
    assert still_open(builders, now) == [asked]


@pytest.mark.parametrize(
    ("to", "recipient"), [(None, "operator"), (["build2", "operator"], "build2"), (["all"], "all")]
)
def test_a_question_reaches_the_operator_whoever_the_recipient_is(
    fleet: MemoryBuilders, now: Clock, to: list[str] | None, recipient: str
) -> None:
    asked = ask(fleet, now, to)
    assert (asked["to"], asked["needs"]) == (recipient, "operator")
    assert [one["id"] for one in listed(fleet, now, "operator")] == [asked["id"]]
    assert len(listed(fleet, now, "build2")) == (recipient != "operator")
    answer(fleet, now, asked["id"])
    assert still_open(fleet, now) == []


def test_the_answer_of_another_member_is_refused(fleet: MemoryBuilders, now: Clock) -> None:
    asked = ask(fleet, now, ["build2"])["id"]
    sentence = f"Only the operator may answer {asked}, and this is build2"
    with pytest.raises(NeedsOperator, match=sentence) as caught:
        answer(fleet, now, asked, "build2")
    assert caught.value.remedy.endswith("builderctl send --to build1")
    with fleet.host("build2") as host, pytest.raises(NeedsOperator, match=sentence):
        respond(now.on(host), [Response(asked, YES)])
    with fleet.host("build2") as host:
        (step,) = plan(now.on(host), Rules())
    assert (step.decision, step.reason) == (LEAVE, "only the operator may answer it")
    assert len(fleet.messages()) == 1
    asked = ask(fleet, now)["id"]
    with pytest.raises(UnknownMessage, match="not addressed to build2"):
        answer(fleet, now, asked, "build2")


def test_answers_of_others_are_shown_as_not_the_operators(fleet: MemoryBuilders, now: Clock) -> None:
    asked = ask(fleet, now, ["all"])["id"]
    forge_answer(fleet, now, asked, "build2")
    forge_answer(fleet, now, asked, "operator")
    forge_answer(fleet, now, "", "build2", in_reply_to=None, thread=None)  # as in answers of the old scripts
    answer(fleet, now, asked)
    seen = [(one["from"], one["not_operators"]) for one in listed(fleet, now, "build1")]
    assert seen == [("build2", True), ("operator", True), ("build2", True), ("operator", False)]
    thread = listed(fleet, now, "build2", thread=asked)
    assert [(one["needs"], one["not_operators"]) for one in thread] == [
        *(("operator", False), ("", True), ("", True), ("", False))
    ]
    with fleet.host("build1") as host:
        inbox = unread_mail(now.on(host), None, list(map(Message, fleet.messages())))
    assert [message.not_operators for message in inbox.messages] == [True, True, True, False]


def test_no_command_names_a_sender_that_has_no_valid_id(fleet: MemoryBuilders, now: Clock) -> None:
    question = compose(QUESTION, "msg_1", "build9; reboot", "build2", now()).raw
    with fleet.host("build2") as host, pytest.raises(NeedsOperator) as caught:
        answer_to(now.on(host), Message(question), YES)
    assert caught.value.remedy == "Wait for his answer."


def test_a_wait_for_the_answer_ends_with_that_of_the_operator(fleet: MemoryBuilders, now: Clock) -> None:
    asked = ask(fleet, now, ["build2"])["id"]
    with fleet.host("build2") as host:
        send(now.on(host), Draft("Re: May I move to Java 21?", "Yes.", in_reply_to=asked, thread=asked), ["build1"])
    with fleet.host("build1") as host, pytest.raises(CoordinationError, match=f"No answer to {asked}"):
        wait_for_answer(now.on(host), asked, 0.1, 0.1)
    answer(fleet, now, asked)
    with fleet.host("build1") as host:
        (found,) = wait_for_answer(now.on(host), asked, 0.1, 0.1).messages
    assert (found["from"], found["body"]) == ("operator", "Yes.")


@pytest.mark.parametrize(
    ("sender", "to", "error"),
    [
        ("operator", ["build1"], "A question of the operator"),
        ("build1", ["build2", "all"], "'all' and other servers"),
        ("build1", ["build2", "build1"], "build1 is this server"),
    ],
)
def test_invalid_questions(fleet: MemoryBuilders, now: Clock, sender: str, to: list[str], error: str) -> None:
    with fleet.host(sender) as host, pytest.raises(InvalidInput, match=error):
        send(now.on(host), QUESTION, to)


def test_a_question_is_sent_once(tmp_path: Path, now: Clock) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "build3", "operator"))
    with builders.host("build1") as host, pytest.raises(InvalidInput, match="several times"):
        send(now.on(host), QUESTION, ["build2", "build3"])


def test_a_question_in_a_fleet_without_operator(trusted: MemoryBuilders, now: Clock) -> None:
    for to in (None, ["build2"]):
        with trusted.host("build1") as host, pytest.raises(UnknownServer, match="The fleet has no operator"):
            send(now.on(host), QUESTION, to)


def test_everyone_is_all_and_the_operator(fleet: MemoryBuilders, trusted: MemoryBuilders, now: Clock) -> None:
    note = Draft("Restart", "At 22:00 UTC.")
    sent = {}
    for builders, server in ((fleet, "build1"), (fleet, "operator"), (trusted, "build1")):
        with builders.host(server) as host:
            sent[server, len(builders.ids)] = [one.raw["to"] for one in send(now.on(host), note, ["everyone"]).result]
    assert sent == {("build1", 3): ["all", "operator"], ("operator", 3): ["all"], ("build1", 2): ["all"]}
    assert [one["from"] for one in listed(fleet, now, "operator")] == ["build1"]
    assert [(one["from"], one["verified"]) for one in listed(fleet, now, "build1")] == [("operator", "true")]
    with fleet.host("build1") as host:
        send(now.on(host), note, ["all"])
    assert len(listed(fleet, now, "operator")) == 1, "a message to all reached the operator"
    assert len(listed(fleet, now, "build2")) == 3


def test_the_operator_has_no_heartbeat_and_no_status(fleet: MemoryBuilders, now: Clock) -> None:
    with fleet.host("operator") as host:
        with pytest.raises(InvalidInput, match="The operator has no heartbeat"):
            compose_heartbeat(host, [], 60, "1.0.0")
        with pytest.raises(InvalidInput, match="The operator has no status"):
            write_status(host, Report("idle"))
    with fleet.host("build1") as host:
        assert set(read_health(now.on(host))["servers"]) == {"build1", "build2"}


def test_health_lists_open_questions(fleet: MemoryBuilders, now: Clock) -> None:
    asked = ask(fleet, now, ["all"])
    with fleet.host("build2") as host:
        found = read_health(now.on(host))["messages"]["operator_questions"]
    assert 0 <= found[0].pop("age_seconds") <= 1
    names = {"id": asked["id"], "from": "build1", "to": "all", "subject": QUESTION.subject, "verified": "true"}
    assert found == [{**names, "timestamp": asked["timestamp"]}]
    answer(fleet, now, asked["id"])
    with fleet.host("build2") as host:
        assert read_health(now.on(host))["messages"]["operator_questions"] == []


def test_an_open_question_is_not_archived(fleet: MemoryBuilders, now: Clock) -> None:
    asked = ask(fleet, now)["id"]
    with fleet.host("build1") as host:
        for text in ("one", "two"):
            send(now.on(host), Draft(text, text), ["operator"])
    later = Clock(now.start, now.passed)
    later.move(days=40)
    for message in listed(fleet, now, "operator"):
        if message["id"] != asked:
            answer(fleet, now, message["id"])
    moved = archived(fleet, later)
    assert asked not in moved and len(moved) == 1, "the newest message of build1 was moved"
    answer(fleet, now, asked)
    assert archived(fleet, later) == [asked]


@pytest.mark.parametrize(
    ("value", "needs", "other"),
    [
        ("operator", "operator", {}),
        (" Operator ", "operator", {}),
        ("build2", "", {"needs": "build2"}),
        (["operator"], "", {"needs": ["operator"]}),
        (None, "", {}),
    ],
)
def test_needs_is_read_leniently(value: Any, needs: str, other: dict[str, Any]) -> None:
    message = Message({"id": "m", "from": "build1", "to": "build2", "needs": value})
    assert (message.needs, message.as_dict()["needs"], message.other) == (needs, needs, other)
    assert message.is_for("operator") is bool(needs)


def test_needs_is_covered_by_the_signature(fleet: MemoryBuilders, now: Clock) -> None:
    ask(fleet, now, ["build2"])
    entries = fleet.messages()
    del entries[0]["needs"]
    fleet.commit(MESSAGES, json.dumps({"messages": entries}).encode())
    assert [one["verified"] for one in listed(fleet, now, "build2")] == ["false"]
