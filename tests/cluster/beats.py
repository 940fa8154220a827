"""What the servers of the rig have published, read where the Git host keeps it."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.acs.builders.tests.cluster.command import run
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import until


def remote(rig: Rig, *arguments: str) -> str:
    """Run Git on the Build repository of the Git host; empty when it fails."""
    folder = rig.machines["git"].root / "srv/git/Build.git"
    return run("git", "-c", "safe.directory=*", f"--git-dir={folder}", *arguments, check=False)


def messages(rig: Rig) -> list[dict[str, Any]]:
    """The messages on the remote."""
    entries: list[dict[str, Any]] = json.loads(remote(rig, "show", "main:coordination/messages.json"))["messages"]
    return entries


def archived(rig: Rig) -> list[dict[str, Any]]:
    """The messages in the archives on the remote."""
    names = remote(rig, "ls-tree", "--name-only", "main", "coordination/archive/").splitlines()
    return [entry for name in names for entry in json.loads(remote(rig, "show", f"main:{name}"))["messages"]]


def heartbeat(rig: Rig, server: str) -> dict[str, Any]:
    """The heartbeat of a server; empty when there is none."""
    shown = remote(rig, "show", f"refs/heartbeats/{server}:heartbeat.json")
    return dict(json.loads(shown)) if shown else {}


def beats_again(rig: Rig, server: str) -> dict[str, Any]:
    """Wait for a heartbeat that is newer than the one there now, and return it."""
    before = heartbeat(rig, server).get("sequence", 0)

    def newer() -> dict[str, Any]:
        beat = heartbeat(rig, server)
        return beat if beat.get("sequence", 0) > before else {}

    return until(newer, f"no new heartbeat of {server}")
