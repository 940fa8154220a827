"""Test that a message with the same idempotency key and sender is sent once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    InvalidInput,
    KeyConflict,
    SecretFound,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import send as sending
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Receipt
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock

DRAFT = Draft(
    *("Nightly", "The nightly build begins.", "request", "high", True),
    facts=({"name": "load", "value": 0.25},),
    request={"action": "build", "options": {"clean": True}},
    key="nightly-1",
)
ARCHIVE = "coordination/archive/2026-11.json"
OLD_ARCHIVE = "coordination/archive/messages-2026-11.json"


def sent(
    builders: Builders, clock: Clock, draft: Draft = DRAFT, to: Sequence[str] = ("build2",), server: str = "build1"
) -> Receipt[list[Message]]:
    """Send a message from a new process."""
    with builders.host(server) as host:
        return send(clock.on(host), draft, to)


def forget(builders: Builders) -> None:
    """Delete the record of keys of build1."""
    (builders.state("build1") / "keys.json").unlink()


def put(builders: Builders, path: str, entries: list[dict[str, Any]], bare: bool = False) -> None:
    """Commit a document with these entries, and fetch it on build1."""
    builders.commit(path, json.dumps(entries if bare else {"messages": entries}, indent=2).encode())
    with builders.host("build1") as host:
        host.repository.read(lambda snapshot: snapshot)


def refused(builders: Builders, clock: Clock, **changes: Any) -> None:
    """Check that other content with the same key is an error that changes nothing."""
    commits = builders.commits()
    with pytest.raises(KeyConflict, match="used the key 'nightly-1' for another message") as caught:
        sent(builders, clock, replace(DRAFT, **changes))
    assert "new key" in caught.value.remedy
    assert builders.commits() == commits


@pytest.mark.parametrize("remembered", [True, False])
def test_the_same_content_is_sent_once(builders: Builders, clock: Clock, remembered: bool) -> None:
    """The key is in the record of this host, or only in the repository."""
    first = sent(builders, clock)
    clock.move(3600)
    if not remembered:
        forget(builders)
    second = sent(builders, clock)
    assert first.commit
    assert (second.commit, second.files) == (None, {})
    assert [entry.id for entry in second.result] == [entry.id for entry in first.result]
    assert len(builders.messages()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        *({"subject": "Nightly 2"}, {"body": "x"}, {"type": "info"}, {"priority": "low"}, {"require_ack": False}),
        *({"facts": ()}, {"facts": ({"name": "load", "value": 0.5},)}, {"request": {"action": "build"}}),
        {"request": None},
    ],
)
def test_other_content_is_refused(builders: Builders, clock: Clock, changes: dict[str, Any]) -> None:
    """The key is in the record of this host, or only in the repository."""
    sent(builders, clock)
    refused(builders, clock, **changes)
    forget(builders)
    refused(builders, clock, **changes)
    assert len(builders.messages()) == 1


def test_another_recipient_is_other_content(legacy: Builders, clock: Clock) -> None:
    sent(legacy, clock)
    for recipients in (["build3"], ["build2", "build3"], ["all"]):
        with pytest.raises(KeyConflict):
            sent(legacy, clock, to=recipients)


def test_a_key_of_another_sender_is_another_key(builders: Builders, clock: Clock) -> None:
    sent(builders, clock)
    assert sent(builders, clock, server="build2", to=["build1"]).commit
    assert len(builders.messages()) == 2


def test_a_message_without_a_key_is_sent_each_time(builders: Builders, clock: Clock) -> None:
    for _number in range(2):
        assert sent(builders, clock, replace(DRAFT, key=None)).commit
    assert len({message["id"] for message in builders.messages()}) == 2


def test_several_recipients_under_one_key(legacy: Builders, clock: Clock) -> None:
    """There is one commit with a message for each recipient, also if it is repeated in another order."""
    commits = legacy.commits()
    first = sent(legacy, clock, to=["build2", "build3", "build2"])
    assert legacy.commits() == commits + 1
    assert [entry.raw["to"] for entry in first.result] == ["build2", "build3"]
    for remembered in (True, False):
        if not remembered:
            forget(legacy)
        second = sent(legacy, clock, to=["build3", "build2"])
        assert second.commit is None
        assert {entry.id for entry in second.result} == {entry.id for entry in first.result}


@pytest.mark.parametrize(("path", "bare"), [(ARCHIVE, False), (OLD_ARCHIVE, True)])
def test_after_the_message_was_archived(builders: Builders, clock: Clock, path: str, bare: bool) -> None:
    (entry,) = sent(builders, clock).result
    put(builders, path, builders.messages(), bare)
    put(builders, MESSAGES, [])
    forget(builders)
    clock.move(days=60)
    receipt = sent(builders, clock)
    assert receipt.commit is None
    assert [found.id for found in receipt.result] == [entry.id]
    forget(builders)
    refused(builders, clock, body="other")
    assert builders.messages() == []


def test_in_the_middle_of_archiving(builders: Builders, clock: Clock) -> None:
    """The message is in both places, since an archiver was killed between its two commits."""
    sent(builders, clock)
    put(builders, ARCHIVE, builders.messages())
    forget(builders)
    assert sent(builders, clock).commit is None
    assert len(builders.messages()) == 1


def test_when_half_of_it_was_archived(legacy: Builders, clock: Clock) -> None:
    sent(legacy, clock, to=["build2", "build3"])
    *others, second, third = legacy.messages()
    put(legacy, ARCHIVE, [second])
    put(legacy, MESSAGES, [*others, third])
    forget(legacy)
    assert sent(legacy, clock, to=["build2", "build3"]).commit is None


def test_when_one_of_its_messages_was_removed_this_host_remembers(legacy: Builders, clock: Clock) -> None:
    sent(legacy, clock, to=["build2", "build3"])
    put(legacy, MESSAGES, legacy.messages()[:-1])
    receipt = sent(legacy, clock, to=["build2", "build3"])
    assert (receipt.commit, [entry.raw["to"] for entry in receipt.result]) == (None, ["build2", "build3"])
    with pytest.raises(KeyConflict):
        sent(legacy, clock, replace(DRAFT, body="other"), ["build2", "build3"])


def test_after_the_message_was_removed_this_host_remembers(builders: Builders, clock: Clock) -> None:
    (entry,) = sent(builders, clock).result
    put(builders, MESSAGES, [])
    clock.move(days=29)
    receipt = sent(builders, clock)
    assert (receipt.commit, receipt.result) == (None, [entry])
    refused(builders, clock, body="other")
    assert builders.messages() == []


def test_after_thirty_days_a_key_is_free_only_if_its_message_is_gone(builders: Builders, clock: Clock) -> None:
    sent(builders, clock)
    clock.move(days=31)
    assert sent(builders, clock).commit is None
    refused(builders, clock, body="other")
    forget(builders)
    put(builders, MESSAGES, [])
    assert sent(builders, clock, replace(DRAFT, body="other")).commit
    assert [message["body"] for message in builders.messages()] == ["other"]


def test_a_key_that_was_used_again_after_thirty_days_is_remembered_again(builders: Builders, clock: Clock) -> None:
    sent(builders, clock)
    put(builders, MESSAGES, [])
    clock.move(days=31)
    (again,) = sent(builders, clock).result
    put(builders, MESSAGES, [])
    assert sent(builders, clock).result == [again]
    assert builders.messages() == []


def test_check_mode_uses_no_key_up(builders: Builders, clock: Clock) -> None:
    with builders.host("build1", check_mode=True) as host:
        assert send(clock.on(host), DRAFT, ["build2"]).files
    assert not (builders.state("build1") / "keys.json").exists()
    assert sent(builders, clock).commit


def report(builders: Builders, body: str, series: str = "reports", **more: Any) -> Receipt[list[Message]]:
    """Send a message of a series from a new process; ``check`` in check mode."""
    with builders.host("build1", check_mode=more.pop("check", False)) as host:
        return send(host, Draft("Report", body), ["build2"], series=series, **more)


def bodies(builders: Builders) -> list[str]:
    """Return the bodies of the messages."""
    return [entry["body"] for entry in builders.messages()]


def test_a_message_of_a_series_is_sent_when_its_content_has_changed(builders: Builders) -> None:
    for body in ("one", "one", "two", "two", "one", "one"):
        report(builders, body)
    assert bodies(builders) == ["one", "two", "one"]
    again = report(builders, "one")
    assert (again.changed, again.result[0].id) == (False, builders.messages()[-1]["id"])
    report(builders, "one", series="others")
    assert bodies(builders) == ["one", "two", "one", "one"]


def test_check_mode_predicts_a_message_of_a_series(builders: Builders) -> None:
    assert report(builders, "one", check=True).changed
    assert not (builders.state("build1") / "series.json").exists()
    report(builders, "one")
    assert [report(builders, body, check=True).changed for body in ("one", "two")] == [False, True]
    assert bodies(builders) == ["one"]


@pytest.mark.parametrize("pushed", [True, False])
def test_a_message_of_a_series_that_was_interrupted_is_sent_once(
    builders: Builders, monkeypatch: pytest.MonkeyPatch, pushed: bool
) -> None:
    """The process ends after the key was recorded, before or after the push."""
    submit = sending.submit

    def interrupted(*given: Any) -> None:
        if pushed:
            submit(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(sending, "submit", interrupted)
        report(builders, "one")
    assert report(builders, "one").changed is not pushed
    assert bodies(builders) == ["one"]


def test_the_record_of_a_series_contains_no_text(builders: Builders) -> None:
    token = "ghp_" + "a1B2" * 9
    report(builders, f"The token is {token}.", secrets="redact")
    record = (builders.state("build1") / "series.json").read_text()
    assert token not in record and list(json.loads(record)["reports"]) == ["content", "key"]
    with pytest.raises(SecretFound):
        report(builders, "three", series=token)


def test_the_name_of_a_series_is_like_a_key(builders: Builders) -> None:
    for name in ("", "two words", "x" * 201):
        with pytest.raises(InvalidInput, match=r"The key cannot be used\."):
            report(builders, "one", series=name)
    report(builders, "one", series="x" * 200)
    assert len(builders.messages()[0]["key"]) < 200
