"""Test attacks on the mailbox as a document: deletions, symbolic links, and very large content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.ansible_runner import call, succeed
from ansible_collections.acs.builders.tests.attacker import (
    REQUEST,
    AddRow,
    Scene,
    check_good,
    past_time,
    problems,
    refusal,
    signed,
    unsigned,
    with_new_id,
)
from ansible_collections.acs.builders.tests.builders import MESSAGES, git
from ansible_collections.acs.builders.tests.measured import measure

ARCHIVE = "coordination/archive/2026-11.json"


@pytest.mark.parametrize("rest", [{}, {"signature": None, "seq": 1}])
def test_a_signature_that_was_taken_off_is_noticed(scene: Scene, rest: dict[str, Any]) -> None:
    bare = {**unsigned(scene.asked, body="Remove it."), **rest}
    scene.attacker.rewrite(lambda entries: [bare, *entries[1:]])
    assert [problem for problem in problems(scene.fleet, "build2") if scene.asked["id"] in problem]


@pytest.mark.parametrize("stub", [True, False])
def test_an_archive_hides_no_deletion(scene: Scene, stub: bool) -> None:
    """Neither an invented entry with the same number nor the unread message itself hides it."""
    invented = {"id": "x", "from": "build1", "to": "build2", "seq": scene.asked["seq"]}
    archive = json.dumps({"messages": [invented if stub else scene.asked]}).encode()
    scene.attacker.push({ARCHIVE: archive, MESSAGES: json.dumps({"messages": [scene.beside]}).encode()})
    (problem,) = [one for one in problems(scene.fleet, "build2") if scene.asked["id"] in one]
    assert "was deleted" in problem


def test_many_forgeries_hide_no_deletion(scene: Scene) -> None:
    forged = signed(with_new_id(scene.asked), scene.attacker.key)
    flood = [{**forged, "id": f"junk{number}"} for number in range(120)]
    scene.attacker.rewrite(lambda entries: [*entries[1:], *flood])
    assert any("was deleted" in problem for problem in problems(scene.fleet, "build2"))


def test_an_id_of_a_megabyte_is_not_repeated(scene: Scene) -> None:
    long = {**unsigned(with_new_id(scene.asked), timestamp=past_time(hours=3)), "id": "i" * 10**6, "from": "f" * 10**6}
    scene.attacker.put(long, {**with_new_id(scene.asked), "id": "j" * 10**6})
    succeed(scene.fleet, "build2", "build_heartbeat_fact", beat=True)
    assert len(json.dumps(scene.attacker.heartbeat("build2"))) < 10_000
    assert sum(map(len, problems(scene.fleet, "build2"))) < 10_000


def test_a_link_in_place_of_the_mailbox_ends_with_the_next_write(scene: Scene) -> None:
    clone = scene.attacker.clone
    git("fetch", "--quiet", "origin", cwd=clone)
    git("reset", "--quiet", "--hard", "origin/main", cwd=clone)
    blob = git("hash-object", "-w", MESSAGES, cwd=clone)
    git("update-index", "--cacheinfo", f"120000,{blob},{MESSAGES}", cwd=clone)
    git("commit", "--quiet", "--message", "a link", cwd=clone)
    git("push", "--quiet", "origin", "HEAD:main", cwd=clone)
    succeed(scene.fleet, "build2", state="sent", to=["build1"], subject="Hello", body="Hi")
    assert git("ls-tree", "main", MESSAGES, cwd=scene.fleet.remote).startswith("100644 ")


def documents() -> Iterator[tuple[str, bytes]]:
    """Yield mailboxes below the size limit that consist of very many small values."""
    yield "empty objects", b'{"messages": [' + b"{}, " * 7_000_000 + b"{}]}"
    yield "entries", b'{"messages": [' + b'{"to":"build2"},' * 60_000 + b"{}]}"


@pytest.mark.parametrize("data", [data for _name, data in documents()], ids=[name for name, _data in documents()])
def test_a_mailbox_of_very_many_entries_is_refused(scene: Scene, data: bytes) -> None:
    scene.attacker.push({MESSAGES: data})
    (problem,) = [one for one in problems(scene.fleet, "build2") if MESSAGES in one]
    assert "too many objects and arrays" in problem or "more than 50000 entries" in problem


SIZE = 50_000_000
HUGE = {
    "one huge body": lambda: json.dumps(
        {"messages": [{"id": "huge", "from": "build1", "to": "build2", "body": "x" * SIZE}]}
    ),
    "nested": lambda: "[" * SIZE,
    "nested objects": lambda: '{"messages":' * (SIZE // 12),
    "broken": lambda: '{"messages": [' + '{"id": "x", "to": "build2"},' * (SIZE // 28),
    "empty messages": lambda: '{"messages": [' + "{}," * (SIZE // 3) + "{}]}",
    "one huge number": lambda: '{"messages": [{"id": ' + "9" * SIZE + "}]}",
}
"""Contents of a mailbox of 50 MB."""


SECONDS, MEGABYTES = 60, 1_000
"""Limits of a module's processor time and memory for it; it needs a fraction."""


@pytest.mark.parametrize("what", HUGE)
def test_a_huge_mailbox(scene: Scene, table: AddRow, what: str) -> None:
    scene.attacker.push({MESSAGES: HUGE[what]().encode()})
    runs = [
        measure(scene.fleet, "build2"),
        measure(scene.fleet, "build2", state="acted", id="huge"),
        measure(scene.fleet, "build2", state="sent", to=["build1"], subject="Ready", body="Ready."),
        measure(scene.fleet, "build2", "build_heartbeat_fact", beat=True),
    ]
    assert max(run.seconds for run in runs) < SECONDS
    assert max(run.megabytes for run in runs) < MEGABYTES
    *refused, heartbeat = [json.loads(run.stdout) for run in runs]
    for result in refused:
        assert (result["failed"], result["reason"]) == (True, "document_damaged"), result
        assert result["msg"].startswith(f"{MESSAGES}, line 1")
        assert "larger than 32 MB" in result["msg"]
        assert len(result["msg"]) < 700
    (problem,) = heartbeat["ansible_facts"]["build_heartbeat"]["problems"]
    assert problem.startswith(f"{MESSAGES}, line 1") and "larger than 32 MB" in problem
    usage = f"{max(run.seconds for run in runs):.1f} s, {max(run.megabytes for run in runs):.0f} MB"
    table(f"50 MB mailbox, {what}", "none", f"larger than 32 MB; at most {usage}")


def test_a_repaired_mailbox_is_read_again(scene: Scene) -> None:
    good = scene.fleet.show(MESSAGES)
    scene.attacker.push({MESSAGES: b"[" * SIZE})
    scene.attacker.push({MESSAGES: good})
    check_good(scene.fleet, "build2", scene.asked["id"])
    assert problems(scene.fleet, "build2") == []


def test_a_huge_signed_field_of_a_message_is_refused(scene: Scene, table: AddRow) -> None:
    forged = {**scene.asked, "id": "huge", "body": "x" * 20_000_000}
    scene.attacker.put(forged)
    run = measure(scene.fleet, "build2", state="acted", id="huge")
    assert json.loads(run.stdout)["reason"] == "not_actionable"
    assert (run.seconds < SECONDS, run.megabytes < MEGABYTES) == (True, True)
    assert "does not match the content" in refusal(scene.fleet, "build2", "huge")
    check_good(scene.fleet, "build2", scene.beside["id"])
    table(
        "20 MB message, changed",
        "false",
        f"the signature … does not match; {run.seconds:.1f} s, {run.megabytes:.0f} MB",
    )


def test_a_deleted_message(scene: Scene, table: AddRow) -> None:
    scene.attacker.rewrite(lambda entries: entries[1:])
    expected = f"{scene.asked['id']}, message 1 of build1, was deleted."
    assert problems(scene.fleet, "build2") == [expected]
    assert problems(scene.fleet, "build3") == [expected]
    assert expected in call(scene.fleet, "build2").output
    check_good(scene.fleet, "build2", scene.beside["id"])
    table("message deleted", "none", "…, message 1 of build1, was deleted")


def test_a_message_deleted_before_anybody_looked(scene: Scene, table: AddRow) -> None:
    with scene.fleet.host("build1") as host:
        for subject in ("Never seen", "Third"):
            send(host, Draft(subject, "Please.", "request", request=REQUEST), ["build2"])
    scene.attacker.rewrite(lambda entries: [entry for entry in entries if entry["subject"] != "Never seen"])
    expected = "Message 3 of build1 never came: somebody deleted what stood before message 4."
    assert problems(scene.fleet, "build2") == [expected]
    check_good(scene.fleet, "build2", scene.fleet.messages()[-1]["id"])
    table("message deleted before anybody looked", "none", expected)
