"""Test attacks on the refs of heartbeats, and heartbeats and statuses with dates in the future."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import GitFailed
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import HEARTBEAT
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.attacker import (
    Scene,
    beat,
    health_at,
    install_signers,
    past_time,
    problems,
    signed,
    unsigned,
)
from ansible_collections.acs.builders.tests.builders import git

REF = "refs/heartbeats/build1"


def push(scene: Scene, *refspecs: str) -> None:
    """Push refspecs as the attacker, with --force."""
    git("push", "--quiet", "--force", "origin", *refspecs, cwd=scene.attacker.clone)


def make_object(scene: Scene, kind: str) -> str:
    """Create an object that is no commit in the attacker's clone, and return its name."""
    clone = scene.attacker.clone
    if kind == "blob":
        return git("hash-object", "-w", "HEAD", cwd=clone / ".git")
    if kind == "tree":
        return git("rev-parse", "HEAD^{tree}", cwd=clone)
    git("tag", "--annotate", "--message", "x", "junk", cwd=clone)
    return git("rev-parse", "junk", cwd=clone)


def check_repaired(scene: Scene, note: str) -> None:
    """Check that the other heartbeats are not affected, and that build1 repairs its ref with a note."""
    assert beat(scene.fleet, "build2") == [] == beat(scene.fleet, "build3")
    (problem,) = problems(scene.fleet, "build3")
    assert problem.startswith("build1: ")
    assert any(note in line for line in beat(scene.fleet, "build1"))
    assert beat(scene.fleet, "build1") == []
    assert [problems(scene.fleet, server) for server in scene.fleet.ids] == [[]] * 3


@pytest.mark.parametrize("kind", ["blob", "tree", "tag"])
def test_an_object_that_is_no_commit_on_the_ref_is_replaced(scene: Scene, kind: str) -> None:
    push(scene, f"{make_object(scene, kind)}:{REF}")
    check_repaired(scene, f"{REF}, which was no heartbeat, was taken over.")


@pytest.mark.parametrize("names", [("x",), ("x", "y/z"), tuple(f"deep/{number}" for number in range(500))])
def test_refs_below_that_of_a_server_are_removed(scene: Scene, names: tuple[str, ...]) -> None:
    junk = make_object(scene, "blob")
    push(scene, f":{REF}")
    push(scene, *(f"{junk}:{REF}/{name}" for name in names))
    check_repaired(scene, f"Refs below {REF}, which kept build1 from beating, were removed.")


def test_refs_that_cannot_be_removed_are_named(scene: Scene) -> None:
    push(scene, f":{REF}")
    push(scene, f"HEAD:{REF}/x")
    hook = scene.fleet.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nif cut -d ' ' -f 2 | grep -q '^0*$'; then echo no deletions; exit 1; fi\n")
    hook.chmod(0o755)
    with pytest.raises(GitFailed, match=f"Refs below {REF} keep build1 from beating, and cannot be removed"):
        beat(scene.fleet, "build1")
    assert beat(scene.fleet, "build2") == []


def ahead(**future: float) -> datetime:
    """Return a time in the future."""
    return datetime.now(timezone.utc) + timedelta(**future)


def test_a_heartbeat_that_is_dated_far_ahead_is_no_sign_of_life(scene: Scene) -> None:
    with scene.fleet.host("build1") as host:
        early = replace(host, clock=lambda: ahead(days=30))
        publish_heartbeat(early, compose_heartbeat(early, [], 60, "1.0.0"))
    for moment in (ahead(), ahead(hours=3)):
        server = health_at(scene.fleet, "build2", moment)["servers"]["build1"]
        assert "dated more than 10 minutes ahead of the clock of this host" in server["problems"][0]
    assert server["state"] == "stale"
    assert health_at(scene.fleet, "build2", ahead(days=30))["servers"]["build1"]["state"] == "ok"


def test_a_clock_that_is_a_little_ahead_is_no_matter(scene: Scene) -> None:
    with scene.fleet.host("build1") as host:
        early = replace(host, clock=lambda: ahead(minutes=9))
        publish_heartbeat(early, compose_heartbeat(early, [], 60, "1.0.0"))
        write_status(early, Report("idle"))
    assert problems(scene.fleet, "build2") == []


def test_a_status_that_is_dated_far_ahead_keeps_no_later_one_out(scene: Scene) -> None:
    with scene.fleet.host("build1") as host:
        write_status(replace(host, clock=lambda: ahead(days=30)), Report("building", "job_1"))
    server = health_at(scene.fleet, "build2", ahead())["servers"]["build1"]
    assert server["status"] == "unknown" and "is in the future" in server["problems"][0]
    with scene.fleet.host("build1") as host:
        write_status(host, Report("success"))
    server = health_at(scene.fleet, "build2", ahead())["servers"]["build1"]
    assert (server["status"], server["problems"]) == ("success", [])
    (scene.fleet.state("build2") / "statuses.json").write_text(f'{{"build1": "{utc_text(ahead(days=30))}"}}')
    server = health_at(scene.fleet, "build2", ahead())["servers"]["build1"]
    assert (server["status"], server["problems"]) == ("success", []), "despite the later time recorded before"


def test_a_key_that_is_not_valid_yet_is_not_called_ended(scene: Scene) -> None:
    record = scene.fleet.record() or {}
    build1 = next(signer for signer in record["signers"] if signer["server"] == "build1")
    build1["valid_from"] = utc_text(ahead(minutes=15))
    install_signers(scene.fleet, record)
    document = {**scene.attacker.heartbeat("build1"), "timestamp": utc_text(ahead(minutes=16))}
    scene.attacker.beat("build1", signed(document, scene.attacker.key_of("build1"), HEARTBEAT))
    (problem,) = [one for one in problems(scene.fleet, "build2") if one.startswith("build1: ")]
    assert "with a key that is not valid now" in problem and "ended" not in problem


def state_after(scene: Scene, beats: list[dict[str, Any]]) -> dict[str, Any]:
    """Push heartbeats of build1 as the attacker, 90 s apart, and return how build2 then sees build1."""
    start = datetime.now(timezone.utc)
    seen: dict[str, Any] = {}
    for place, forged in enumerate(beats, start=1):
        scene.attacker.beat("build1", forged)
        seen = health_at(scene.fleet, "build2", start + timedelta(seconds=90 * place))["servers"]["build1"]
    return seen


def test_unsigned_heartbeats_from_before_the_keys_are_no_sign_of_life(scene: Scene) -> None:
    forged = unsigned(scene.attacker.heartbeat("build1"), timestamp=past_time(hours=2))
    seen = state_after(scene, [{**forged, "sequence": 10**6 + number} for number in range(7)])
    assert seen["state"] == "stale" and "not trusted" in seen["problems"][0]


def test_heartbeats_of_a_key_that_was_rotated_are_no_sign_of_life(scene: Scene) -> None:
    stolen = scene.fleet.folder / "stolen"
    shutil.copy(scene.attacker.key_of("build1"), stolen)
    scene.fleet.trust("build1")
    beat(scene.fleet, "build1", ahead=2)  # times are whole seconds
    assert problems(scene.fleet, "build2") == []
    old = {**scene.attacker.heartbeat("build1"), "timestamp": past_time(minutes=1)}
    seen = state_after(scene, [signed(old, stolen, HEARTBEAT, sequence=10**6 + number) for number in range(7)])
    assert seen["state"] == "stale" and seen["problems"]


def test_heartbeats_that_are_replayed_in_their_order_are_no_sign_of_life(scene: Scene) -> None:
    kept = []
    for turn in range(7):
        beat(scene.fleet, "build1", ahead=2 * turn)  # times are whole seconds
        kept.append(scene.attacker.heartbeat("build1"))
    assert problems(scene.fleet, "build2") == []
    git("push", "--quiet", "origin", ":refs/heartbeats/build1", cwd=scene.attacker.clone)
    assert problems(scene.fleet, "build2") != []
    seen = state_after(scene, kept[:-1])
    assert seen["state"] == "stale" and seen["problems"] == ["its heartbeat was replaced by an older one"]


def test_an_own_heartbeat_that_is_replayed_is_no_second_host(scene: Scene) -> None:
    old = scene.attacker.heartbeat("build1")
    beat(scene.fleet, "build1")
    scene.attacker.beat("build1", {**old})
    assert all("Duplicate" not in note for note in beat(scene.fleet, "build1"))
