"""Test the refs of heartbeats, and the scratch repository in which they are created."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import read_heartbeats
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_refs import MAX_SIZE
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.clock import Clock

REF = "refs/heartbeats/build1"


def published(builders: Builders, server: str = "build1") -> dict[str, Any]:
    """Return a heartbeat from the remote."""
    document: dict[str, Any] = json.loads(builders.show("heartbeat.json", f"refs/heartbeats/{server}"))
    return document


def test_a_beat_adds_nothing_to_the_branch_and_shows_no_other(legacy: Builders) -> None:
    before = git("rev-parse", "main", cwd=legacy.remote)
    with legacy.host("build1") as host:
        for _number in range(3):
            beat(host)
    assert git("rev-parse", "main", cwd=legacy.remote) == before
    assert git("for-each-ref", "--format=%(refname)", cwd=legacy.remote).split() == ["refs/heads/main", REF]
    assert git("rev-list", "--count", REF, cwd=legacy.remote) == "1", "a beat is one commit without parent"
    assert git("ls-tree", "-r", "--name-only", REF, cwd=legacy.remote) == "heartbeat.json"
    git("clone", "--quiet", legacy.remote, legacy.folder / "fresh")
    assert "heartbeats" not in git("for-each-ref", cwd=legacy.folder / "fresh")


def test_a_beat_that_cannot_be_read_hides_no_other(legacy: Builders) -> None:
    legacy.commit("build3/heartbeat.json", b"{")
    with legacy.host("build1") as host:
        beat(host)
        commit = git("rev-parse", "main", cwd=legacy.remote)
        git("update-ref", "refs/heartbeats/build2", commit, cwd=legacy.remote)
        git("update-ref", "refs/heartbeats/Not-an-id", f"{REF}", cwd=legacy.remote)
        beats = read_heartbeats(host, host.repository.read(lambda snapshot: snapshot))
        assert any("build3/heartbeat.json" in note for note in host.repository.notes)
    assert set(beats) == {"build1", "build2"}
    assert beats["build2"].beat.raw["server"] == "build2", "the heartbeat on the branch"


def test_a_beat_whose_answer_was_lost_is_ones_own(builders: Builders, clock: Clock) -> None:
    with builders.host("build1") as host:
        host = clock.on(host)
        beat(host, boot_id="before the crash")
        commit = git("rev-parse", REF, cwd=builders.remote)
        host.state.write_json("beat.json", {"commit": "", "attempted": [commit]})
        clock.move(60)
        beat(host, boot_id="after")
        assert host.repository.notes == []
    assert published(builders)["boot_id"] == "after"


def test_a_removed_ref_is_created_again(builders: Builders) -> None:
    with builders.host("build1") as host:
        beat(host)
        git("update-ref", "-d", REF, cwd=builders.remote)
        beat(host)
    assert published(builders)["sequence"] == 2


def size(folder: Path) -> int:
    """Return the number of bytes in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_the_scratch_repository_stays_small(builders: Builders) -> None:
    """After 50 heartbeats, and after another file made it large."""
    scratch = builders.state("build1") / "beats.git"
    with builders.host("build1") as host:
        beat(host)
        first = size(scratch)
        for _number in range(49):
            beat(host)
        assert size(scratch) < min(MAX_SIZE, 3 * first)
        (scratch / "junk").write_bytes(bytes(MAX_SIZE))
        beat(host)
        assert size(scratch) < MAX_SIZE
        beat(host)
    assert published(builders)["sequence"] == 52


def test_a_damaged_scratch_repository_is_replaced(builders: Builders) -> None:
    scratch = builders.state("build1") / "beats.git"
    with builders.host("build1") as host:
        beat(host)
    (scratch / "HEAD").write_bytes(b"")
    with builders.host("build1") as host:
        beat(host)
        assert set(read_heartbeats(host, host.repository.read(lambda snapshot: snapshot))) == {"build1"}
    assert published(builders)["sequence"] == 2
