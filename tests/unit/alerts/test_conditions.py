"""Test the conditions of the fleet that are alerted, from its health and its mailbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.conditions import (
    Condition,
    audit_conditions,
    mail_conditions,
    question_conditions,
    server_conditions,
    way_conditions,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.memory import Failure
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, make_memory_builders

OK: dict[str, Any] = {
    **{"state": "ok", "age_seconds": 5, "interval_seconds": 60, "expected": True, "problems": [], "last_build": None},
}


def of_servers(watched: float = 1000, own: tuple[str, ...] = (), **changes: Any) -> list[Condition]:
    """Return the conditions of build2 as build1 sees them."""
    servers = {"build1": {**OK, "problems": ["an old one"]}, "build2": {**OK, **changes}}
    return list(server_conditions("build1", {"servers": servers}, own, watched))


def test_nothing_is_the_matter_with_servers_that_beat() -> None:
    assert of_servers() == of_servers(state="aging") == []


@pytest.mark.parametrize(
    ("state", "age", "details"), [("stale", 400, ["its last heartbeat is 6 min old"]), ("missing", None, [])]
)
def test_a_silent_server(state: str, age: int | None, details: list[str]) -> None:
    (found,) = of_servers(state=state, age_seconds=age)
    assert (found.key, found.kind, found.server) == ("server/build2", "server", "build2")
    assert (found.summary, list(found.details), found.items) == (f"build2 is {state}", details, ("silent",))
    assert found.is_certain
    assert [one.is_certain for one in of_servers(state=state, age_seconds=age, watched=119)] == [False], "after outage"
    assert of_servers(state=state, age_seconds=age, expected=False) == []


def test_this_server_is_not_silent_and_its_own_problems_are_those_of_now() -> None:
    servers = {"build1": {**OK, "state": "stale", "problems": ["an old one"]}}
    (found,) = server_conditions("build1", {"servers": servers}, ["the disk is full"], 1000)
    assert (found.key, found.summary, found.details) == (
        "problem/build1",
        "build1 has a problem",
        ("the disk is full",),
    )


def test_a_problem_keeps_its_name_when_its_numbers_change() -> None:
    texts = (
        "3 writes wait in the outbox for 59 min, the oldest from msg_1_ab",
        "12 writes wait in the outbox for 1 h 2 min, the oldest from msg_2_cd",
    )
    first, second = (of_servers(problems=[text])[0].items for text in texts)
    assert first == second
    assert of_servers(problems=["the disk is full"])[0].items != first
    assert len(of_servers(problems=[*texts, "the disk is full"])[0].items) == 2


def test_many_problems_are_cut() -> None:
    (found,) = of_servers(problems=[f"problem {'x' * n}" for n in range(300)])
    assert len(found.details) == 5
    assert found.details[-1] == "and 296 more"
    assert max(map(len, found.details)) <= 201


@pytest.mark.parametrize("build", [None, {}, {"id": "j", "status": "success"}])
def test_a_build_that_has_not_failed(build: Any) -> None:
    assert of_servers(last_build=build) == []


def test_each_failed_build_is_another_one() -> None:
    (first,) = of_servers(last_build={"id": "job_1", "status": "failed", "log": "/root/a.log"})
    (second,) = of_servers(last_build={"id": "job_2", "status": "failed"})
    assert (first.kind, first.summary, first.details) == (
        "build",
        "A build of build2 failed",
        ("id job_1, log /root/a.log",),
    )
    assert first.key == second.key
    assert first.items != second.items


def test_overdue_mail(builders: MemoryBuilders, now: Clock) -> None:
    def overdue() -> list[Condition]:
        with builders.host("build1") as host:
            entries = [Message(entry) for entry in builders.messages()]
            return list(mail_conditions(now.on(host), builders.ids, entries, 3600))

    with builders.host("build1") as host:
        first = send(now.on(host), Draft("one", "x"), ["build2"]).result[0].id
        send(now.on(host), Draft("two", "x"), ["all"])
    assert overdue() == []
    now.move(seconds=4000)
    (found,) = overdue()
    assert (found.key, found.summary) == ("mail/build2", "2 messages to build2 overdue")
    assert [line.partition(" (")[0] for line in found.details] == ["from build1: two", "from build1: one"]
    assert len(set(found.items)) == 2
    with builders.host("build2") as host:
        mark_read(now.on(host), [first])
    (later,) = overdue()
    assert later.summary == "1 message to build2 overdue"
    assert set(later.items) < set(found.items)


def test_overdue_mail_of_an_unknown_sender_says_so(trusted: MemoryBuilders, now: Clock) -> None:
    with trusted.host("build1") as host:
        sent = send(now.on(host), Draft("one", "x"), ["build2"]).result[0]
        forged = Message({name: value for name, value in sent.raw.items() if name != "signature"})
        now.move(seconds=4000)
        (found,) = mail_conditions(now.on(host), trusted.ids, [*[forged] * 6, sent], 3600)
    assert found.details[:2] == (f"from build1: one ({sent.id})", f"from build1 (unsigned): one ({sent.id})")
    assert found.details[-1] == "and 3 more"


def test_a_question_for_the_operator(tmp_path: Path, now: Clock) -> None:
    """A question of a server that has a key must be signed."""
    fleet = make_memory_builders(tmp_path, ("build1", "build2", "operator"))
    fleet.trust()
    with fleet.host("build2") as host:
        asked = send(now.on(host), Draft("May I?", "x", needs="operator"), ["operator"]).result[0]
    unsigned = {name: value for name, value in asked.raw.items() if name not in ("signature", "repository")}
    with fleet.host("build1") as host:
        questions = [asked, Message({**unsigned, "id": "msg_2"}), Message({**asked.raw, "from": "nobody"})]
        (found,) = question_conditions(now.on(host), questions)
    assert (found.kind, found.server, found.summary) == ("question", "build2", "build2 asks the operator")
    assert found.details == (f"May I? ({asked.id})",)


def test_alarms_are_one_alert_that_each_new_one_changes() -> None:
    assert list(audit_conditions([])) == []
    (one,), (two,) = audit_conditions(["a was deleted."]), audit_conditions(["b was deleted.", "a was deleted."])
    assert (one.key, one.server, one.summary) == ("audit", "", "The audit has an alarm")
    assert (two.key, two.summary, set(one.items) < set(two.items)) == ("audit", "The audit has 2 alarms", True)


def test_a_way_that_fails_is_sent_by_the_others() -> None:
    (found,) = way_conditions("build1", {"chat": Failure(3, "2026-11-22T07:11:46Z", "the server answered 500")})
    assert (found.except_way, found.kind, found.details) == ("chat", "problem", ("the server answered 500",))
