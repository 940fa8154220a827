"""Test that the documents that this collection writes conform to the schemas of docs/wire-format.md."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.unit.docs.schemas import (
    HEARTBEAT,
    OLD,
    READ,
    SCHEMAS,
    SIGNED_KEYS,
    STATUS,
    WRITTEN,
    problems,
)

FACT = {"name": "load", "value": 0.25, "observed_at": "2025-11-04 20:45"}
REQUEST = {"action": "install_packages", "packages": ["libssl-dev"], "retries": 3, "options": {"force": None}}
FULL = Draft("Ask", "Please.", "request", "high", True, (FACT,), REQUEST, "ask-1", "msg_1_2", "msg_1_1")


def check_written(builders: Builders, number: int) -> list[dict[str, Any]]:
    entries = builders.messages()
    assert len(entries) == number
    assert [problem for entry in entries for schema in (WRITTEN, READ) for problem in problems(entry, schema)] == []
    return entries


def test_messages_fit_when_sent_answered_read_and_acknowledged(builders: Builders) -> None:
    with builders.host("build1") as host:
        first = replace(FULL, in_reply_to=None, thread=None)
        asked = [send(host, replace(first, key=name), [name]).result[0] for name in ("build2", "all")]
        send(host, Draft("Grüße 🏗", "plain\n\ttext"))
        assert problems(asked[0].raw, WRITTEN) == []
    check_written(builders, 3)
    ids = [message.id for message in asked]
    with builders.host("build2") as host:
        answer = reply(host, ids[0], Draft("", "Done.", facts=(FACT,))).result[0]
        assert answer.thread == answer.in_reply_to == ids[0]
        mark_read(host, ids)
        acknowledge(host, [*ids, builders.messages()[2]["id"]])
    entries = check_written(builders, 4)
    assert [entry["ack_status"] for entry in entries] == ["completed"] * 3 + ["not_requested"]
    assert [entry["read"] for entry in entries] == [True, True, False, False]
    with builders.host("build1") as host:
        reply(host, answer.id, Draft("", "Thanks."))
    assert check_written(builders, 5)[4]["thread"] == ids[0]


def test_message_to_all_fits_while_some_have_read_it(legacy: Builders) -> None:
    def last() -> dict[str, Any]:
        entries = legacy.messages()
        assert [problem for entry in entries for problem in problems(entry, READ)] == []
        assert problems(entries[-1], WRITTEN) == []
        return entries[-1]

    with legacy.host("build1") as host:
        sent = send(host, Draft("Restart", "At 22:00.", require_ack=True), ["all"]).result[0]
    assert last() == sent.raw
    for server, done in (("build2", False), ("build3", True)):
        with legacy.host(server) as host:
            mark_read(host, [sent.id])
            acknowledge(host, [sent.id])
        assert last()["read"] is done
        assert last()["ack_status"] == ("completed" if done else "pending")


def test_messages_of_old_scripts_are_accepted_after_marks_and_answers(legacy: Builders) -> None:
    with legacy.host("build1") as host:
        ids = [entry["id"] for entry in legacy.messages() if entry["to"] == "build1"]
        mark_read(host, ids)
        acknowledge(host, ids[:2])
        reply(host, ids[2], Draft("", "Done."))
    assert [problem for entry in legacy.messages() for problem in problems(entry, READ)] == []
    assert problems(legacy.messages()[-1], WRITTEN) == []


def test_status_fits_in_every_state(builders: Builders) -> None:
    reports = [
        Report("idle"),
        Report("building", branch="main", log="/root/build.log"),
        Report("failed"),
        Report("success", job="job_1", commit="d8e22ab", artifacts=["/root/a.deb"]),
        Report("building", job="job_2"),
        Report("idle"),
    ]
    with builders.host("build1") as host:
        for report in reports:
            result = write_status(host, report).result
            written = json.loads(builders.show("build1/status.json"))
            assert written == result.raw
            assert written["status"] == report.status
            assert problems(written, STATUS) == problems(written, STATUS + OLD) == []


def test_what_is_signed_fits(builders: Builders) -> None:
    builders.trust()
    with builders.host("build1") as host:
        send(host, Draft("Hello", "Hi", "request", facts=({"name": "load", "value": 0.25},)), ["all"])
        write_status(host, Report("building", job="job_1"))
        publish_heartbeat(host, compose_heartbeat(host, ["it rains"], 60, "1.0.0"))
    documents = {
        WRITTEN: builders.messages()[0],
        STATUS: json.loads(builders.show("build1/status.json")),
        HEARTBEAT: json.loads(builders.show("heartbeat.json", "refs/heartbeats/build1")),
    }
    for schema, document in documents.items():
        assert problems(document, schema) == []
        assert {"repository", "signature"} <= set(document)
        assert problems({**document, "signature": "good"}, schema) != []


def test_status_over_one_of_an_old_script_keeps_what_that_left(legacy: Builders) -> None:
    before = json.loads(legacy.show("build1/status.json"))
    with legacy.host("build1") as host:
        write_status(host, Report("building", job="job_1"))
        write_status(host, Report("success"))
    written = json.loads(legacy.show("build1/status.json"))
    assert problems(written, STATUS + OLD) == []
    assert written["last_package"] == before["last_package"]
    known = {name: written[name] for name in SCHEMAS[STATUS]["properties"] if name not in (*SIGNED_KEYS, "unverified")}
    assert problems({**known, "capabilities": {"cores": 1, "memory_gb": 1}}, STATUS) == []


def test_heartbeat_fits(builders: Builders) -> None:
    with builders.host("build1") as host:
        for sequence, found in enumerate([[], ["the disk is full"]], start=1):
            publish_heartbeat(host, compose_heartbeat(host, found, 60, "0.1.0"))
            beat = json.loads(builders.show("heartbeat.json", "refs/heartbeats/build1"))
            assert (beat["sequence"], beat["healthy"]) == (sequence, not found)
            assert problems(beat, HEARTBEAT) == problems(beat, HEARTBEAT + OLD) == []
        assert problems(compose_heartbeat(host, [], 60, "0.1.0", sends_alerts=True).raw, HEARTBEAT) == []
        send(host, Draft("Ready", "build1 is ready."))
        assert problems(compose_heartbeat(host, [], 60, "0.1.0").raw, HEARTBEAT) == []
        waits = compose_heartbeat(host, [], 60, "1.0.0", attention=["1 message is unread"]).raw
        assert problems(waits, HEARTBEAT) == [] and "attention" in waits
