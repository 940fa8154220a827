"""Test heartbeats."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import DuplicateIdentity
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
    read_heartbeats,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock


def published(builders: Builders, server: str = "build1") -> dict[str, Any]:
    """Return a heartbeat from the remote."""
    document: dict[str, Any] = json.loads(builders.show("heartbeat.json", f"refs/heartbeats/{server}"))
    return document


def copy_of(builders: Builders, server: str) -> Builders:
    """Return a second host with the same id of a server: the clone is shared, the state is not."""
    other = Builders(builders.folder / "copied", builders.ids)
    other.clone(server).parent.mkdir(parents=True)
    other.clone(server).symlink_to(builders.clone(server))
    other.state(server).mkdir()
    for name in ("server_id", "fleet.json"):
        (other.state(server) / name).write_bytes((builders.state(server) / name).read_bytes())
    return other


def test_members_of_a_heartbeat(builders: Builders, clock: Clock) -> None:
    with builders.host("build1") as host:
        host = clock.on(host)
        first = beat(host)
        clock.move(60)
        second = beat(host, problems=("the disk is full",), interval=90)
    document = published(builders)
    assert document == second
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert (first["healthy"], second["healthy"]) == (True, False)
    assert document["problems"] == ["the disk is full"]
    assert (document["server"], document["interval_seconds"]) == ("build1", 90)
    assert document["timestamp"] == "2026-11-22T07:12:46Z"
    assert document["boot_id"] == first["boot_id"] != ""
    assert document["uptime_seconds"] > 0
    assert document["daemon"]["version"] == "1.0.0"
    assert document["manager_last_active"] is None


def test_server_that_only_needs_attention_is_healthy(builders: Builders) -> None:
    with builders.host("build1") as host:
        publish_heartbeat(host, compose_heartbeat(host, [], 60, "1.0.0", attention=["1 message\nis unread"]))
    document = published(builders)
    assert (document["healthy"], document["problems"]) == (True, [])
    assert document["attention"] == ["1 message\\nis unread"]


def test_when_the_manager_was_last_active(builders: Builders, clock: Clock) -> None:
    with builders.host("build1") as host:
        host = clock.on(host)
        send(host, Draft("Ready", "All set."))
        clock.move(3600)
        assert beat(host)["manager_last_active"] == "2026-11-22T07:11:46Z"


def test_heartbeats_of_all_servers_are_read(legacy: Builders, clock: Clock) -> None:
    """They are in the refs and, from the old scripts, on the branch; the newest of each server is used."""
    with legacy.host("build1") as host:
        host = clock.on(host)
        beat(host)
        beats = read_heartbeats(host, host.repository.read(lambda snapshot: snapshot))
        assert set(beats) == {"build1", "build2", "build3"}
        assert beats["build1"].beat.raw["timestamp"] == "2026-11-22T07:11:46Z"
        assert beats["build2"].beat.raw["last_activity"] == "Dashboard status update"
        legacy.commit("build1/heartbeat.json", b'{"timestamp": "2026-11-22 07:12"}')
        assert read_heartbeats(host, host.repository.read(lambda snapshot: snapshot))["build1"].beat.raw == {
            "timestamp": "2026-11-22 07:12"
        }


def test_another_host_that_beats_as_the_same_server(builders: Builders, clock: Clock) -> None:
    """The second host is rejected, and the heartbeat of the first is not overwritten."""
    copied = copy_of(builders, "build1")
    with builders.host("build1") as host, copied.host("build1") as second:
        beat(clock.on(host), boot_id="first")
        clock.move(179)
        with pytest.raises(DuplicateIdentity, match=r"another host beats as build1 \(boot first") as caught:
            beat(clock.on(second), boot_id="second")
        assert "setup playbook" in caught.value.remedy
        assert published(builders)["boot_id"] == "first"
        assert second.state.read_json("sequence.json") is None, "a rejected heartbeat was counted"
        beat(clock.on(host), boot_id="first")
    assert published(builders)["sequence"] == 2


def test_a_foreign_beat_that_was_abandoned_is_taken_over(builders: Builders, clock: Clock) -> None:
    copied = copy_of(builders, "build1")
    with builders.host("build1") as host, copied.host("build1") as second:
        beat(clock.on(host), boot_id="first")
        clock.move(180)
        beat(clock.on(second), boot_id="second")
        assert any("was taken over" in note and "2026-11-22T07:11:46Z" in note for note in second.repository.notes)
        assert published(builders)["boot_id"] == "second"
        with pytest.raises(DuplicateIdentity, match="boot second"):
            beat(clock.on(host), boot_id="first")


def test_a_longer_interval_is_waited_for(builders: Builders, clock: Clock) -> None:
    copied = copy_of(builders, "build1")
    with builders.host("build1") as host, copied.host("build1") as second:
        beat(clock.on(host), boot_id="first", interval=600)
        clock.move(1799)
        with pytest.raises(DuplicateIdentity):
            beat(clock.on(second), boot_id="second")
        clock.move(1)
        beat(clock.on(second), boot_id="second")


def test_two_on_one_machine_that_beat_as_the_same_server(builders: Builders, clock: Clock) -> None:
    """Containers share a boot id. A heartbeat that a host did not create is that of another host."""
    copied = copy_of(builders, "build1")
    with builders.host("build1") as host, copied.host("build1") as second:
        first = beat(clock.on(host))
        clock.move(1)
        with pytest.raises(DuplicateIdentity):
            beat(clock.on(second))
    assert published(builders) == first
