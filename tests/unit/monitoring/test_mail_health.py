"""Test the messages in the health of the fleet with a clock that the tests control."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import make_memory_builders


def health(builders: Builders, clock: Clock, server: str = "build1") -> dict[str, Any]:
    """Return the health as a server sees it."""
    with builders.host(server) as host:
        return read_health(clock.on(host))


def test_requests_that_wait_too_long(tmp_path: Any, clock: Clock) -> None:
    """Nothing is overdue before the deadline. Then requests without an answer that not all have read are overdue."""
    builders = make_memory_builders(tmp_path, ("build1", "build2", "build3"))
    asks = {}
    with builders.host("build1") as host:
        host = clock.on(host)
        for name, recipient in (("open", "build2"), ("read", "build2"), ("answered", "build2"), ("all", "all")):
            asks[name] = send(host, Draft(name, "?", "request"), [recipient]).result[0].id
        send(host, Draft("no request", "x", "warning"), ["build2"])
        clock.move(3600)
        assert read_health(host)["messages"]["overdue_requests"] == []
        clock.move(1)
    with builders.host("build2") as host:
        host = clock.on(host)
        mark_read(host, [asks["read"], asks["all"]])
        reply(host, asks["answered"], Draft("", "!"))
    found = health(builders, clock)["messages"]
    assert found["overdue_requests"] == [
        {"id": asks["open"], "from": "build1", "to": "build2", "subject": "open", "age_seconds": 3601},
        {"id": asks["all"], "from": "build1", "to": "all", "subject": "all", "age_seconds": 3601},
    ]
    assert found["unread"] == {"build1": 1, "build2": 2, "build3": 1}
    with builders.host("build3") as host:
        mark_read(clock.on(host), [asks["all"]])
    assert len(health(builders, clock)["messages"]["overdue_requests"]) == 1


def test_overdue_unread_messages(tmp_path: Any, clock: Clock) -> None:
    builders = make_memory_builders(tmp_path)
    with builders.host("build1") as host:
        first = send(clock.on(host), Draft("first", "x", "warning"), ["build2"]).result[0].id
        clock.move(1)
        send(clock.on(host), Draft("second", "x"), ["build2"])
    with builders.host("build2") as host:
        host = clock.on(host)
        clock.move(59)
        assert read_health(host, reply_deadline=60)["messages"]["overdue_mail"] == []
        clock.move(1)
        (overdue,) = read_health(host, reply_deadline=60)["messages"]["overdue_mail"]
        assert (overdue["id"], overdue["age_seconds"]) == (first, 61)
        clock.move(60)
        assert len(read_health(host, reply_deadline=60)["messages"]["overdue_mail"]) == 2
        mark_read(host, [first])
        assert len(read_health(host, reply_deadline=60)["messages"]["overdue_mail"]) == 1


def test_undeliverable_mail_needs_attention(legacy: Builders, clock: Clock) -> None:
    entry = {"id": "m", "from": "build1", "to": "build9", "subject": "x", "body": "y", "read": False}
    legacy.commit(MESSAGES, json.dumps({"messages": [entry, {**entry, "id": "n"}]}).encode())
    found = health(legacy, clock)
    (attention,) = found["attention"]
    assert attention == "2 messages are addressed to no server of this fleet. See: builderctl read --undeliverable"
    assert [one["age_seconds"] for one in found["messages"]["undeliverable"]] == [None, None]


def test_own_unread_messages_are_counted_by_ledger(legacy: Builders, clock: Clock) -> None:
    with legacy.host("build3") as host:
        mark_read(clock.on(host), ["msg_1762636444_6912"])
    before = health(legacy, clock, "build3")["messages"]["unread"]["build3"]
    text = legacy.show(MESSAGES).decode().replace('"read": false', '"read": true')
    legacy.commit(MESSAGES, text.encode())
    assert health(legacy, clock, "build3")["messages"]["unread"]["build3"] == before > 0
    assert health(legacy, clock, "build1")["messages"]["unread"]["build3"] == 0
