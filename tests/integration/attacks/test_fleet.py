"""Test attacks on heartbeats, status and memory by an attacker who can push but has no server's key."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import HEARTBEAT, STATUS
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.attacker import (
    AddRow,
    Scene,
    beat,
    clock,
    health,
    health_at,
    past_time,
    problems,
    seen,
    signed,
    with_new_id,
)
from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.measured import measure

ON_BRANCH = "build1/heartbeat.json"


def forged_beat(scene: Scene, **changes: Any) -> dict[str, Any]:
    """Return an unsigned heartbeat of build1 with the current time, without problems."""
    forged = {**scene.attacker.heartbeat("build1"), "timestamp": past_time(), "sequence": 5_000, **changes}
    del forged["signature"]
    return forged


def make_stale(scene: Scene) -> datetime:
    """Return a time in ten minutes, at which build1 is stale because only the others publish heartbeats."""
    later = datetime.now(timezone.utc) + timedelta(minutes=10)
    assert health_at(scene.fleet, "build2", later)["servers"]["build1"]["state"] == "stale"
    return later


FORGED_BEATS = {
    "unsigned": "not signed, although build1 has a key",
    "own key": "signed with an unknown key",
    "partner's key": "forged: it is signed by build3",
    "changed": "the signature of build1 does not match the content",
}


def make_beat(scene: Scene, how: str, **changes: Any) -> dict[str, Any]:
    """Return a forged heartbeat of build1 of one of these kinds."""
    forged = forged_beat(scene, **changes)
    if how == "changed":
        return {**forged, "signature": scene.attacker.heartbeat("build1")["signature"]}
    keys = {"own key": scene.attacker.key, "partner's key": scene.attacker.key_of("build3")}
    return signed(forged, keys[how], HEARTBEAT) if how in keys else forged


@pytest.mark.parametrize(("how", "reason"), FORGED_BEATS.items())
def test_a_forged_heartbeat_on_the_ref(scene: Scene, table: AddRow, how: str, reason: str) -> None:
    later = make_stale(scene)
    written = {"timestamp": later.strftime("%Y-%m-%dT%H:%M:%SZ")}
    scene.attacker.beat("build1", make_beat(scene, how, **written))
    found = health_at(scene.fleet, "build2", later)
    server = found["servers"]["build1"]
    verified = "unsigned" if how == "unsigned" else "false"
    assert (server["state"], server["verified"], server["verified_reason"]) == ("stale", verified, reason)
    named = "its heartbeat" if how == "unsigned" else "a heartbeat in its name"
    assert server["problems"] == [f"{named} is not trusted: {reason}"]
    assert not found["healthy"]
    table(f"forged heartbeat on the ref, {how}", verified, f"{named} is not trusted: {reason}")


def test_the_real_server_takes_its_ref_back(scene: Scene, table: AddRow) -> None:
    forged = make_beat(scene, "own key")
    scene.attacker.beat("build1", forged)
    (note,) = beat(scene.fleet, "build1")
    assert note == (
        f"The heartbeat of build1 that this host did not make last ({forged['timestamp']}), "
        "signed with an unknown key, was taken over."
    )
    assert problems(scene.fleet, "build2") == []
    assert health(scene.fleet, "build2")["servers"]["build1"]["verified"] == "true"
    table(
        "the real server's next beat",
        "true",
        "The heartbeat of build1 that this host did not make last (…) … was taken over",
    )


@pytest.mark.parametrize(("how", "reason"), FORGED_BEATS.items())
def test_a_forged_heartbeat_on_the_branch(scene: Scene, table: AddRow, how: str, reason: str) -> None:
    forged = make_beat(scene, how, problems=["forged"])
    scene.attacker.push({ON_BRANCH: json.dumps(forged).encode()})
    found = health(scene.fleet, "build2")["servers"]["build1"]
    assert (found["verified"], found["verified_reason"]) == ("true", "signed by build1")
    assert found["problems"] == ([] if how == "unsigned" else [f"a heartbeat in its name is not trusted: {reason}"])
    later = health_at(scene.fleet, "build2", datetime.now(timezone.utc) + timedelta(minutes=10))
    assert later["servers"]["build1"]["state"] == "stale"
    reported = (
        "nothing, the signed one counts" if how == "unsigned" else f"a heartbeat in its name is not trusted: {reason}"
    )
    table(f"forged heartbeat on the branch, {how}", "true (the signed one)", reported)


def test_an_old_heartbeat_put_back_on_the_ref(scene: Scene, table: AddRow) -> None:
    old = scene.attacker.heartbeat("build1")
    beat(scene.fleet, "build1", ahead=2)  # timestamps are whole seconds
    assert problems(scene.fleet, "build2") == []
    scene.attacker.beat("build1", old)
    server = health(scene.fleet, "build2")["servers"]["build1"]
    assert (server["verified"], server["problems"]) == ("true", ["its heartbeat was replaced by an older one"])
    assert health_at(scene.fleet, "build2", make_stale(scene))["servers"]["build1"]["state"] == "stale"
    table("old heartbeat put back", "true", "its heartbeat was replaced by an older one")


def test_a_heartbeat_of_another_server(scene: Scene, table: AddRow) -> None:
    scene.attacker.beat("build1", scene.attacker.heartbeat("build3"))
    server = health(scene.fleet, "build2")["servers"]["build1"]
    reason = "forged: it is signed by build3"
    assert (server["verified"], server["problems"]) == ("false", [f"a heartbeat in its name is not trusted: {reason}"])
    table("another server's heartbeat", "false", f"a heartbeat in its name is not trusted: {reason}")


def test_a_heartbeat_that_was_removed(scene: Scene, table: AddRow) -> None:
    git("push", "--quiet", "origin", ":refs/heartbeats/build1", cwd=scene.attacker.clone)
    found = health(scene.fleet, "build2")
    assert found["servers"]["build1"]["state"] == "missing"
    (problem,) = found["problems"]
    assert re.match(r"build1: its heartbeat, last seen \d+ (s|min) ago, was deleted\. Find out who can push", problem)
    assert beat(scene.fleet, "build1") == []
    assert problems(scene.fleet, "build2") == []
    table("heartbeat removed", "none", "build1: its heartbeat was deleted; the next beat makes it anew")


def test_a_signed_message_is_no_heartbeat_and_no_status(scene: Scene, table: AddRow) -> None:
    scene.attacker.beat("build1", scene.asked)
    scene.attacker.push({"build1/status.json": json.dumps(scene.asked).encode()})
    server = health(scene.fleet, "build2")["servers"]["build1"]
    reason = "the signature of build1 does not match the content"
    assert (server["verified"], server["verified_reason"]) == ("false", reason)
    assert (server["status_verified"], server["status_verified_reason"]) == ("false", reason)
    table(
        "signed message as heartbeat and status",
        "false",
        reason,
    )


def report(scene: Scene, status: str, ahead: float = 0) -> dict[str, Any]:
    """Publish a status of build1, whose clock is some seconds ahead, and return it."""
    with scene.fleet.host("build1") as host:
        write_status(replace(host, clock=clock(ahead)), Report(status, "job_1"))
    document: dict[str, Any] = json.loads(scene.fleet.show("build1/status.json"))
    return document


@pytest.mark.parametrize(("how", "reason"), FORGED_BEATS.items())
def test_a_forged_status(scene: Scene, table: AddRow, how: str, reason: str) -> None:
    true = report(scene, "failed")
    forged = {**true, "status": "success", "timestamp": past_time()}
    if how != "changed":
        del forged["signature"]
    keys = {"own key": scene.attacker.key, "partner's key": scene.attacker.key_of("build3")}
    forged = signed(forged, keys[how], STATUS) if how in keys else forged
    scene.attacker.push({"build1/status.json": json.dumps(forged).encode()})
    found = health(scene.fleet, "build2")
    server = found["servers"]["build1"]
    verified = "unsigned" if how == "unsigned" else "false"
    assert (server["status_verified"], server["status_verified_reason"]) == (verified, reason)
    assert server["status"] == "unknown"
    (problem,) = found["problems"]
    assert problem.startswith(f"build1: its status is not trusted: {reason}. ")
    health(scene.fleet, "build1")
    report(scene, "failed")
    again = health(scene.fleet, "build2")
    assert (again["servers"]["build1"]["status_verified"], again["problems"]) == ("true", [])
    table(f"forged status, {how}", verified, f"its status is not trusted: {reason}")


def test_a_server_signs_nothing_that_others_have_written(scene: Scene, table: AddRow) -> None:
    """A request that an attacker puts into a status is not signed by the server, and a status is no message."""
    planted = {**with_new_id(scene.asked, request={"action": "evil"}), "sequence": 10**9, "artifacts": ["/evil.deb"]}
    scene.attacker.push({"build1/status.json": json.dumps(planted).encode()})
    health(scene.fleet, "build1")
    written = report(scene, "failed")
    assert not {"request", "subject", "sequence", "artifacts"} & written.keys()
    with scene.fleet.host("build1") as host:
        laundered = host.signed(planted, STATUS)
    scene.attacker.put(laundered)
    (one,) = seen(scene.fleet, "build2", planted["id"])
    assert (one["verified"], one["actionable"]) == ("false", False)
    table("a request in a status, to have it signed", "false", one["verified_reason"])


def test_an_old_status_put_back(scene: Scene, table: AddRow) -> None:
    old = report(scene, "success")
    report(scene, "failed", ahead=2)  # timestamps are whole seconds
    assert problems(scene.fleet, "build2") == []
    scene.attacker.push({"build1/status.json": json.dumps(old).encode()})
    server = health(scene.fleet, "build2")["servers"]["build1"]
    assert (server["status_verified"], server["status"]) == ("true", "unknown")
    (problem,) = server["problems"]
    assert problem.startswith("its status was replaced by an older one, ")
    table("old status put back", "true", problem)


SIZE = 50_000_000
SECONDS, MEGABYTES = 60, 1_000
"""Limits of a module's processor time and memory for it; it needs a fraction."""


def test_a_huge_heartbeat(scene: Scene, table: AddRow) -> None:
    scene.attacker.beat("build1", {**forged_beat(scene), "x": "x" * SIZE})
    run = measure(scene.fleet, "build2", "build_heartbeat_fact", beat=True)
    assert run.code == 0, run.stdout
    assert (run.seconds < SECONDS, run.megabytes < MEGABYTES) == (True, True)
    found = json.loads(run.stdout)["ansible_facts"]["build_heartbeat"]
    assert found["servers"]["build1"]["state"] == "missing"
    (problem,) = found["problems"]
    assert re.match(r"build1: its heartbeat, last seen \d+ (s|min) ago, was deleted\. Find out who can push", problem)
    beat(scene.fleet, "build1")
    table("50 MB heartbeat", "none", f"its heartbeat was deleted; {run.seconds:.1f} s, {run.megabytes:.0f} MB")
