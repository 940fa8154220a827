"""Test that processes of one host deliver each other's writes from the outbox."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Callable

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.batch import Response, respond
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery import deliver as delivering
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import deliver
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import OUTBOX_FILE, Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    DeadlineReached,
    InvalidInput,
    Locked,
    PushDeclined,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.outbox import drop
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Receipt
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git
from ansible_collections.acs.builders.tests.outage import outage
from ansible_collections.acs.builders.tests.waiting import LIMIT, until
from ansible_collections.acs.builders.tests.writes import send_subject, subjects


def send_in_fork(builders: Builders, subject: str) -> Receipt[list[Message]]:
    """Send a message, and return a receipt that can be sent to another process."""
    receipt = send_subject(builders, subject)
    return Receipt(receipt.result, receipt.commit, receipt.attempts, queued=receipt.queued)


def test_writes_of_one_host_share_commits(builders: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "PATIENCE", LIMIT)
    builders.trust()
    send_subject(builders, "0")
    processes = multiprocessing.get_context("fork").Pool(6)
    with builders.host("build1") as host, host.repository.writing():
        results = [processes.apply_async(send_in_fork, (builders, str(number))) for number in range(1, 7)]
        until(lambda: len(Outbox(host.state).read().items) == 6, "not all messages in the outbox")
    receipts = [result.get(LIMIT) for result in results]
    processes.close()
    processes.join()
    assert builders.commits() == 2
    assert {receipt.delivery for receipt in receipts} == {"pushed"}
    assert {receipt.commit for receipt in receipts} == {git("rev-parse", "main", cwd=builders.remote)}
    arrived = {message["id"]: message for message in builders.messages()}
    assert all(arrived[receipt.result[0].id] == receipt.result[0].raw for receipt in receipts)
    assert [message["seq"] for message in builders.messages()] == list(range(1, 8))


def run_while_waiting(host: Host, monkeypatch: pytest.MonkeyPatch, action: Callable[[], object], is_held: bool) -> None:
    """Run an action when a host waits for the write lock, which it then gets unless it is still held."""
    writing = host.repository.writing

    @contextmanager
    def wait(patience: float | None = None) -> Iterator[None]:
        monkeypatch.setattr(host.repository, "writing", writing)
        action()
        if is_held:
            raise Locked("Another process holds the lock.", "Try again.")
        with writing(patience):
            yield

    monkeypatch.setattr(host.repository, "writing", wait)


@pytest.mark.parametrize("is_held", [False, True], ids=["free", "held"])
def test_what_another_process_has_delivered_is_reported_as_pushed(
    builders: Builders, monkeypatch: pytest.MonkeyPatch, is_held: bool
) -> None:
    """The result is the message in the repository: its number is one less because the write before it was dropped."""
    builders.trust()
    asked = [send_subject(builders, subject, "build2").result[0].id for subject in ("one", "two")]
    with outage(builders):
        before = send_subject(builders, "dropped").result[0].id
    with builders.host("build1") as host, builders.host("build1") as other:

        def deliver_all() -> None:
            with suppress(InvalidInput):
                drop(other, before)
            deliver(other)

        writes: list[Callable[[], Receipt[Any]]] = [
            lambda: send(host, Draft("Hello", "Hi")),
            lambda: respond(host, [Response(asked[0], Draft("", "Done"))]),
            lambda: mark_read(host, [asked[1]])[0],
            lambda: write_status(host, Report("building", job="j1")),
        ]
        receipts = []
        for write in writes:
            run_while_waiting(host, monkeypatch, deliver_all, is_held)
            receipts.append(write())
            assert receipts[-1].delivery == "pushed" and receipts[-1].attempts == 0
            assert receipts[-1].commit == git("rev-parse", "main", cwd=builders.remote)
    arrived = builders.messages()
    assert [message["subject"] for message in arrived] == ["one", "two", "Hello", "Re: one"]
    assert [receipt.result for receipt in receipts[:3]] == [[Message(arrived[2])], [Message(arrived[3])], [asked[1]]]
    assert arrived[1]["read_by"] == ["build1"] and receipts[3].result.current_job["id"] == "j1"


def test_what_another_process_has_sent_under_a_key_is_not_reported_as_new(
    builders: Builders, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_subject(builders, "one")
    with outage(builders):
        first = send_subject(builders, "two", key="k")
    with builders.host("build1") as host, builders.host("build1") as other:
        run_while_waiting(host, monkeypatch, lambda: deliver(other), is_held=False)
        again = send(host, Draft("two", "Hi", key="k"))
    assert (again.delivery, again.result) == ("none", first.result)
    assert subjects(builders) == ["one", "two"]


@pytest.mark.parametrize("is_held", [False, True], ids=["free", "held"])
def test_what_another_process_could_not_deliver_is_an_error(
    builders: Builders, monkeypatch: pytest.MonkeyPatch, is_held: bool
) -> None:
    send_subject(builders, "one")
    with outage(builders):
        send_subject(builders, "two")
    hook = builders.remote / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nread old new ref\n! git show $new:{MESSAGES} | grep 'bad words' >&2\n")
    hook.chmod(0o755)
    with builders.host("build1") as host, builders.host("build1") as other:
        run_while_waiting(host, monkeypatch, lambda: deliver(other), is_held)
        with pytest.raises(PushDeclined, match="bad words"):
            send(host, Draft("bad words", "Hi"))
        assert Outbox(host.state).read().rejected == []
        run_while_waiting(host, monkeypatch, lambda: drop(other, Outbox(other.state).read().items[0].id), is_held)
        with pytest.raises(DeadlineReached, match="neither in the outbox"):
            send(host, Draft("three", "Hi"))
        assert Outbox(host.state).read().items == []
    assert subjects(builders) == ["one", "two"]


def test_an_outbox_of_an_older_version_is_delivered(builders: Builders) -> None:
    """It also held the results of writes that one process had delivered for another."""
    send_subject(builders, "one")
    with outage(builders):
        send_subject(builders, "two")
    path = builders.state("build1") / OUTBOX_FILE
    delivered = {"out_0": {"commit": "0" * 40, "attempts": 1, "messages": builders.messages()}}
    path.write_text(json.dumps({**json.loads(path.read_text()), "taken": delivered}))
    send_subject(builders, "three")
    assert subjects(builders) == ["one", "two", "three"]
    assert list(json.loads(path.read_text())) == ["items", "aside", "last"]
