"""Attacks on the refs of heartbeats, and heartbeats and statuses that are dated ahead."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import GitFailed
from ansible_collections.acs.builders.tests.attacker import Scene, beat, make_scene, problems
from ansible_collections.acs.builders.tests.builders import git

REF = "refs/heartbeats/build1"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Servers that trust each other, two requests from build1 to build2, and an attacker."""
    return make_scene(tmp_path)


def push(scene: Scene, *refspecs: str) -> None:
    """Have the attacker push anything to anywhere."""
    git("push", "--quiet", "--force", "origin", *refspecs, cwd=scene.attacker.clone)


def make_object(scene: Scene, kind: str) -> str:
    """Have the attacker make an object that is no commit, and return its name."""
    clone = scene.attacker.clone
    if kind == "blob":
        return git("hash-object", "-w", "HEAD", cwd=clone / ".git")
    if kind == "tree":
        return git("rev-parse", "HEAD^{tree}", cwd=clone)
    git("tag", "--annotate", "--message", "x", "junk", cwd=clone)
    return git("rev-parse", "junk", cwd=clone)


def check_mended(scene: Scene, note: str) -> None:
    """Check that all others beat and are read, that build1 takes its ref back and says so, and that all is well."""
    assert beat(scene.fleet, "build2") == [] == beat(scene.fleet, "build3")
    (problem,) = problems(scene.fleet, "build3")
    assert problem.startswith("build1: ")
    assert any(note in said for said in beat(scene.fleet, "build1"))
    assert beat(scene.fleet, "build1") == []
    assert [problems(scene.fleet, server) for server in scene.fleet.ids] == [[]] * 3


@pytest.mark.parametrize("kind", ["blob", "tree", "tag"])
def test_an_object_that_is_no_commit_on_the_ref_is_replaced(scene: Scene, kind: str) -> None:
    push(scene, f"{make_object(scene, kind)}:{REF}")
    check_mended(scene, f"{REF}, which was no heartbeat, was taken over.")


@pytest.mark.parametrize("names", [("x",), ("x", "y/z"), tuple(f"deep/{number}" for number in range(500))])
def test_refs_below_that_of_a_server_are_removed(scene: Scene, names: tuple[str, ...]) -> None:
    junk = make_object(scene, "blob")
    push(scene, f":{REF}")
    push(scene, *(f"{junk}:{REF}/{name}" for name in names))
    check_mended(scene, f"Refs below {REF}, which kept build1 from beating, were removed.")


def test_refs_that_cannot_be_removed_are_named(scene: Scene) -> None:
    push(scene, f":{REF}")
    push(scene, f"HEAD:{REF}/x")
    hook = scene.fleet.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nif cut -d ' ' -f 2 | grep -q '^0*$'; then echo no deletions; exit 1; fi\n")
    hook.chmod(0o755)
    with pytest.raises(GitFailed, match=f"Refs below {REF} keep build1 from beating, and cannot be removed"):
        beat(scene.fleet, "build1")
    assert beat(scene.fleet, "build2") == []
