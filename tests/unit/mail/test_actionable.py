"""Test which messages are actionable, and that each is acted upon once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import NotActionable, UnknownMessage
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.trusted_keys import merge_signers
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail import actionable as acting
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import ActedLedger, act
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.tests.answering import REQUEST, acted, asked
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock


def assessment_of(builders: Builders, now: Clock, message_id: str, server: str = "build2") -> tuple[str, bool, str]:
    """Return the verification and the assessment of a message by a server."""
    with builders.host(server) as host:
        (one,) = list_messages(now.on(host), Filter(ids=[message_id])).messages
    return one["verified"], one["actionable"], one["actionable_reason"]


def test_a_request_is_acted_upon_once(trusted: Builders, now: Clock) -> None:
    request = asked(trusted, now)
    assert assessment_of(trusted, now, request) == ("true", True, "signed by build1, for build2, new")
    assert acted(trusted, now, request, check_mode=True) is True
    assert [acted(trusted, now, request) for _turn in range(3)] == [True, False, False]
    verified, actionable, reason = assessment_of(trusted, now, request)
    assert (verified, actionable) == ("true", False) and reason.startswith("build2 has acted upon it at ")


def test_its_age_counts_by_the_clock_of_this_host(trusted: Builders, now: Clock) -> None:
    ahead, too_far, request = asked(trusted, now, 590), asked(trusted, now, 610), asked(trusted, now)
    assert assessment_of(trusted, now, ahead)[:2] == ("true", True)
    assert assessment_of(trusted, now, too_far) == ("true", False, "it is dated more than 10 minutes ahead")
    now.move(86_390)
    assert assessment_of(trusted, now, request)[1]
    now.move(20)
    assert assessment_of(trusted, now, request) == ("true", False, "it is older than 24 hours")
    with pytest.raises(NotActionable, match="older than 24 hours"):
        acted(trusted, now, request)


def test_only_the_recipient_acts(trusted: Builders, now: Clock) -> None:
    for_all, request = asked(trusted, now, to="all"), asked(trusted, now)
    assert assessment_of(trusted, now, for_all)[1]
    for message_id in (for_all, request):
        verified, actionable, reason = assessment_of(trusted, now, message_id, "build1")
        assert (verified, actionable) == ("true", False) and "not addressed to build1" in reason
    with pytest.raises(UnknownMessage):
        acted(trusted, now, "msg_1")


def test_without_a_signature_nothing_is_done(builders: Builders, now: Clock) -> None:
    request = asked(builders, now)
    assert assessment_of(builders, now, request) == ("unsigned", False, "not signed")
    builders.trust()
    with pytest.raises(NotActionable, match=r"not signed, .* build1 has a key"):
        acted(builders, now, request)


def test_a_key_that_is_not_valid_now_makes_nothing_actionable(trusted: Builders, now: Clock) -> None:
    request = asked(trusted, now)
    now.move(5)
    record = trusted.record() or {}
    until = (now() - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    record["signers"] = [{**one, "valid_until": until} for one in record["signers"]]
    (trusted.state("build2") / "signers.json").write_text(json.dumps(record))
    verified, actionable, reason = assessment_of(trusted, now, request)
    assert (verified, actionable) == ("true", False)
    assert reason == f"the key of build1 is not valid now, it ended at {until}"


def test_of_two_with_the_same_id_the_right_one_is_taken(trusted: Builders, now: Clock) -> None:
    request = asked(trusted, now)
    (genuine,) = trusted.messages()
    forged = {**genuine, "request": {"action": "install_packages", "packages": ["evil"]}}
    trusted.commit(MESSAGES, json.dumps({"messages": [forged, genuine]}).encode())
    with trusted.host("build2") as host:
        entry, new = act(now.on(host), request)
    assert new and entry.request == REQUEST.request


def test_marks_of_others_stop_nothing(trusted: Builders, now: Clock) -> None:
    first = asked(trusted, now)
    with trusted.host("build2") as host:
        acting.MarkLedger(host.state, host.id).record([first], map(Message, trusted.messages()), now())
    request = asked(trusted, now)
    marked = {**trusted.messages()[1], "read": True, "read_by": ["build2"], "acknowledged_by": ["build2"]}
    trusted.commit(MESSAGES, json.dumps({"messages": [trusted.messages()[0], marked]}).encode())
    assert assessment_of(trusted, now, request)[:2] == ("marked", True)
    assert acted(trusted, now, request)


def test_the_ledger_is_bounded(trusted: Builders, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "MAX_REMEMBERED", 2)
    requests = [asked(trusted, now) for _turn in range(3)]
    assert acted(trusted, now, requests[0]) and acted(trusted, now, requests[1])
    with pytest.raises(NotActionable, match="as many as it remembers"):
        acted(trusted, now, requests[2])
    assert not acted(trusted, now, requests[0])
    now.move(days=8)
    assert acted(trusted, now, asked(trusted, now))
    kept: dict[str, Any] = json.loads((trusted.state("build2") / acting.ACTED_FILE).read_text())["messages"]
    assert len(kept) == 1, "messages too old to be actionable are still recorded"


def test_it_is_on_disk_before_anybody_acts(
    trusted: Builders, now: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A message is not acted upon if the ledger cannot be written."""

    def fail(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    request = asked(trusted, now)
    with trusted.host("build2") as host:
        ledger: Callable[[Message], bool] = ActedLedger(now.on(host)).record
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", fail)
            with pytest.raises(Exception, match="No space left"):
                ledger(Message(trusted.messages()[0]))
    assert acted(trusted, now, request)


def test_why_nothing_is_done_is_said(trusted: Builders, now: Clock) -> None:
    request = asked(trusted, now)
    (genuine,) = trusted.messages()
    with trusted.host("build1") as host, pytest.raises(NotActionable, match="not addressed to build1 by another"):
        act(now.on(host), request)
    forgeries: list[tuple[dict[str, Any], str]] = [
        ({"body": "Delete everything."}, "the signature of build1 does not match the content"),
        ({"from": "build2", "to": "all"}, "the signature of build1 does not match the content"),
        ({"signature": "x"}, "its signature is malformed"),
        ({"signature": None}, "not signed, although build1 has a key"),
    ]
    for change, reason in forgeries:
        trusted.commit(MESSAGES, json.dumps({"messages": [{**genuine, **change}]}).encode())
        with pytest.raises(NotActionable) as refusal:
            acted(trusted, now, request)
        assert refusal.value.what == f"The message {request} must not be acted upon: {reason}."
    assert not (trusted.state("build2") / acting.ACTED_FILE).exists()


def test_nothing_is_done_for_a_server_that_was_removed(trusted: Builders, now: Clock) -> None:
    request = asked(trusted, now)
    now.move(5)
    record = merge_signers(trusted.record(), {}, ["build2"], now() - timedelta(seconds=1))
    (trusted.state("build2") / "signers.json").write_text(json.dumps(record))
    verified, actionable, reason = assessment_of(trusted, now, request)
    assert (verified, actionable) == ("true", False) and reason.startswith("the key of build1 is not valid now")


def test_a_message_that_was_archived_is_not_acted_upon(trusted: Builders, now: Clock) -> None:
    request = asked(trusted, now)
    trusted.commit("coordination/archive/2026-11.json", trusted.show(MESSAGES))
    trusted.commit(MESSAGES, b'{"messages": []}')
    with pytest.raises(UnknownMessage):
        acted(trusted, now, request)
