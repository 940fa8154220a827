"""What the servers of the rig have published, read where the Git host keeps it, and how often their services do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.acs.builders.tests.cluster.command import run
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import until


def remote(rig: Rig, *arguments: str, repository: str = "Build.git") -> str:
    """Run Git on the Build repository of the Git host, or on another one there; empty when it fails."""
    folder = rig.machines["git"].root / "srv/git" / repository
    return run("git", "-c", "safe.directory=*", f"--git-dir={folder}", *arguments, check=False)


def messages(rig: Rig, repository: str = "Build.git") -> list[dict[str, Any]]:
    """The messages on the remote."""
    shown = remote(rig, "show", "main:coordination/messages.json", repository=repository)
    entries: list[dict[str, Any]] = json.loads(shown)["messages"]
    return entries


def archived(rig: Rig) -> list[dict[str, Any]]:
    """The messages in the archives on the remote."""
    names = remote(rig, "ls-tree", "--name-only", "main", "coordination/archive/").splitlines()
    return [entry for name in names for entry in json.loads(remote(rig, "show", f"main:{name}"))["messages"]]


def heartbeat(rig: Rig, server: str) -> dict[str, Any]:
    """The heartbeat of a server; empty when there is none."""
    shown = remote(rig, "show", f"refs/heartbeats/{server}:heartbeat.json")
    return dict(json.loads(shown)) if shown else {}


def beats_again(rig: Rig, server: str, asked: bool = True) -> dict[str, Any]:
    """Wait for a heartbeat that is newer than the one there now, and return it.

    :param asked: whether the service is asked for one, which it makes at its next interval otherwise.
    """
    reference, before = _reference(rig, server), heartbeat(rig, server).get("sequence", 0)

    def newer() -> dict[str, Any]:
        beat = heartbeat(rig, server) if _reference(rig, server) != reference else {}
        return beat if beat.get("sequence", 0) > before else {}

    if asked:
        rig.ssh(server, "systemctl reload build-heartbeat", check=False)  # one that is not running beats when it starts
    return until(newer, f"no new heartbeat of {server}")


def _reference(rig: Rig, server: str) -> str:
    """Where the heartbeat's reference points; empty when it is not in a file of its own."""
    place = rig.machines["git"].root / f"srv/git/Build.git/refs/heartbeats/{server}"
    return place.read_text() if place.exists() else ""


@contextmanager
def configured(rig: Rig, server: str, **settings: int) -> Iterator[None]:
    """Let the service of a server run with other settings than the set-up has given it."""
    place = rig.machines[server].root / "etc/acs-builders/builderctl.json"
    given = place.read_text()
    place.write_text(json.dumps({**json.loads(given), **settings}))
    rig.ssh(server, "systemctl restart build-heartbeat")
    try:
        yield
    finally:
        place.write_text(given)
        rig.ssh(server, "systemctl restart build-heartbeat")
