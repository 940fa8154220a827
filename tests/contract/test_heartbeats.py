"""Test the heartbeats of the servers with real Git and in memory."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    DuplicateIdentity,
    RemoteUnreachable,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_document import Heartbeat
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_refs import (
    BEAT_FILE,
    HeartbeatRefs,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.contract.scenes import Scene

NOW = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)


def beat(scene: Scene, server: str, sequence: int, now: datetime = NOW) -> Heartbeat:
    """Publish a heartbeat of a server."""
    published = Heartbeat({"server": server, "sequence": sequence, "timestamp": utc_text(now)})
    with scene.builders.host(server) as host, HeartbeatRefs(host) as beats:
        beats.publish(published, now)
    return published


def beats_of(scene: Scene, server: str, fetch: bool = True) -> dict[str, Heartbeat]:
    """Return all heartbeats as a server reads them."""
    with scene.builders.host(server) as host, HeartbeatRefs(host) as beats:
        return beats.read() if fetch else beats.known()


def test_the_newest_of_each_is_read_by_all(scene: Scene) -> None:
    assert beats_of(scene, "build1") == {}
    beat(scene, "build1", 1)
    newest = {"build1": beat(scene, "build1", 2), "build2": beat(scene, "build2", 1)}
    assert beats_of(scene, "build1") == beats_of(scene, "build2") == newest


def test_what_was_fetched_last_is_known(scene: Scene) -> None:
    first = {"build1": beat(scene, "build1", 1)}
    assert beats_of(scene, "build2", fetch=False) == {}
    assert beats_of(scene, "build2") == first
    beat(scene, "build1", 2)
    with scene.away():
        with pytest.raises(RemoteUnreachable):
            beats_of(scene, "build2")
        with pytest.raises(RemoteUnreachable):
            beat(scene, "build2", 1)
        assert beats_of(scene, "build2", fetch=False) == first


def test_a_young_heartbeat_of_another_host_is_not_replaced(scene: Scene) -> None:
    first = beat(scene, "build1", 1)
    (scene.builders.state("build1") / BEAT_FILE).unlink()
    with pytest.raises(DuplicateIdentity):
        beat(scene, "build1", 1, NOW + timedelta(seconds=179))
    assert beats_of(scene, "build2") == {"build1": first}
    later = beat(scene, "build1", 1, NOW + timedelta(seconds=181))
    assert beats_of(scene, "build2") == {"build1": later}
