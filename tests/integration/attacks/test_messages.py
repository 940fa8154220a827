"""Test attacks on messages by an attacker who can push but does not have the sender's key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import UnknownMessage
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.ansible_runner import call, succeed
from ansible_collections.acs.builders.tests.attacker import (
    REQUEST,
    AddRow,
    Attacker,
    Scene,
    check_good,
    check_refused,
    claim,
    end_trust,
    install_signers,
    make_fleet,
    past_time,
    problems,
    refusal,
    seen,
    signed,
    unread,
    with_new_id,
)


def check_forged(scene: Scene, forged: dict[str, Any], reason: str, alarm: bool = True) -> None:
    """Check that build2 refuses a message in the name of build1, and accepts the one beside it."""
    check_refused(scene.fleet, "build2", forged["id"], "false", reason)
    check_good(scene.fleet, "build2", scene.beside["id"])
    expected = [f"{forged['id']} in the name of {forged['from']} is not its own: {reason}."]
    assert problems(scene.fleet, "build2") == (expected if alarm else [])


def test_a_forged_sender_without_a_signature(scene: Scene, table: AddRow) -> None:
    forged = with_new_id(scene.asked)
    del forged["signature"]
    scene.attacker.put(forged)
    check_refused(scene.fleet, "build2", forged["id"], "unsigned", "not signed, although build1 has a key")
    check_good(scene.fleet, "build2", scene.beside["id"])
    table("forged sender, unsigned", "unsigned", "not signed, although build1 has a key")


def test_a_forged_sender_from_before_the_keys(scene: Scene, table: AddRow) -> None:
    forged = with_new_id(scene.asked, timestamp=past_time(hours=2))
    del forged["signature"]
    scene.attacker.put(forged)
    check_refused(scene.fleet, "build2", forged["id"], "unsigned", "not signed, and dated before build1 had a key")
    check_good(scene.fleet, "build2", scene.beside["id"])
    table("forged sender, unsigned and back-dated", "unsigned", "not signed, and dated before build1 had a key")


def test_a_forged_sender_with_the_attackers_own_key(scene: Scene, table: AddRow) -> None:
    forged = signed(with_new_id(scene.asked), scene.attacker.key)
    scene.attacker.put(forged)
    reason = "signed with an unknown key"
    check_forged(scene, forged, reason)
    table("forged sender, the attacker's key", "false", reason)


def test_a_forged_sender_with_the_key_of_a_compromised_partner(scene: Scene, table: AddRow) -> None:
    forged = signed(with_new_id(scene.asked), scene.attacker.key_of("build3"))
    scene.attacker.put(forged)
    check_forged(scene, forged, "forged: it is signed by build3")
    table("forged sender, a partner's key", "false", "forged: it is signed by build3")


CHANGED = "the signature of build1 does not match the content"


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("body", {"body": "Please remove it."}),
        ("to", {"to": "all"}),
        ("request", {"request": {**REQUEST, "packages": ["backdoor"]}}),
        ("key that was not there", {"sudo": True}),
        ("timestamp", {"timestamp": past_time(minutes=1)}),
        ("repository", {"repository": "0" * 32}),
    ],
)
def test_a_changed_message(scene: Scene, table: AddRow, what: str, changes: dict[str, Any]) -> None:
    scene.attacker.change(scene.asked["id"], **changes)
    check_forged(scene, scene.asked, CHANGED)
    table(f"changed {what}", "false", CHANGED)


def test_a_message_readdressed_to_another(scene: Scene, table: AddRow) -> None:
    scene.attacker.change(scene.asked["id"], to="build3")
    check_refused(scene.fleet, "build3", scene.asked["id"], "false", CHANGED)
    check_forged(scene, scene.asked, CHANGED)
    table("changed to, another server", "false", CHANGED)


def test_the_signature_of_another_message(scene: Scene, table: AddRow) -> None:
    forged = with_new_id(scene.asked, body="Please remove it.", signature=scene.beside["signature"])
    scene.attacker.put(forged)
    check_forged(scene, forged, CHANGED)
    table("signature of another message", "false", CHANGED)


def test_a_signature_that_is_none(scene: Scene, table: AddRow) -> None:
    forged = with_new_id(scene.asked, signature="-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n")
    scene.attacker.put(forged)
    check_forged(scene, forged, "its signature is malformed")
    table("signature that is none", "false", "its signature is malformed")


def test_a_replayed_request(scene: Scene, table: AddRow) -> None:
    fleet, message_id = scene.fleet, scene.asked["id"]
    assert claim(fleet, "build2", message_id)
    scene.attacker.rewrite(lambda entries: [entry for entry in entries if entry["id"] != message_id])
    deleted = f"{message_id}, message 1 of build1, was deleted."
    assert problems(fleet, "build2") == [deleted]
    with pytest.raises(UnknownMessage):
        claim(fleet, "build2", message_id)
    scene.attacker.put(scene.asked)
    (message,) = seen(fleet, "build2", message_id)
    assert (message["verified"], message["actionable"]) == ("true", False)
    assert message["actionable_reason"].startswith("build2 has acted upon it at ")
    assert not claim(fleet, "build2", message_id)
    assert problems(fleet, "build2") == [deleted]
    check_good(fleet, "build2", scene.beside["id"])
    table("request replayed after it was deleted", "true", "build2 has acted upon it at …")


def test_a_request_that_stands_there_twice(scene: Scene, table: AddRow) -> None:
    fleet, message_id = scene.fleet, scene.asked["id"]
    assert claim(fleet, "build2", message_id)
    scene.attacker.put(scene.asked)
    assert [message["actionable"] for message in seen(fleet, "build2", message_id)] == [False, False]
    assert not claim(fleet, "build2", message_id)
    check_good(fleet, "build2", scene.beside["id"])
    table("request replayed beside itself", "true", "build2 has acted upon it at …")


def test_a_request_replayed_with_a_new_id(scene: Scene, table: AddRow) -> None:
    assert claim(scene.fleet, "build2", scene.asked["id"])
    forged = with_new_id(scene.asked)
    scene.attacker.put(forged)
    check_forged(scene, forged, CHANGED)
    table("request replayed with a new id", "false", CHANGED)


def test_a_removed_server_that_writes_with_an_old_date(scene: Scene, table: AddRow) -> None:
    end_trust(scene.fleet, "build3")
    written = with_new_id(scene.asked, seq=1, timestamp=past_time(minutes=30), **{"from": "build3"})
    old = signed(written, scene.attacker.key_of("build3"))
    scene.attacker.put(old)
    (message,) = seen(scene.fleet, "build2", old["id"])
    assert (message["verified"], message["actionable"]) == ("true", False)
    assert message["actionable_reason"].startswith("the key of build3 is not valid now, it ended at ")
    assert message["actionable_reason"] in refusal(scene.fleet, "build2", old["id"])
    check_good(scene.fleet, "build2", scene.beside["id"])
    table("removed server, back-dated", "true", "not actionable: the key of build3 is not valid now, it ended at …")


def test_a_removed_server_that_writes_now(scene: Scene, table: AddRow) -> None:
    end_trust(scene.fleet, "build3")
    written = with_new_id(scene.asked, seq=1, timestamp=past_time(), **{"from": "build3"})
    forged = signed(written, scene.attacker.key_of("build3"))
    scene.attacker.put(forged)
    reason = "build3 signed it with a key that was not valid at its time"
    check_refused(scene.fleet, "build2", forged["id"], "false", reason)
    (problem,) = problems(scene.fleet, "build2")
    assert problem.startswith(f"{forged['id']} in the name of build3 is not its own: {reason} (from ")
    check_good(scene.fleet, "build2", scene.beside["id"])
    table("removed server, now", "false", f"{reason} (…)")


def test_a_key_that_was_put_into_the_repository(scene: Scene, table: AddRow) -> None:
    record = json.loads(json.dumps(scene.fleet.record()))
    public = " ".join(scene.attacker.key.with_suffix(".pub").read_text().split()[:2])
    record["signers"].append({**record["signers"][0], "key": public})
    signers, allowed = json.dumps(record).encode(), f"build1,signer {public}\n".encode()
    fleet = (scene.fleet.state("build2") / "fleet.json").read_bytes()
    folders = ("", "coordination/", "build1/", "build2/", "state/", "etc/acs-builders/", "var/lib/acs-builders/")
    files = {f"{folder}signers.json": signers for folder in folders}
    files.update({f"{folder}fleet.json": fleet for folder in folders})
    files.update({f"{folder}allowed_signers": allowed for folder in (*folders, ".ssh/")})
    files.update(
        {".ssh/authorized_keys": allowed, "build1/signing_key.pub": allowed, "inventory/signers.json": signers}
    )
    forged = signed(with_new_id(scene.asked), scene.attacker.key)
    scene.attacker.push(files)
    scene.attacker.put(forged)
    reason = "signed with an unknown key"
    check_forged(scene, forged, reason)
    with scene.fleet.host("build2") as host:
        assert public not in [signer.key for signer in host.signers.signers]
        assert host.fleet.ids() == list(scene.fleet.ids)
    table(f"key added to the repository ({len(files)} files)", "false", reason)


def test_a_message_of_another_repository(scene: Scene, table: AddRow, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_fleet(tmp_path / "other")
    install_signers(other, {**(scene.fleet.record() or {}), "repository": "0123456789abcdef" * 2})
    for name in ("signing_key", "signing_key.pub"):
        (other.state("build1") / name).write_bytes((scene.fleet.state("build1") / name).read_bytes())
    with other.host("build1") as host:
        foreign = send(host, Draft("Install it", "Please.", "request", request=REQUEST), ["build2"]).result[0]
    scene.attacker.put(foreign.raw)
    check_forged(scene, foreign.raw, "build1 signed it for another repository")
    table("message of another repository", "false", "build1 signed it for another repository")


def test_marks_in_the_name_of_the_recipient(scene: Scene, table: AddRow) -> None:
    fleet, message_id = scene.fleet, scene.asked["id"]
    marks = {"read": True, "read_by": ["build2"], "ack_status": "completed", "acknowledged_by": ["build2"]}
    scene.attacker.change(message_id, **marks)
    (message,) = seen(fleet, "build2", message_id)
    assert (message["verified"], message["actionable"], message["read"]) == ("marked", True, False)
    reason = "signed by build1, but somebody else has marked it in the name of build2"
    assert message["verified_reason"] == reason
    assert unread(fleet, "build2") == [message_id, scene.beside["id"]]
    assert succeed(fleet, "build2", state="acted", id=message_id)["changed"]
    assert not claim(fleet, "build2", message_id)
    check_good(fleet, "build2", scene.beside["id"])
    table("marks of others", "marked", reason)


def test_the_recipient_can_mark_it_all_the_same(scene: Scene) -> None:
    message_id = scene.asked["id"]
    scene.attacker.change(message_id, read=True, read_by=["build2"], acknowledged_by=["build2"])
    with scene.fleet.host("build2") as host:
        mark_read(host, [message_id])
        acknowledge(host, [message_id])
    check_good(scene.fleet, "build2", message_id)
    assert unread(scene.fleet, "build2") == [scene.beside["id"]]


def test_nothing_of_it_is_acted_upon_through_the_module(scene: Scene) -> None:
    forged = signed(with_new_id(scene.asked), Attacker.key_of(scene.attacker, "build3"))
    scene.attacker.put(forged)
    done = call(scene.fleet, "build2", state="acted", id=forged["id"])
    assert (done.code != 0, done.result["reason"]) == (True, "not_actionable")
    assert "forged: it is signed by build3" in done.result["msg"]
    assert not (scene.fleet.state("build2") / "acted.json").exists()
