"""Test the current problems of a server itself, and what needs the attention of its manager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.activation import ACTIVATION_FILE
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.waiting import running_service
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring import own_state
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.own_state import (
    machine_problems,
    overdue_mail,
    own_attention,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.beating import all_beat
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, outage


def test_a_server_without_problems(builders: Builders) -> None:
    with builders.host("build1") as host:
        for difference in (None, 0, 600, -600):
            assert machine_problems(host, difference) == {}
        assert own_attention(host, []) == []


def test_a_full_disk_is_named_once(builders: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_state, "MIN_FREE", 2**60)
    with builders.host("build1") as host:
        problems = machine_problems(host, None)
    folders = {Path(path).stat().st_dev for path in ("/", builders.state("build1"))}
    assert len(problems) == len(folders)
    assert problems["disk /"].startswith("The file system of / has only ") and "du -x /" in problems["disk /"]


@pytest.mark.parametrize(
    ("difference", "text"),
    [(7200, "Its clock is 2 h ahead of those"), (-601, "Its clock is 10 min behind those")],
)
def test_a_clock_that_is_wrong(builders: Builders, difference: float, text: str) -> None:
    with builders.host("build1") as host:
        (problem,) = machine_problems(host, difference).values()
    assert problem.startswith(text) and problem.endswith("timedatectl")


def test_own_mail_is_counted_when_asked(builders: Builders, clock: Clock) -> None:
    with builders.host("build2") as host:
        sent = send(clock.on(host), Draft("old", "x"), ["build1"]).result[0].id
    clock.move(7500)
    all_beat(builders, clock, attention=["1 message is unread for too long"])
    with builders.host("build1") as host:
        host = clock.on(host)
        attention = read_health(host)["attention"]
        oldest = f"the oldest from build2 for 2 h 5 min ({sent})"
        assert attention == [
            f"build1: 1 message is unread for too long, {oldest}. Read and answer: builderctl read",
            "build2: 1 message is unread for too long",
        ]
        mark_read(host, [sent])
        found = read_health(host)
        assert found["attention"] == ["build2: 1 message is unread for too long"]
        assert (found["servers"]["build1"]["attention"], found["healthy"]) == ([], True)


def test_overdue_mail_without_a_time() -> None:
    mail = [{"id": "m", "from": "build2", "age_seconds": None}] * 2
    assert overdue_mail(mail) == [
        "2 messages are unread for too long, the oldest from build2 (m). Read and answer: builderctl read"
    ]


def test_writes_that_wait_need_attention(builders: MemoryBuilders, clock: Clock) -> None:
    with builders.host("build1") as host:
        host = clock.on(host)
        with outage(builders):
            send(host, Draft("Hello", "Hi"))
        clock.move(420)
        found = read_health(host)
    assert "build1: 1 write waits in the outbox, the first for 7 min. See why: builderctl outbox" in found["attention"]
    assert found["outbox"]["waiting_seconds"] == 420


def test_a_damaged_record_hides_nothing_else(builders: Builders, clock: Clock) -> None:
    (builders.state("build1") / ACTIVATION_FILE).write_text("[]")
    mail = [{"id": "m", "from": "build2", "age_seconds": 3}]
    with builders.host("build1") as host:
        overdue, damage = own_attention(host, mail)
    assert "unread for too long" in overdue and ACTIVATION_FILE in damage


@pytest.mark.parametrize(
    ("record", "found"),
    [({"service": ["the log is full"]}, ["the log is full"]), ({}, []), ({"service": 3}, []), (7, None)],
)
def test_what_only_the_service_knows(builders: Builders, clock: Clock, record: Any, found: list[str] | None) -> None:
    all_beat(builders, clock)
    with builders.host("build1") as host:
        host = clock.on(host)
        host.state.write_json("summary.json", record)
        assert read_health(host)["servers"]["build1"]["problems"] == [], "the record of a stopped service was used"
        with running_service(host.state):
            health = read_health(host)
    problems = health["servers"]["build1"]["problems"]
    assert problems == found or (found is None and "summary.json has unexpected content" in problems[0])
    assert health["service_running"]


def test_the_token_is_a_problem_of_the_machine(builders: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    token = builders.folder / "token"
    token.write_text("x y")
    with builders.host("build1", pat_file=str(token)) as host:
        assert machine_problems(host, None) == {}, "this remote needs no token"
        monkeypatch.setattr(host.repository, "url", "https://git.example/Build.git")
        assert "contains 2 words" in machine_problems(host, None)["token 0"]
