"""Attacks that once worked: on the signs of life, on answers and keys, and on the alarms."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import NoAnswer
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import HEARTBEAT
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import wait_for_answer
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply
from ansible_collections.acs.builders.tests.ansible_runner import succeed
from ansible_collections.acs.builders.tests.attacker import (
    REQUEST,
    Scene,
    ago,
    anew,
    beat,
    health_at,
    make_scene,
    problems,
    signed,
)
from ansible_collections.acs.builders.tests.builders import MESSAGES, git

ARCHIVE = "coordination/archive/2026-11.json"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Servers that trust each other, two requests from build1 to build2, and an attacker."""
    return make_scene(tmp_path)


def unsigned(entry: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An entry with changes, without its signature and number."""
    return {name: value for name, value in {**entry, **changes}.items() if name not in ("signature", "seq")}


def looks(scene: Scene, beats: list[dict[str, Any]]) -> dict[str, Any]:
    """Have the attacker put in heartbeats of build1, 90 s apart, and return what build2 thinks of build1 in the end."""
    start = datetime.now(timezone.utc)
    seen: dict[str, Any] = {}
    for place, forged in enumerate(beats, start=1):
        scene.attacker.beat("build1", forged)
        seen = health_at(scene.fleet, "build2", start + timedelta(seconds=90 * place))["servers"]["build1"]
    return seen


def waits(scene: Scene) -> None:
    """Check that build1 still waits for the answer to its request."""
    with scene.fleet.host("build1") as host, pytest.raises(NoAnswer):
        wait_for_answer(host, scene.asked["id"], 0.1, 0.1)


def test_unsigned_heartbeats_from_before_the_keys_are_no_sign_of_life(scene: Scene) -> None:
    forged = unsigned(scene.attacker.heartbeat("build1"), timestamp=ago(hours=2))
    seen = looks(scene, [{**forged, "sequence": 10**6 + number} for number in range(7)])
    assert seen["state"] == "stale" and "not trusted" in seen["problems"][0]


def test_heartbeats_of_a_key_that_was_rotated_are_no_sign_of_life(scene: Scene) -> None:
    stolen = scene.fleet.folder / "stolen"
    shutil.copy(scene.attacker.key_of("build1"), stolen)
    scene.fleet.trust("build1")
    beat(scene.fleet, "build1", ahead=2)  # times are whole seconds
    assert problems(scene.fleet, "build2") == []
    old = {**scene.attacker.heartbeat("build1"), "timestamp": ago(minutes=1)}
    seen = looks(scene, [signed(old, stolen, HEARTBEAT, sequence=10**6 + number) for number in range(7)])
    assert seen["state"] == "stale" and seen["problems"]


def test_heartbeats_that_are_replayed_in_their_order_are_no_sign_of_life(scene: Scene) -> None:
    kept = []
    for turn in range(7):
        beat(scene.fleet, "build1", ahead=2 * turn)  # times are whole seconds
        kept.append(scene.attacker.heartbeat("build1"))
    assert problems(scene.fleet, "build2") == []
    git("push", "--quiet", "origin", ":refs/heartbeats/build1", cwd=scene.attacker.clone)
    assert problems(scene.fleet, "build2") != []
    seen = looks(scene, kept[:-1])
    assert seen["state"] == "stale" and seen["problems"] == ["its heartbeat was replaced by an older one"]


def test_an_own_heartbeat_that_is_replayed_is_no_second_host(scene: Scene) -> None:
    old = scene.attacker.heartbeat("build1")
    beat(scene.fleet, "build1")
    scene.attacker.beat("build1", {**old})
    assert all("Duplicate" not in note for note in beat(scene.fleet, "build1"))


def test_a_forged_answer_or_acknowledgement_ends_no_wait(scene: Scene) -> None:
    answer = unsigned(anew(scene.asked), to="build1", in_reply_to=scene.asked["id"], timestamp=ago(hours=2))
    scene.attacker.put({**answer, "from": "build2"})
    waits(scene)
    later = health_at(scene.fleet, "build1", datetime.now(timezone.utc) + timedelta(hours=2))
    assert scene.asked["id"] in [one["id"] for one in later["messages"]["overdue_requests"]]
    scene.attacker.change(scene.asked["id"], acknowledged_by=["nobody"])
    waits(scene)


@pytest.mark.parametrize("body", ["Please.", "Something else."])
def test_a_key_that_others_have_used_in_a_servers_name_is_free(scene: Scene, body: str) -> None:
    scene.attacker.put(unsigned(anew(scene.asked), key="install-1", subject="Keyed", body=body))
    draft = {"type": "request", "subject": "Keyed", "body": "Please.", "request": REQUEST, "key": "install-1"}
    sent = succeed(scene.fleet, "build1", state="sent", to=["build2"], **draft)
    assert sent["changed"] and sent["message"]["verified"] == "true"
    assert not succeed(scene.fleet, "build1", state="sent", to=["build2"], **draft)["changed"]


def test_an_answer_goes_to_who_has_asked(scene: Scene) -> None:
    forged = unsigned(scene.asked, **{"from": "build3"})
    scene.attacker.rewrite(lambda entries: [forged, *entries])
    with scene.fleet.host("build2") as host:
        assert reply(host, scene.asked["id"], Draft("", "Done.")).result[0]["to"] == "build1"


@pytest.mark.parametrize("rest", [{}, {"signature": None, "seq": 1}])
def test_a_signature_that_was_taken_off_is_noticed(scene: Scene, rest: dict[str, Any]) -> None:
    bare = {**unsigned(scene.asked, body="Remove it."), **rest}
    scene.attacker.rewrite(lambda entries: [bare, *entries[1:]])
    assert [problem for problem in problems(scene.fleet, "build2") if scene.asked["id"] in problem]


@pytest.mark.parametrize("stub", [True, False])
def test_an_archive_hides_no_deletion(scene: Scene, stub: bool) -> None:
    """Neither a made up entry with its number, nor the message itself that nobody has read."""
    made_up = {"id": "x", "from": "build1", "to": "build2", "seq": scene.asked["seq"]}
    archive = json.dumps({"messages": [made_up if stub else scene.asked]}).encode()
    scene.attacker.push({ARCHIVE: archive, MESSAGES: json.dumps({"messages": [scene.beside]}).encode()})
    (problem,) = [one for one in problems(scene.fleet, "build2") if scene.asked["id"] in one]
    assert "was deleted" in problem


def test_many_forgeries_hide_no_deletion(scene: Scene) -> None:
    forged = signed(anew(scene.asked), scene.attacker.key)
    flood = [{**forged, "id": f"junk{number}"} for number in range(120)]
    scene.attacker.rewrite(lambda entries: [*entries[1:], *flood])
    assert any("was deleted" in problem for problem in problems(scene.fleet, "build2"))


def test_an_id_of_a_megabyte_is_not_repeated(scene: Scene) -> None:
    long = {**unsigned(anew(scene.asked), timestamp=ago(hours=3)), "id": "i" * 10**6, "from": "f" * 10**6}
    scene.attacker.put(long, {**anew(scene.asked), "id": "j" * 10**6})
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
    """Mailboxes of less than the largest size, made of very much that is very small."""
    yield "empty objects", b'{"messages": [' + b"{}, " * 7_000_000 + b"{}]}"
    yield "entries", b'{"messages": [' + b'{"to":"build2"},' * 60_000 + b"{}]}"


@pytest.mark.parametrize("data", [data for _name, data in documents()], ids=[name for name, _data in documents()])
def test_a_mailbox_of_very_many_entries_is_refused(scene: Scene, data: bytes) -> None:
    scene.attacker.push({MESSAGES: data})
    (problem,) = [one for one in problems(scene.fleet, "build2") if MESSAGES in one]
    assert "than any document has" in problem or "more than 50000 entries" in problem
