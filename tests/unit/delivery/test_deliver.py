"""Test that a write that the remote declines for its content does not block later writes."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import deliver
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    DocumentDamaged,
    InvalidInput,
    PushDeclined,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.outbox import drop, retry
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, outage
from ansible_collections.acs.builders.tests.writes import send_subject, subjects, waiting


def test_what_is_refused_for_its_content_is_rejected_and_blocks_nothing(builders: MemoryBuilders) -> None:
    builders.trust()
    send_subject(builders, "one")
    with outage(builders):
        for subject in ("two", "bad words", "three"):
            send_subject(builders, subject)
    builders.memory.declines = "bad words"
    with builders.host("build1") as host:
        deliver(host)
        assert any("bad words" in note and "set aside" in note for note in host.repository.notes)
        (rejected,) = Outbox(host.state).read().rejected
        assert "no such words here" in rejected.reason
        assert any("set aside" in text for text in read_health(host)["attention"])
    assert subjects(builders) == ["one", "two", "three"] and waiting(builders) == []
    assert [message["seq"] for message in builders.messages()] == [1, 2, 3]
    builders.memory.declines = ""
    with builders.host("build1") as host:
        retry(host, rejected.messages[0].id)
        deliver(host)
    assert subjects(builders) == ["one", "two", "three", "bad words"]
    assert builders.messages()[-1]["seq"] == 4


def test_where_everything_is_refused_everything_waits(builders: MemoryBuilders) -> None:
    send_subject(builders, "one")
    with outage(builders):
        send_subject(builders, "two")
        send_subject(builders, "three")
    builders.memory.declines = "one"
    with builders.host("build1") as host, pytest.raises(PushDeclined, match="no such words"):
        deliver(host)
    with pytest.raises(PushDeclined):
        send_subject(builders, "four")
    assert waiting(builders) == ["two", "three"]
    builders.memory.declines = ""
    send_subject(builders, "five")
    assert subjects(builders) == ["one", "two", "three", "five"]


def test_a_message_that_is_refused_at_once_is_reported_and_does_not_wait(builders: MemoryBuilders) -> None:
    send_subject(builders, "one")
    with outage(builders):
        send_subject(builders, "two")
    builders.memory.declines = "bad words"
    with pytest.raises(PushDeclined, match="no such words"):
        send_subject(builders, "bad words")
    assert subjects(builders) == ["one", "two"] and waiting(builders) == []


def test_a_mailbox_that_cannot_be_read_keeps_no_status_back(builders: MemoryBuilders) -> None:
    send_subject(builders, "one")
    with outage(builders):
        send_subject(builders, "two")
        with builders.host("build1") as host:
            write_status(host, Report("building"))
    builders.commit(MESSAGES, b"{")
    with builders.host("build1") as host:
        deliver(host)
        assert Outbox(host.state).read().rejected == []
    assert b"building" in builders.show("build1/status.json")
    assert waiting(builders) == ["two"]
    with pytest.raises(DocumentDamaged):
        send_subject(builders, "three")
    builders.commit(MESSAGES, b'{"messages": []}')
    send_subject(builders, "four")
    assert subjects(builders) == ["two", "four"]


def test_a_write_that_was_given_up_leaves_no_gap(builders: MemoryBuilders) -> None:
    builders.trust()
    send_subject(builders, "one")
    with outage(builders):
        dropped = send_subject(builders, "two").result[0].id
        send_subject(builders, "three")
    with builders.host("build1") as host:
        drop(host, dropped)
        with pytest.raises(InvalidInput, match="not in the outbox"):
            drop(host, dropped)
        deliver(host)
    assert [(message["subject"], message["seq"]) for message in builders.messages()] == [("one", 1), ("three", 2)]
    with builders.host("build2") as host:
        assert [message["verified"] for message in list_messages(host, Filter()).messages] == ["true", "true"]
