"""Test the verification of senders: each result and its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_document import MAX_ENTRIES
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import verification
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import is_signed_by
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.verification import (
    CHECKS_FILE,
    FALSE,
    LABELS,
    MAX_REMEMBERED,
    TRUE,
    UNSIGNED,
    VERIFIED,
    Verification,
    Verifier,
    is_trusted,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import assess
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock, after_keys
from ansible_collections.acs.builders.tests.contract.memory_builders import make_memory_builders

NEVER_READ = "its signature is malformed"
UNKNOWN = "signed with an unknown key"
CHANGED = "the signature of build1 does not match the content"
NO_KEYS = "signed, but this server has no record of trusted keys (playbooks/trust.yml)"


@pytest.fixture
def clock() -> Clock:
    """A clock that is set to a time after the keys were created."""
    return after_keys()


def written(builders: Builders, clock: Clock, server: str = "build1", **changes: Any) -> dict[str, Any]:
    """Return a document that a server has signed."""
    document = {"subject": "x", "body": "y", "timestamp": utc_text(clock()), **changes}
    with builders.host(server) as host:
        return clock.on(host).signed(document)


def judged(builders: Builders, documents: Iterable[Any], claimed: str = "build1", **options: Any) -> list[Verification]:
    """Return the verifications of documents in the name of a server, by build2."""
    with builders.host("build2", **options) as host:
        return Verifier(host).verify((document, claimed) for document in documents)


def verify(builders: Builders, document: dict[str, Any], claimed: str = "build1") -> tuple[str, str]:
    """Return the result of the verification by build2, and its reason."""
    (verification,) = judged(builders, [document], claimed)
    assert (verification.signer is not None) is (verification.verified == TRUE)
    return verification.verified, verification.reason


def is_believed(builders: Builders, document: dict[str, Any]) -> bool:
    """Return whether build2 trusts that a document is from build1."""
    with builders.host("build2") as host:
        (verification,) = Verifier(host).verify([(document, "build1")])
        return is_trusted(host, "build1", verification)


def count_checks(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list that gets the documents whose signatures are checked from now on."""
    checked: list[dict[str, Any]] = []

    def count(document: dict[str, Any], key: str, namespace: str) -> bool:
        checked.append(document)
        return is_signed_by(document, key, namespace)

    monkeypatch.setattr(verification, "is_signed_by", count)
    return checked


def test_every_result_has_a_label() -> None:
    assert set(LABELS) == set(VERIFIED)


def test_document_signed_by_its_sender_is_true(trusted: Builders, clock: Clock) -> None:
    document = written(trusted, clock)
    (verification,) = judged(trusted, [document])
    assert verification[:2] == (TRUE, "signed by build1")
    assert verification.signer and (verification.signer.server, verification.signer.valid_until) == ("build1", None)
    assert is_believed(trusted, document)
    assert verify(trusted, {**document, "read": True, "read_by": ["build2"]}) == (TRUE, "signed by build1")


@pytest.mark.parametrize("signature", ["", "x", 7, 0, False, [], {}, "-----BEGIN SSH SIGNATURE-----\nAAAA\n"])
def test_a_signature_that_cannot_be_read_is_false(trusted: Builders, clock: Clock, signature: Any) -> None:
    document = {**written(trusted, clock), "signature": signature}
    assert verify(trusted, document) == (FALSE, NEVER_READ)
    assert not is_believed(trusted, document)


def test_the_signature_of_an_unknown_key_is_false(trusted: Builders, clock: Clock) -> None:
    record = (trusted.state("build2") / "signers.json").read_text()
    trusted.trust("build1")
    (trusted.state("build2") / "signers.json").write_text(record)
    assert verify(trusted, written(trusted, clock)) == (FALSE, UNKNOWN)


@pytest.mark.parametrize("change", [{"subject": "z"}, {"extra": None}, {"body": "\ud83d"}, {"seq": float("nan")}])
def test_changed_document_is_false(trusted: Builders, clock: Clock, change: dict[str, Any]) -> None:
    document = {**written(trusted, clock), **change}
    assert verify(trusted, document) == (FALSE, CHANGED)
    assert not is_believed(trusted, document)


def test_document_signed_by_another_server_is_false(trusted: Builders, clock: Clock) -> None:
    forged = written(trusted, clock, "build2")
    assert verify(trusted, forged) == (FALSE, "forged: it is signed by build2")
    assert verify(trusted, forged, "build9") == (FALSE, "forged: it is signed by build2")
    assert verify(trusted, {**forged, "subject": "z"}) == (FALSE, CHANGED.replace("build1", "build2"))
    assert not is_believed(trusted, forged)


@pytest.mark.parametrize("repository", ["f" * 32, "", None, []])
def test_signature_for_another_repository_is_false(trusted: Builders, clock: Clock, repository: Any) -> None:
    record = json.loads((trusted.state("build1") / "signers.json").read_text())
    own = record["repository"]
    with trusted.host("build1") as host:
        signer = host.signers.find(record["signers"][0]["key"])
        assert signer and signer.server == "build1"
        object.__setattr__(host.signers, "repository", repository or [repository])
        document = host.signed({"timestamp": utc_text(clock())})
    assert document["repository"] != own
    assert verify(trusted, document) == (FALSE, "build1 signed it for another repository")
    assert not is_believed(trusted, document)


def test_a_key_that_was_not_valid_at_the_time_is_false(trusted: Builders, clock: Clock) -> None:
    (signer,) = [one for one in (trusted.record() or {})["signers"] if one["server"] == "build1"]
    reason = f"build1 signed it with a key that was not valid at its time (from {signer['valid_from']}"
    document = written(trusted, clock, timestamp="2020-01-01T00:00:00Z")
    assert verify(trusted, document) == (FALSE, f"{reason})")
    assert not is_believed(trusted, document)
    for timestamp in (None, 7, "", "soon"):
        document = written(trusted, clock, timestamp=timestamp)
        assert verify(trusted, document) == (FALSE, "build1 signed it with an invalid timestamp")
        assert not is_believed(trusted, document)
    late = written(trusted, clock, timestamp="2999-01-01T00:00:00Z")
    assert verify(trusted, late)[0] == TRUE, "a timestamp in the future does not concern the key"
    end = clock() + timedelta(days=1)
    set_valid_until(trusted, until := utc_text(end))
    assert verify(trusted, late) == (FALSE, f"{reason} until {until})")
    assert verify(trusted, written(trusted, clock, timestamp=until))[0] == TRUE, "times are whole seconds"
    assert verify(trusted, written(trusted, clock, timestamp=utc_text(end + timedelta(seconds=1))))[0] == FALSE
    assert verify(trusted, written(trusted, clock))[0] == TRUE


def test_a_key_of_a_clock_that_was_ahead_signs_when_the_clock_is_right(trusted: Builders, clock: Clock) -> None:
    record = trusted.record() or {}
    for signer in record["signers"]:
        signer["valid_from"] = utc_text(clock() + timedelta(minutes=8))
    for server in trusted.ids:
        (trusted.state(server) / "signers.json").write_text(json.dumps(record))
    with trusted.host("build1") as host:
        message = send(clock.on(host), Draft("x", "y")).result[0]
    assert message.raw["timestamp"] == utc_text(clock())
    assert verify(trusted, message.raw) == (TRUE, "signed by build1")
    with trusted.host("build2") as host:
        (assessment,) = assess(clock.on(host), [message])
        assert assessment.actionable
        beat(clock.on(host))
    with trusted.host("build1") as host:
        assert read_health(clock.on(host))["servers"]["build2"]["state"] == "ok"


def set_valid_until(builders: Builders, until: str) -> None:
    """Set the end of validity of every key in the record of build2."""
    record = builders.record() or {}
    record["signers"] = [{**signer, "valid_until": until} for signer in record["signers"]]
    (builders.state("build2") / "signers.json").write_text(json.dumps(record))


def test_reason_of_unsigned_names_key_of_sender(trusted: Builders, clock: Clock) -> None:
    document = {"subject": "x", "timestamp": utc_text(clock())}
    although = (UNSIGNED, "not signed, although build1 has a key")
    assert verify(trusted, document) == although
    assert verify(trusted, {**written(trusted, clock), "signature": None}) == although
    assert verify(trusted, {}) == although
    assert verify(trusted, {"timestamp": 7}) == although
    assert not is_believed(trusted, document) and not is_believed(trusted, {})
    assert verify(trusted, document, "build9") == (UNSIGNED, "not signed")


def test_unsigned_and_dated_before_first_key(trusted: Builders, clock: Clock) -> None:
    old = {"timestamp": "2025-11-04 20:45"}
    from_before = (UNSIGNED, "not signed, and dated before build1 had a key")
    assert verify(trusted, old) == from_before
    assert not is_believed(trusted, old), "anyone can write this timestamp"
    trusted.trust("build1")
    assert verify(trusted, old) == from_before
    signer = (trusted.record() or {})["signers"][0]
    assert verify(trusted, {"timestamp": signer["valid_from"]})[1] == "not signed, although build1 has a key"


def test_signature_without_record_of_trusted_keys(trusted: Builders, clock: Clock) -> None:
    document = written(trusted, clock)
    (trusted.state("build2") / "signers.json").unlink()
    assert verify(trusted, document) == (FALSE, NO_KEYS)
    assert verify(trusted, {"signature": "x"}) == (FALSE, NO_KEYS)
    assert verify(trusted, {"timestamp": utc_text(clock())}) == (UNSIGNED, "not signed")
    assert is_believed(trusted, {}) and not is_believed(trusted, document)
    assert not (trusted.state("build2") / CHECKS_FILE).exists()


def test_signature_of_expired_key_remains_true(trusted: Builders, clock: Clock) -> None:
    document = written(trusted, clock)
    end_first_key(trusted, clock() + timedelta(seconds=5))
    (verification,) = judged(trusted, [document])
    assert verification[:2] == (TRUE, "signed by build1")
    assert verification.signer and verification.signer.valid_until
    (trusted.state("build2") / CHECKS_FILE).unlink()
    assert verify(trusted, document) == (TRUE, "signed by build1")
    clock.move(10)
    assert verify(trusted, written(trusted, clock)) == (TRUE, "signed by build1"), "signed with the new key"


def end_first_key(builders: Builders, at: datetime) -> None:
    """Rotate the key of build1, as if the new one was created at a time."""
    builders.trust("build1")
    record = builders.record() or {}
    old, new = sorted((s for s in record["signers"] if s["server"] == "build1"), key=lambda s: s["valid_until"] is None)
    old["valid_until"] = new["valid_from"] = utc_text(at)
    for server in builders.ids:
        (builders.state(server) / "signers.json").write_text(json.dumps(record))


def test_a_stolen_old_key_signs_nothing_new(trusted: Builders, clock: Clock) -> None:
    names = ("signing_key", "signers.json")
    stolen = {name: (trusted.state("build1") / name).read_bytes() for name in names}
    trusted.trust("build1")
    for name, content in stolen.items():
        (trusted.state("build1") / name).write_bytes(content)
    (trusted.state("build1") / "signing_key.pub").unlink()
    verified, reason = verify(trusted, written(trusted, clock))
    assert verified == FALSE and "a key that was not valid at its time" in reason


def test_results_are_in_order_of_documents(tmp_path: Any, clock: Clock) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "build3"))
    builders.trust("build1", "build2")
    good, forged = written(builders, clock), written(builders, clock, "build2")
    documents = [good, forged, {}, {**good, "body": "z"}, {"signature": "x"}, good]
    assert [v.verified for v in judged(builders, documents)] == [TRUE, FALSE, UNSIGNED, FALSE, FALSE, TRUE]
    assert verify(builders, {}, "build3") == (UNSIGNED, "not signed")
    assert judged(builders, []) == []


def test_signature_is_checked_once(trusted: Builders, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [written(trusted, clock, body=str(number)) for number in range(4)]
    documents += [{**documents[0], "body": "changed"}, {**documents[0], "read": True}, {}, {"signature": "x"}]
    checked = count_checks(monkeypatch)
    first = judged(trusted, documents)
    assert len(checked) == 5, "marks change the check"
    assert judged(trusted, documents) == first and len(checked) == 5
    assert [verification.verified for verification in first] == [*[TRUE] * 4, FALSE, TRUE, UNSIGNED, FALSE]
    kept = json.loads((trusted.state("build2") / CHECKS_FILE).read_text())
    assert sorted(kept.values()) == [False, *[True] * 4]
    assert all(re.fullmatch("[0-9a-f]{32}", digest) for digest in kept)


def test_saved_check_does_not_revive_expired_key(trusted: Builders, clock: Clock) -> None:
    document = written(trusted, clock)
    assert verify(trusted, document)[0] == TRUE
    set_valid_until(trusted, (trusted.record() or {})["signers"][0]["valid_from"])
    assert verify(trusted, document)[0] == FALSE


def test_only_the_newest_checks_are_kept(trusted: Builders, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "MAX_REMEMBERED", 2)
    documents = [written(trusted, clock, body=str(number)) for number in range(3)]
    assert {verification.verified for verification in judged(trusted, documents)} == {TRUE}
    assert len(json.loads((trusted.state("build2") / CHECKS_FILE).read_text())) == 2
    checked = count_checks(monkeypatch)
    assert {verification.verified for verification in judged(trusted, documents[1:])} == {TRUE} and not checked
    judged(trusted, documents)
    assert checked == documents[:1]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null", "7", "true", '"text"', "[1]", '["text"]', "\0"])
def test_damaged_file_of_checks_is_replaced(trusted: Builders, clock: Clock, content: str) -> None:
    (trusted.state("build2") / CHECKS_FILE).write_text(content)
    document = written(trusted, clock)
    assert verify(trusted, document) == (TRUE, "signed by build1")
    assert list(json.loads((trusted.state("build2") / CHECKS_FILE).read_text()).values()) == [True]


def test_unusable_file_of_checks_is_ignored(trusted: Builders, clock: Clock) -> None:
    (trusted.state("build2") / CHECKS_FILE).mkdir()
    assert verify(trusted, written(trusted, clock)) == (TRUE, "signed by build1")


def test_check_mode_and_heartbeats_save_no_checks(trusted: Builders, clock: Clock) -> None:
    document = written(trusted, clock)
    assert judged(trusted, [document], check_mode=True)[0].verified == TRUE
    with trusted.host("build2") as host:
        assert Verifier(host, remember=False).verify([(document, "build1")])[0].verified == TRUE
    assert not (trusted.state("build2") / CHECKS_FILE).exists()


class Killed(BaseException):
    """The process was killed during a verification, as by the watchdog of a service."""


def test_as_many_are_remembered_as_a_mailbox_holds() -> None:
    assert MAX_REMEMBERED > MAX_ENTRIES


def test_a_look_that_was_interrupted_goes_on_where_it_was(builders: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    builders.trust()
    with builders.host("build1") as host:
        (message,) = send(host, Draft("Hello", "Hi")).result
    forged = [({**message.raw, "body": f"{number}"}, "build1") for number in range(35)]
    monkeypatch.setattr(verification, "BATCH", 10)
    checked: list[Any] = []
    patience = 24

    def check(document: dict[str, Any], key: str, namespace: str) -> bool:
        if len(checked) >= patience:
            raise Killed
        checked.append(document)
        return is_signed_by(document, key, namespace)

    monkeypatch.setattr(verification, "is_signed_by", check)
    with builders.host("build2") as host, pytest.raises(Killed):
        Verifier(host).verify(forged)
    del checked[:]
    with builders.host("build2") as host:
        assert {verification.verified for verification in Verifier(host).verify(forged)} == {FALSE}
    assert len(checked) <= 15
