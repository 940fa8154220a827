"""Test the cycles of the service, and the looks between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import Cycle, heartbeat_interval
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service_log import ServiceLog
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import Inbox, read_inbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, outage


@pytest.mark.parametrize(
    ("servers", "settings", "seconds"),
    [(2, {}, 60), (6, {}, 60), (7, {}, 70), (50, {}, 500), (2, {"interval": 5}, 20), (0, {"interval": 5}, 5)],
)
def test_the_fleet_stays_within_the_push_budget(servers: int, settings: dict[str, Any], seconds: int) -> None:
    assert heartbeat_interval(Config(**settings), servers) == seconds


@pytest.fixture
def cycle(builders: MemoryBuilders) -> Cycle:
    """The service of build1, which has published a heartbeat."""
    folder = builders.folder / "build1"
    config = Config(str(builders.clone("build1")), state_dir=str(builders.state("build1")), log_folder=str(folder))
    cycle = Cycle(config, ServiceLog(folder / "heartbeat.log"), "2026-11-22T07:11:46Z", 60)
    cycle.run()
    return cycle


def inbox(builders: MemoryBuilders) -> Inbox:
    """Return the record of the unread mail of build1."""
    found = read_inbox(StateDirectory(builders.state("build1")))
    assert found
    return found


def send_message(builders: MemoryBuilders, sender: str = "build2", to: str = "build1", kind: str = "info") -> str:
    """Send a message, and return its id."""
    with builders.host(sender) as host:
        return str(send(host, Draft("Hello", "x", kind), [to]).result[0].id)


def mail_log(builders: MemoryBuilders) -> str:
    """Return the log of the messages to build1."""
    path = Path(builders.folder, "build1", "build-messages-build1.log")
    return path.read_text() if path.exists() else ""


def test_a_look_without_news_fetches_and_writes_nothing(builders: MemoryBuilders, cycle: Cycle) -> None:
    send_message(builders)
    cycle.look()
    fetches, version = builders.memory.fetches, StateDirectory(builders.state("build1")).version("inbox.json")
    cycle.look()
    cycle.look()
    assert builders.memory.fetches == fetches
    assert StateDirectory(builders.state("build1")).version("inbox.json") == version
    cycle.run()
    assert StateDirectory(builders.state("build1")).version("inbox.json") == version


def test_a_look_logs_and_records_new_mail(builders: MemoryBuilders, cycle: Cycle) -> None:
    assert inbox(builders).unread_count == 0
    message_id = send_message(builders)
    cycle.look()
    assert [message.id for message in inbox(builders).messages] == [message_id]
    assert (inbox(builders).commit, (builders.state("build1") / "unread").exists()) == (builders.tip, True)
    assert mail_log(builders).count(message_id) == 1


def test_a_look_corrects_the_record_after_a_mark_on_this_host(builders: MemoryBuilders, cycle: Cycle) -> None:
    message_id = send_message(builders)
    cycle.look()
    fetches = builders.memory.fetches
    with builders.host("build1") as host:
        mark_read(host, [message_id])
    cycle.look()
    assert inbox(builders).unread_count == 0
    assert not (builders.state("build1") / "unread").exists()
    assert builders.memory.fetches == fetches, "a commit that this server pushed is fetched"


def test_a_look_corrects_the_record_after_a_queued_mark(builders: MemoryBuilders, cycle: Cycle) -> None:
    message_id = send_message(builders)
    cycle.look()
    with outage(builders), builders.host("build1") as host:
        assert mark_read(host, [message_id])[0].queued
    cycle.look()
    assert inbox(builders).unread_count == 0
    assert not Outbox(StateDirectory(builders.state("build1"))).read().items, "the queued mark was not delivered"


def test_a_damaged_mailbox_is_read_once(builders: MemoryBuilders, cycle: Cycle) -> None:
    message_id = send_message(builders)
    cycle.look()
    builders.commit(MESSAGES, b"{")
    cycle.look()
    fetches = builders.memory.fetches
    cycle.look()
    assert builders.memory.fetches == fetches
    assert [message.id for message in inbox(builders).messages] == [message_id]


def test_mail_that_cannot_be_logged_is_logged_by_a_later_look(builders: MemoryBuilders, cycle: Cycle) -> None:
    log = Path(builders.folder, "build1", "build-messages-build1.log")
    log.mkdir()
    message_id = send_message(builders)
    cycle.look()
    assert [message.id for message in inbox(builders).messages] == [message_id]
    log.rmdir()
    cycle.look()
    assert message_id in mail_log(builders)


def test_a_rewound_branch_is_noted_by_the_look_that_finds_it(builders: MemoryBuilders, cycle: Cycle) -> None:
    first = builders.commit("a", b"1")
    builders.commit("a", b"2")
    cycle.look()
    builders.memory.tip = first
    cycle.look()
    cycle.run()
    log = Path(builders.folder, "build1", "heartbeat.log").read_text()
    assert log.count("The branch of the remote no longer descends from") == 1


def test_looks_are_frequent_while_mail_is_expected(builders: MemoryBuilders, cycle: Cycle, clock: Clock) -> None:
    assert (cycle.look_interval(someone_waits=False), cycle.look_interval(someone_waits=True)) == (15, 5)
    with builders.host("build2") as host:
        send(clock.on(host), Draft("Old", "x"), ["build1"])
    cycle.look()
    assert cycle.look_interval(someone_waits=False) == 15
    send_message(builders)
    cycle.look()
    assert cycle.look_interval(someone_waits=False) == 5


def test_looks_are_frequent_while_a_write_waits(builders: MemoryBuilders, cycle: Cycle) -> None:
    with outage(builders), builders.host("build1") as host:
        assert send(host, Draft("Hello", "x"), ["build2"]).queued
    builders.memory.declines = "Hello"
    cycle.look()
    assert cycle.look_interval(someone_waits=False) == 10, "the delivery has failed once"
    builders.memory.declines = ""
    cycle.look()
    assert [entry["subject"] for entry in builders.messages()] == ["Hello"]


def test_looks_become_rare_while_the_remote_is_away(builders: MemoryBuilders, cycle: Cycle) -> None:
    intervals = []
    with outage(builders):
        for _look in range(4):
            cycle.look()
            intervals.append(cycle.look_interval(someone_waits=True))
        with pytest.raises(Exception, match="away"):
            cycle.run()
        assert cycle.look_interval(someone_waits=True) == 60
    assert intervals == [10, 20, 40, 60]
    log = Path(builders.folder, "build1", "heartbeat.log").read_text()
    assert log.count("away") == 1, "a look reports the outage too"
    cycle.look()
    assert cycle.look_interval(someone_waits=True) == 5
