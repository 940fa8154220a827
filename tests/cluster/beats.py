"""What the servers of the rig have published, read where the Git host keeps it, and how often their services do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
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


def delivered(rig: Rig, *servers: str) -> None:
    """Wait until nothing waits in the outboxes of servers, all of them when none is named.

    A write waits there for its service when another process of the server holds the lock for seconds.
    """
    for server in servers or ("build1", "build2"):
        outbox = rig.machines[server].root / "var/lib/acs-builders/outbox.json"
        until(partial(_is_empty, outbox), f"what waits in the outbox of {server} was not delivered")


def _is_empty(outbox: Path) -> bool:
    return not outbox.exists() or not json.loads(outbox.read_text())["items"]


def send(rig: Rig, server: str, words: str) -> dict[str, Any]:
    """Send a message with a command of builderctl, and return it as it is at the Git host.

    :param words: what stands behind builderctl.
    """
    return arrived(rig, rig.ssh(server, f"builderctl {words} --json").stdout)


def arrived(rig: Rig, printed: str) -> dict[str, Any]:
    """Wait until a message is at the Git host, and return it as it is there.

    :param printed: what builderctl has printed about it with --json.
    """
    (given,) = json.loads(printed)["messages"]
    (found,) = until(lambda: [one for one in messages(rig) if one["id"] == given["id"]], f"not there: {printed}")
    return found


def settled(rig: Rig) -> list[dict[str, Any]]:
    """The messages on the remote, when nothing waits in an outbox any more."""
    delivered(rig)
    return messages(rig)


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
    try:
        return (rig.machines["git"].root / f"srv/git/Build.git/refs/heartbeats/{server}").read_text()
    except FileNotFoundError:
        return ""


@contextmanager
def configured(rig: Rig, server: str, **settings: int) -> Iterator[None]:
    """Let the service of a server run with other settings than the set-up has given it."""
    path, machine = "etc/acs-builders/builderctl.json", rig.machines[server]
    given = (machine.root / path).read_text()
    machine.write(path, json.dumps({**json.loads(given), **settings}))
    rig.ssh(server, "systemctl restart build-heartbeat")
    try:
        yield
    finally:
        machine.write(path, given)
        rig.ssh(server, "systemctl restart build-heartbeat")
