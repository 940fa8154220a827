"""Test that archived messages can be read and answered, and that archiving loses no concurrent writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.git import bare_repository
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.audit import audit
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import archive as archiving
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.archive import archive
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.wait import wait_for_answer
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git, make_builders
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.forks import in_forks
from ansible_collections.acs.builders.tests.running_service import service
from ansible_collections.acs.builders.tests.writers import Writer

ARCHIVE = "coordination/archive"


@contextmanager
def later(builders: Builders, server: str, days: float) -> Iterator[Host]:
    """Open a server with the newest commit and a clock some days ahead."""
    with builders.host(server) as host:
        host.repository.read(lambda snapshot: snapshot.commit)
        yield Clock(datetime.now(timezone.utc), timedelta(days=days)).on(host)


def alarms(host: Host) -> list[str]:
    """Return the texts of the audit."""
    return [one.text for one in host.repository.read(lambda snapshot: audit(host, snapshot, keep=True))]


def archived(builders: Builders) -> list[dict[str, Any]]:
    """Return the messages in the archives of the remote."""
    paths = git("ls-tree", "--name-only", "main", f"{ARCHIVE}/", cwd=builders.remote).split()
    return [entry for path in paths for entry in json.loads(builders.show(path))["messages"]]


def old_message(number: int, recipient: str = "build2", readers: tuple[str, ...] = ("build2",)) -> dict[str, Any]:
    """Return a message that was sent ten days ago and read."""
    written = utc_text(datetime.now(timezone.utc) - timedelta(days=10))
    return {
        **{"id": f"old{number}", "from": "build9", "to": recipient, "subject": f"{number}", "body": "Hi"},
        **{"timestamp": written, "read": True, "read_by": list(readers)},
    }


@pytest.fixture
def conversation(builders: Builders, monkeypatch: pytest.MonkeyPatch) -> tuple[Builders, list[str]]:
    """Return two servers, and the ids of a request, another message and the answer, all archived."""
    monkeypatch.setattr(archiving, "MIN_MOVED", 1)
    builders.trust()
    for server in builders.ids:
        with builders.host(server) as host:
            assert alarms(host) == []
    with builders.host("build1") as host:
        asked = send(host, Draft("What is it?", "Tell me", type="request", key="asked")).result[0].id
        other = send(host, Draft("By the way", "Hi")).result[0].id
        send(host, Draft("The newest one", "Hi"))
    with builders.host("build2") as host:
        assert alarms(host) == []
        mark_read(host, [entry["id"] for entry in builders.messages()])
        answer = reply(host, asked, Draft("", "It is this.")).result[0].id
        send(host, Draft("The newest one", "Hi"))
    with builders.host("build1") as host:
        mark_read(host, [answer])
    for server, moved in (("build1", []), ("build2", [asked, other]), ("build1", [answer])):
        with later(builders, server, 8) as host:
            assert [entry.id for entry in archive(host).result] == moved
    return builders, [asked, other, answer]


def test_what_was_archived_is_found_by_thread_and_by_id(conversation: tuple[Builders, list[str]]) -> None:
    """Also when the ledger no longer contains it."""
    builders, (asked, other, answer) = conversation
    for days in (8, 40):
        with later(builders, "build2", days) as host:
            mark_read(host, [builders.messages()[0]["id"]])
            for chosen, ids in ((Filter(thread=asked), [asked, answer]), (Filter(ids=[other, asked]), [asked, other])):
                found = list_messages(host, chosen).messages
                assert [message["id"] for message in found] == ids
                to_me = [message for message in found if message["to"] == "build2"]
                assert all(message["verified"] == "true" and message["read"] for message in to_me)
                assert not any(message["marked_by_other"] for message in to_me)
            assert list_messages(host, Filter()).messages == []
            newer = list_messages(host, Filter(unread=False, since=other)).messages
            assert [message["subject"] for message in newer] == ["The newest one"]


def test_the_audit_and_the_health_miss_nothing(conversation: tuple[Builders, list[str]]) -> None:
    builders, _ids = conversation
    for server in builders.ids:
        with later(builders, server, 8) as host:
            assert alarms(host) == []
            assert read_health(host)["messages"]["overdue_requests"] == []
            numbers = [entry["seq"] for entry in builders.messages() if entry["from"] == server]
            sent = send(host, Draft("One more", "Hi")).result[0]
            assert sent.seq == numbers[-1] + 1
    for server in builders.ids:
        with later(builders, server, 8) as host:
            assert alarms(host) == []


def test_a_server_that_lost_its_records_goes_on_counting(conversation: tuple[Builders, list[str]]) -> None:
    builders, _ids = conversation
    for name in ("outbox.json", "keys.json", "audit.json"):
        (builders.state("build1") / name).unlink(missing_ok=True)
    with later(builders, "build1", 8) as host:
        assert alarms(host) == []
        assert send(host, Draft("One more", "Hi")).result[0].seq == 4


def test_an_archived_message_can_be_answered(conversation: tuple[Builders, list[str]]) -> None:
    builders, (asked, other, _answer) = conversation
    with later(builders, "build2", 8) as host:
        message = reply(host, other, Draft("", "Thank you")).result[0]
    assert (message.in_reply_to, message.raw["to"]) == (other, "build1")
    with later(builders, "build1", 8) as host:
        found = wait_for_answer(host, other, timeout=0, interval=1).messages
        assert [one["body"] for one in found] == ["Thank you"]
        found = wait_for_answer(host, asked, timeout=0, interval=1).messages
        assert [one["body"] for one in found] == ["It is this."]


@pytest.mark.parametrize("remembered", [True, False])
def test_a_key_is_sent_once_although_its_message_is_archived(
    conversation: tuple[Builders, list[str]], remembered: bool
) -> None:
    builders, (asked, _other, _answer) = conversation
    if not remembered:
        (builders.state("build1") / "keys.json").unlink()
    before = builders.commits()
    with later(builders, "build1", 8) as host:
        receipt = send(host, Draft("What is it?", "Tell me", type="request", key="asked"))
    assert [entry.id for entry in receipt.result] == [asked]
    assert builders.commits() == before


def test_a_message_to_all_that_is_archived_by_forged_marks_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that archives trusts the marks of others; the server that has not read it reports a problem."""
    monkeypatch.setattr(archiving, "MIN_MOVED", 1)
    builders = make_builders(tmp_path, ("build1", "build2", "build3"))
    builders.trust()
    with builders.host("build2") as host:
        alarms(host)
    with builders.host("build1") as host:
        to_all = send(host, Draft("To all", "Hi"), ["all"]).result[0].id
        send(host, Draft("The newest one", "Hi"), ["build2"])
    with builders.host("build3") as host:
        mark_read(host, [to_all])
    with builders.host("build2") as host:
        assert alarms(host) == []
    first, newest = builders.messages()
    forged = {**first, "read": True, "read_by": ["build2", "build3"]}
    builders.commit(MESSAGES, json.dumps({"messages": [forged, newest]}).encode())
    with later(builders, "build3", 8) as host:
        assert [entry.id for entry in archive(host).result] == [to_all]
    with later(builders, "build2", 8) as host:
        assert f"{to_all}, message 1 of build1, was deleted." in alarms(host)


def archive_all(builders: Builders, server: str) -> None:
    """Archive as a server until nothing is left, as a separate process would."""
    with builders.host(server) as host:
        host.repository.read(lambda snapshot: snapshot.commit)
        while archive(host).result:
            pass


def test_two_archivers_and_three_senders_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "MIN_MOVED", 1)
    monkeypatch.setattr(archiving, "MAX_MOVED", 10)
    senders, archivers = ("build1", "build2", "build3"), ("build4", "build5")
    builders = make_builders(tmp_path, (*senders, *archivers))
    old = [old_message(number, "all", builders.ids) for number in range(101)]
    builders.commit(MESSAGES, json.dumps({"messages": old}, indent=2).encode())
    writers = [Writer(server) for server in senders]
    try:
        for writer in writers:
            writer.start(builders.folder, builders.ids, [("send", "build4")] * 10)
        in_forks(len(archivers), archive_all, [(builders, server) for server in archivers])
        outcomes = [writer.outcome() for writer in writers]
    finally:
        for writer in writers:
            writer.stop()
    assert not [outcome for outcome in outcomes if isinstance(outcome, str)], outcomes
    hot = builders.messages()
    assert [entry["id"] for entry in archived(builders)] == [f"old{number}" for number in range(100)]
    assert hot[0]["id"] == "old100"
    for outcome, server in zip(outcomes, senders):
        assert not isinstance(outcome, str)
        sent = [message_id for result in outcome for message_id in result["ids"]]
        assert [entry["id"] for entry in hot if entry["from"] == server] == sent
    assert len(hot) == 31
    assert builders.commits() == 1 + 10 + 30


def test_the_service_archives_what_is_worth_a_commit(builders: Builders) -> None:
    old = [old_message(number) for number in range(archiving.MIN_MOVED + 1)]
    builders.commit(MESSAGES, json.dumps({"messages": old}).encode())
    with service(builders, "build2", archive="off") as running:
        assert not any("archive" in line for line in running.log())
    with service(builders, "build2") as running:
        running.next_beat()
        assert len([line for line in running.log() if "build_heartbeat_archive" in line]) == 1, "it is logged once"
    assert builders.commits() == 1, "nothing is archived yet"
    builders.announce_archiving("build2")
    with service(builders, "build2") as running:
        assert "archive 50 messages" in git("log", "--format=%s", "main", cwd=builders.remote)
        builders.commit(MESSAGES, json.dumps({"messages": old}).encode())
        running.next_beat()
        assert builders.commits() == 3, "it archives once an hour"
        assert any(line.endswith("] 50 messages archived") for line in running.log())


def test_a_damaged_archive_is_reported_and_the_service_goes_on(builders: Builders) -> None:
    old = [old_message(number) for number in range(archiving.MIN_MOVED + 1)]
    path = f"{ARCHIVE}/{old[0]['timestamp'][:7]}.json"
    builders.commit(path, b"[")
    builders.commit(MESSAGES, json.dumps({"messages": old}).encode())
    builders.announce_archiving("build2")
    with service(builders, "build2") as running:
        running.next_beat()
        (problem,) = running.problems()
    assert "Messages cannot be archived" in problem and path in problem
    assert builders.commits() == 2


def test_what_needs_no_archive_reads_none(builders: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare_repository, "MAX_SIZE", 500_000)
    builders.commit(f"{ARCHIVE}/2020-01.json", b'{"messages": []}' + b" " * 500_000)
    with builders.host("build1") as host:
        sent = send(host, Draft("Hello", "Hi")).result[0]
    with builders.host("build2") as host:
        mark_read(host, [sent.id])
        receipt = reply(host, sent.id, Draft("", "Done"))
    assert receipt.delivery == "pushed"


def test_a_server_that_never_sent_marks_whatever_is_wrong_with_an_archive(builders: Builders) -> None:
    builders.trust()
    with builders.host("build1") as host:
        ids = [send(host, Draft("Hello", "Hi")).result[0].id for _message in range(2)]
    builders.commit(f"{ARCHIVE}/2020-01.json", b'{"messages": [{"seq": 1')
    with builders.host("build2") as host:
        for one in ids:
            assert mark_read(host, [one])[0].delivery == "pushed"


def test_a_forged_message_does_not_stand_before_the_archived_one(conversation: tuple[Builders, list[str]]) -> None:
    builders, (asked, _answer) = conversation[0], conversation[1][:2]
    entries = builders.messages()
    forged = {"id": asked, "from": "build1", "to": "build2", "subject": "Forged", "body": "Hi", "thread": "other"}
    builders.commit(MESSAGES, json.dumps({"messages": [*entries, forged]}).encode())
    with later(builders, "build2", 10) as host:
        assert reply(host, asked, Draft("", "Again")).result[0].subject != "Re: Forged"


def test_an_old_copy_in_an_archive_hides_no_acknowledgement(builders: Builders) -> None:
    with builders.host("build1") as host:
        asked = send(host, Draft("Please", "Hi", require_ack=True)).result[0]
    builders.commit(f"{ARCHIVE}/2026-11.json", json.dumps({"messages": [asked.raw]}).encode())
    with builders.host("build2") as host:
        acknowledge(host, [asked.id])
    with builders.host("build1") as host:
        (found,) = wait_for_answer(host, asked.id, 0, 1).messages
        assert found["acknowledged_by"] == ["build2"]
        assert len(list_messages(host, Filter(ids=(asked.id,), unread=False)).messages) == 1
