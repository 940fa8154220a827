"""Test the record of alarms: it keeps enough of them that none hides another."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.verification import TRUE, Verifier
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail import audit_state
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.audit import audit
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.audit_state import MAX_ALARMS
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.attacker import signed
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock


@pytest.fixture
def watched(builders: Builders, now: Clock) -> Builders:
    """Two servers that trust each other. build2 watches the mailbox, and has seen messages 1 to 4 of build1 arrive."""
    builders.trust()
    put(builders)
    assert alarms(builders, now) == []
    send_messages(builders, 4)
    assert alarms(builders, now) == []
    return builders


def send_messages(builders: Builders, count: int = 1) -> list[dict[str, Any]]:
    """Send messages of build1, and return the mailbox."""
    with builders.host("build1") as host:
        for number in range(count):
            send(host, Draft(f"Hello {number}", "Hi"))
    return builders.messages()


def put(builders: Builders, *entries: dict[str, Any], path: str = MESSAGES) -> None:
    """Replace the mailbox or an archive, as anyone with push access can."""
    builders.commit(path, json.dumps({"messages": entries}).encode())


def alarms(builders: Builders, clock: Clock) -> list[str]:
    """Return the alarms of an audit in a new process of build2."""
    with builders.host("build2") as host:
        host = clock.on(host)
        return [one.text for one in host.repository.read(lambda snapshot: audit(host, snapshot, keep=True))]


def test_very_many_alarms_are_reported_for_a_day(watched: Builders, now: Clock) -> None:
    """The forgeries are still in the mailbox, and some of them exceed the maximum number of reported alarms."""
    entries = watched.messages()
    put(watched, *entries, *({**entries[0], "id": f"msg_{number}"} for number in range(3 * MAX_ALARMS)))
    assert len(alarms(watched, now)) == MAX_ALARMS
    now.move(timedelta(days=1, seconds=1).total_seconds())
    assert alarms(watched, now) == alarms(watched, now) == []
    put(watched, *watched.messages(), {**entries[0], "id": "msg_new"})
    (alarm,) = alarms(watched, now)
    assert alarm.startswith("msg_new")


def test_more_alarms_than_can_be_remembered_hide_no_deletion(
    watched: Builders, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_state, "REMEMBERED", 3)
    first, *rest = watched.messages()
    put(watched, *rest, *({**first, "id": f"f{number}"} for number in range(9)))
    assert f"{first['id']}, message 1 of build1, was deleted." in alarms(watched, now)
    put(watched, *rest, *({**first, "id": f"n{number}"} for number in range(9)))
    assert f"{first['id']}, message 1 of build1, was deleted." in alarms(watched, now)


@pytest.mark.parametrize("number", [9, 2**52, 2**53, 2**60])
def test_the_numbers_of_a_key_that_has_ended_move_nothing(watched: Builders, now: Clock, number: int) -> None:
    """Messages that it signed while it was valid are watched nevertheless."""
    fifth = send_messages(watched)[4]
    stolen = (watched.state("build1") / "signing_key").read_bytes()
    watched.trust("build1")
    kept = watched.folder / "stolen"
    kept.write_bytes(stolen)
    kept.chmod(0o600)
    now.move(5)
    record = watched.record() or {}
    ended = next(signer for signer in record["signers"] if signer["valid_until"])
    moment = datetime.strptime(ended["valid_until"], "%Y-%m-%dT%H:%M:%S%z") + timedelta(seconds=2)
    for signer in record["signers"]:
        if signer["server"] == "build1":
            name = "valid_until" if signer["valid_until"] else "valid_from"
            signer[name] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    for server in watched.ids:
        (watched.state(server) / "signers.json").write_text(json.dumps(record))
    put(watched, *watched.messages(), signed(fifth, kept, id="msg_stolen", seq=number))
    with watched.host("build2") as host:
        (verification,) = Verifier(host).verify([(watched.messages()[-1], "build1")])
    assert verification.verified == TRUE
    assert alarms(watched, now) == []
    with watched.host("build1") as host:
        assert send(now.on(host), Draft("Hello", "Hi")).result[0].seq == 6
    assert alarms(watched, now) == []
