"""Test the health of the fleet with a clock that the tests control."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.server_health import (
    ASK_WRITER,
    FIND_WRITER,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import duration
from ansible_collections.acs.builders.tests.beating import all_beat, beat
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock, after_keys
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, make_memory_builders


def health(builders: Builders, clock: Clock, server: str = "build1", keep: bool = False) -> dict[str, Any]:
    """Return the health as a server sees it.

    :param keep: whether to record the observations, as the service does.
    """
    with builders.host(server) as host:
        return read_health(clock.on(host), keep=keep)


RECOVER = "Run on the controller: ansible-playbook playbooks/recover.yml -l build2"


def test_a_fleet_that_is_well(builders: Builders, clock: Clock) -> None:
    all_beat(builders, clock)
    with builders.host("build2") as host:
        write_status(clock.on(host), Report("building", "job_1"))
    found = health(builders, clock)
    assert (found["server_id"], found["partner"], found["healthy"], found["problems"]) == ("build1", "build2", True, [])
    assert set(found["servers"]) == {"build1", "build2"}
    server = found["servers"]["build2"]
    assert (server["state"], server["age_seconds"], server["interval_seconds"]) == ("ok", 0, 60)
    assert (server["status"], server["current_job"]["id"], server["manager"]) == ("building", "job_1", "tester")
    assert found["servers"]["build1"]["status"] == "unknown"
    assert found["messages"] == {
        "total": 0,
        "unread": {"build1": 0, "build2": 0},
        "operator_questions": [],
        "overdue_requests": [],
        "overdue_mail": [],
        "undeliverable": [],
    }


@pytest.mark.parametrize(
    ("interval", "age", "state"),
    [
        *((60, 0, "ok"), (60, 120, "ok"), (60, 121, "aging"), (60, 300, "aging"), (60, 301, "stale")),
        *((10, 120, "ok"), (10, 121, "aging")),
        *((120, 240, "ok"), (120, 241, "aging"), (120, 600, "aging"), (120, 601, "stale")),
    ],
)
def test_age_decides_state(builders: Builders, clock: Clock, interval: int, age: int, state: str) -> None:
    """A longer interval of a server raises the limits, a shorter one does not lower them."""
    with builders.host("build2") as host:
        beat(clock.on(host), interval=interval)
    clock.move(age)
    with builders.host("build1") as host:
        beat(clock.on(host))
    found = health(builders, clock)
    assert (found["servers"]["build2"]["state"], found["servers"]["build2"]["age_seconds"]) == (state, age)
    assert found["servers"]["build1"]["state"] == "ok"
    assert found["healthy"] is (state != "stale")
    problem = f"build2: its last heartbeat is {duration(age)} old. {RECOVER}"
    assert found["problems"] == ([problem] if state == "stale" else [])


def test_an_age_counts_by_this_hosts_clock(builders: Builders, clock: Clock) -> None:
    """A wrong clock of another server is reported as skew, and does not make the server stale."""
    with builders.host("build2") as host:
        host = clock.on(host)
        beat(host, timestamp="2026-11-22T05:11:46Z")
        assert health(builders, clock, keep=True)["servers"]["build2"]["state"] == "stale", "not observed before"
        clock.move(60)
        beat(host, timestamp="2026-11-22T05:12:46Z")
    server = health(builders, clock)["servers"]["build2"]
    assert (server["state"], server["age_seconds"], server["clock_skew_seconds"]) == ("ok", 0, 7200)


def test_a_server_that_was_never_seen(builders: Builders, clock: Clock) -> None:
    with builders.host("build1") as host:
        beat(clock.on(host))
    found = health(builders, clock)
    assert found["servers"]["build2"]["state"] == "missing"
    assert found["servers"]["build2"]["age_seconds"] is None
    assert found["problems"] == [f"build2: it has no heartbeat. {RECOVER}"]
    assert found["healthy"] is False


def test_deleted_heartbeat_is_reported(builders: MemoryBuilders, clock: Clock) -> None:
    all_beat(builders, clock)
    health(builders, clock, keep=True)
    builders.memory.beats.pop("build2")
    clock.move(60)
    with builders.host("build1") as host:
        beat(clock.on(host))
    found = health(builders, clock)
    assert (found["servers"]["build2"]["state"], found["servers"]["build2"]["age_seconds"]) == ("missing", 60)
    assert found["problems"] == [f"build2: its heartbeat, last seen 1 min ago, was deleted. {FIND_WRITER}"]


def test_untrusted_heartbeat_is_reported(builders: Builders) -> None:
    clock = after_keys()
    all_beat(builders, clock)
    builders.trust()
    found = health(builders, clock)
    reason = "its heartbeat is not trusted: not signed, although {} has a key"
    assert found["problems"] == [
        f"{server}: {reason.format(server)}. {ASK_WRITER.format(server)}" for server in builders.ids
    ]


def test_a_heartbeat_without_a_time(builders: Builders, clock: Clock) -> None:
    all_beat(builders, clock, timestamp="soon")
    found = health(builders, clock)
    reason = "its heartbeat has no valid timestamp"
    assert found["problems"] == [f"{server}: {reason}. {ASK_WRITER.format(server)}" for server in builders.ids]
    assert found["servers"]["build2"]["state"] == "stale"


def test_age_after_own_clock_was_corrected(builders: Builders, clock: Clock) -> None:
    right = Clock(clock.start, clock.passed)
    clock.move(days=1)
    for _look in range(2):
        with builders.host("build2") as host:
            beat(right.on(host))
        health(builders, clock, keep=True)
        right.move(60)
        clock.move(60)
    right.move(400)
    assert health(builders, right)["servers"]["build2"]["state"] == "stale"


def test_a_status_of_a_clock_that_was_corrected_is_not_an_older_one(builders: Builders) -> None:
    builders.trust()
    clock = after_keys()
    ahead = Clock(clock.start, clock.passed + timedelta(minutes=8))
    for now, status in ((ahead, "building"), (clock, "success")):
        with builders.host("build2") as host:
            write_status(now.on(host), Report(status))
        server = health(builders, clock, keep=True)["servers"]["build2"]
        assert (server["status"], [one for one in server["problems"] if "status" in one]) == (status, [])


def test_reported_problems_are_in_the_health(tmp_path: Any, clock: Clock) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "build3"))
    with builders.host("build2") as host:
        beat(clock.on(host), problems=("the disk is full", "the disk is full"), attention=["1 message is unread"])
    with builders.host("build3") as host:
        beat(clock.on(host), healthy=False)
    with builders.host("build1") as host:
        beat(clock.on(host), problems=("an hour ago the disk was full",), attention=["and there was mail"])
    found = health(builders, clock)
    assert found["problems"] == ["build2: the disk is full", "build3: it reports that it is not healthy"]
    assert found["attention"] == ["build2: 1 message is unread"]
    assert found["servers"]["build2"]["attention"] == ["1 message is unread"]
    own = found["servers"]["build1"]
    assert (own["problems"], own["attention"]) == ([], []), "the own problems are not those of now"


def test_attention_makes_nobody_unhealthy(builders: Builders, clock: Clock) -> None:
    all_beat(builders, clock, attention=["1 message is unread"])
    found = health(builders, clock)
    assert (found["healthy"], found["problems"], len(found["attention"])) == (True, [], 1)


@pytest.mark.parametrize(
    ("problems", "interval"),
    [("5", '"x"'), ("true", "null"), ('"text"', "-1"), ('{"a": 1}', "0"), ('[null, 7, "real"]', "1e999"), ("[]", "[]")],
)
def test_a_beat_of_wrong_types(builders: Builders, clock: Clock, problems: str, interval: str) -> None:
    text = (
        f'{{"server": 3, "timestamp": "2026-11-22T07:11:46Z", "problems": {problems}, "interval_seconds": {interval}}}'
    )
    builders.commit("build2/heartbeat.json", text.encode())
    server = health(builders, clock)["servers"]["build2"]
    assert server["state"] == "ok"
    expected = {
        "5": ["5"],
        "true": ["true"],
        '"text"': ["text"],
        '{"a": 1}': ['{"a": 1}'],
        '[null, 7, "real"]': ["7", "real"],
    }
    assert server["problems"] == expected.get(problems, [])


def test_server_outside_of_the_fleet_is_reported(builders: Builders, clock: Clock) -> None:
    all_beat(builders, clock)
    builders.add_server("build9")
    with builders.host("build9") as host:
        beat(clock.on(host))
    found = health(builders, clock)
    assert found["servers"]["build9"]["expected"] is False
    assert found["servers"]["build9"]["problems"] == ["it is not in the fleet file"]
    assert found["servers"]["build2"]["expected"] is True
    assert found["healthy"] is True, "a server outside the fleet made the fleet unhealthy"


def test_without_fleet_file_servers_in_repository_count(legacy: Builders, clock: Clock) -> None:
    (legacy.state("build1") / "fleet.json").unlink()
    found = health(legacy, clock)
    assert set(found["servers"]) == {"build1", "build2", "build3"}
    assert all(server["expected"] for server in found["servers"].values())


def test_documents_of_the_shell_scripts(legacy: Builders, clock: Clock) -> None:
    found = health(legacy, clock)
    assert found["jobs"] == {"completed": 2, "queued": 1}
    assert {server["state"] for server in found["servers"].values()} == {"stale"}
    assert found["servers"]["build2"]["manager"] == "GitHub Copilot"
    assert found["servers"]["build1"]["last_build"]["duration_seconds"] == 399
    entries = legacy.messages()
    unread = {
        server: sum(e["to"] == server and e.get("read") is not True for e in entries)
        + sum(e["to"] == "all" and e["from"] != server for e in entries)
        for server in legacy.ids
    }
    assert found["messages"]["total"] == 59
    assert found["messages"]["unread"] == unread
    overdue = [e["id"] for e in entries if e.get("type") == "request" and e["read"] is False]
    assert [entry["id"] for entry in found["messages"]["overdue_requests"]] == overdue == ["msg_1762353360_9879"]


def test_damaged_mailbox_hides_nothing_else(legacy: Builders, clock: Clock) -> None:
    legacy.commit(MESSAGES, b'{\n  "messages": [\n<<<<<<< HEAD\n')
    all_beat(legacy, clock)
    found = health(legacy, clock)
    lists = ("operator_questions", "overdue_requests", "overdue_mail", "undeliverable")
    nothing: dict[str, Any] = {name: [] for name in lists}
    assert found["messages"] == {"total": None, "unread": {}, **nothing}
    assert found["jobs"] == {"completed": 2, "queued": 1}
    assert {server["state"] for server in found["servers"].values()} == {"ok"}
    (problem,) = found["problems"]
    assert f"{MESSAGES}, line 3" in problem
    assert found["healthy"] is False


def test_a_broken_status_is_a_problem_of_that_server(legacy: Builders, clock: Clock) -> None:
    legacy.commit("build2/status.json", b'{\n"status": NaN}')
    all_beat(legacy, clock)
    found = health(legacy, clock)
    assert found["servers"]["build2"]["status"] == "unknown"
    assert found["servers"]["build1"]["status"] == "idle"
    (problem,) = found["problems"]
    assert problem.startswith("build2: build2/status.json, line 2")


@pytest.mark.parametrize("content", [b"[", b"[]", b'{"jobs": 3}', b'{"jobs": [1, {"status": []}]}'])
def test_odd_jobs_hide_nothing(legacy: Builders, clock: Clock, content: bytes) -> None:
    legacy.commit("coordination/jobs.json", content)
    all_beat(legacy, clock)
    found = health(legacy, clock)
    assert found["healthy"] is (b"status" in content)
    assert found["messages"]["total"] == 59


def test_odd_entries_hide_nothing(legacy: Builders, clock: Clock) -> None:
    odd: list[dict[str, Any]] = [{}]
    values: tuple[Any, ...] = (None, 7, [], {}, "0001-01-01T00:00:00+14:00")
    for value in values:
        odd.append(dict.fromkeys(("id", "from", "timestamp", "subject", "read_by", "in_reply_to"), value))
        odd[-1].update({"to": "all", "type": "request"})
        odd.append(dict.fromkeys(("id", "from", "to", "type", "timestamp", "read"), value))
    legacy.commit(MESSAGES, json.dumps({"messages": odd}).encode())
    with legacy.host("build1") as host:
        beat(clock.on(host))
    assert health(legacy, clock)["messages"]["total"] == len(odd)


def records(builders: Builders) -> dict[str, str]:
    """Return the records of build1 about earlier looks."""
    paths = (builders.state("build1") / name for name in ("audit.json", "read.json", "statuses.json", "watch.json"))
    return {path.name: path.read_text() for path in paths if path.exists()}


def test_a_look_records_nothing_and_uses_what_the_service_has_recorded(builders: Builders) -> None:
    builders.trust()
    clock = after_keys()
    all_beat(builders, clock)
    with builders.host("build2") as host:
        write_status(clock.on(host), Report("idle"))
    assert health(builders, clock)["healthy"] and records(builders) == {}
    health(builders, clock, keep=True)
    kept = records(builders)
    assert set(kept) == {"audit.json", "read.json", "statuses.json", "watch.json"}
    clock.move(60)
    with builders.host("build2") as host:
        beat(Clock(clock.start, clock.passed - timedelta(minutes=3)).on(host))
        send(clock.on(host), Draft("Hello", "Hi"))
        write_status(clock.on(host), Report("building"))
    for _look in range(2):
        server = health(builders, clock)["servers"]["build2"]
        assert (server["state"], server["clock_skew_seconds"], server["status"]) == ("ok", 180, "building")
    assert records(builders) == kept
