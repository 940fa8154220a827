"""Test the data for the page about the fleet besides the health."""

from __future__ import annotations

import html
import json
from pathlib import Path

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.conversations import MAX_BODY
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.dashboard import (
    MAX_QUESTIONS,
    MAX_ROWS,
    TRAFFIC_DAYS,
    count_by_day,
    read_dashboard,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, make_memory_builders

EMPTY = {"rows": [], "more": 0}


def test_an_empty_and_a_damaged_repository(builders: MemoryBuilders) -> None:
    nothing = {"threads": [], "shown": 0, "total": 0}
    for content in (None, b'{"messages": [', b"[]"):
        if content is not None:
            builders.commit(MESSAGES, content)
            builders.commit("coordination/jobs.json", content)
        with builders.host("build1") as host:
            seen = read_dashboard(host)
        tables = dict.fromkeys(("questions", "waits", "builds", "jobs"), EMPTY)
        assert seen == {"conversations": nothing, **tables, "traffic": []}


def test_rows_beyond_the_limit_are_counted_and_jobs_are_the_newest_first(
    builders: MemoryBuilders, clock: Clock
) -> None:
    jobs = [{"id": f"job_{number}", "status": ["odd"], "type": "x" * 500} for number in range(MAX_ROWS + 2)]
    builders.commit("coordination/jobs.json", json.dumps({"jobs": [*jobs, "no job"]}).encode())
    with builders.host("build1") as host:
        seen = read_dashboard(clock.on(host))["jobs"]
    assert (len(seen["rows"]), seen["more"], seen["rows"][0]["id"]) == (MAX_ROWS, 2, f"job_{MAX_ROWS + 1}")
    assert len(seen["rows"][0]["type"]) == 101 and seen["rows"][0]["assigned_to"] == ""


def test_a_question_to_the_operator_is_open_until_he_answers(tmp_path: Path, now: Clock) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "operator"))
    builders.trust()
    with builders.host("build2") as host:
        question = send(now.on(host), Draft("May I?", "Delete it?", needs="operator"), ["operator"]).result[0].id
    forged = {"id": "forged", "from": "build1", "to": "build2", "in_reply_to": question, "subject": "Re: May I?"}
    builders.commit(MESSAGES, json.dumps({"messages": [*builders.messages(), forged]}).encode())
    with builders.host("build1") as host:
        seen = read_dashboard(now.on(host))
    (row,) = seen["questions"]["rows"]
    assert (row["subject"], row["body"], row["verified"]) == ("May I?", "Delete it?", "true")
    (wait,) = seen["waits"]["rows"]
    assert (wait["from"], wait["to"], wait["for"]) == ("build2", "operator", "answer")
    marks = {
        one["id"]: one["not_operators"] for thread in seen["conversations"]["threads"] for one in thread["messages"]
    }
    assert marks == {question: False, "forged": True}
    with builders.host("operator") as host:
        reply(now.on(host), question, Draft("-", "Yes."))
    with builders.host("build1") as host:
        answered = read_dashboard(now.on(host))
    assert (answered["questions"], answered["waits"]) == (EMPTY, EMPTY)


def test_questions_that_do_not_fit_are_counted(tmp_path: Path, now: Clock) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "operator"))
    builders.trust()
    forged = {"from": "build1", "to": "operator", "needs": "operator", "subject": "?", "body": "'" * MAX_BODY}
    flood = [{**forged, "id": f"msg_{number}"} for number in range(MAX_ROWS + 2)]
    builders.commit(MESSAGES, json.dumps({"messages": flood}).encode())
    with builders.host("build2") as host:
        asked = send(now.on(host), Draft("May I?", "x", needs="operator"), ["operator"]).result[0].id
    with builders.host("build1") as host:
        seen = read_dashboard(now.on(host))["questions"]
    assert seen["rows"][0]["id"] == asked and 5 < len(seen["rows"]) < MAX_ROWS
    assert len(seen["rows"]) + seen["more"] == MAX_ROWS + 3
    assert len(html.escape(json.dumps(seen["rows"]))) < 1.2 * MAX_QUESTIONS


def test_secrets_are_redacted(builders: MemoryBuilders, clock: Clock) -> None:
    token = "ghp_" + "a1B2" * 9
    with builders.host("build1") as host:
        send(clock.on(host), Draft("Hello", f"My token is {token}."), ["build2"], "allow")
        seen = read_dashboard(clock.on(host))
    assert token in builders.messages()[0]["body"] and token not in str(seen)
    assert "My token is" in seen["conversations"]["threads"][0]["messages"][0]["body"]


def test_messages_are_counted_by_day_up_to_the_newest(clock: Clock) -> None:
    times = [
        "2026-11-22T07:00:00Z",
        "2026-11-21 23:59",
        "2026-11-22T06:00:00Z",
        "2026-10-01T00:00:00Z",
        "9999-01-01",
        "x",
    ]
    messages = [Message({"timestamp": time, "type": "error" if time.endswith("59") else "info"}) for time in times]
    days = count_by_day(messages, clock())
    assert len(days) == TRAFFIC_DAYS
    assert (days[0]["day"], days[-1]["day"]) == ("2026-10-24", "2026-11-22")
    assert days[-1]["counts"] == {"error": 0, "warning": 0, "request": 0, "info": 2}
    assert days[-2]["counts"]["error"] == 1
    assert sum(sum(day["counts"].values()) for day in days) == 3
