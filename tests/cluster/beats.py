"""What the servers of the rig have published, read from the Git host, and waiting for new heartbeats."""

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
    """Return the output of Git in the Build repository of the Git host, or in another one; empty if Git fails."""
    folder = rig.machines["git"].root / "srv/git" / repository
    return run("git", "-c", "safe.directory=*", f"--git-dir={folder}", *arguments, check=False)


def messages(rig: Rig, repository: str = "Build.git") -> list[dict[str, Any]]:
    """Return the messages on the remote."""
    shown = remote(rig, "show", "main:coordination/messages.json", repository=repository)
    entries: list[dict[str, Any]] = json.loads(shown)["messages"]
    return entries


def delivered(rig: Rig, *servers: str) -> None:
    """Wait until the outboxes of servers, by default of all, are empty.

    A write waits there for the service if another process of the server holds the lock for seconds.
    """
    for server in servers or ("build1", "build2"):
        outbox = rig.machines[server].root / "var/lib/acs-builders/outbox.json"
        until(partial(_is_empty, outbox), f"what waits in the outbox of {server} was not delivered")


def _is_empty(outbox: Path) -> bool:
    return not outbox.exists() or not json.loads(outbox.read_text())["items"]


def send(rig: Rig, server: str, words: str) -> dict[str, Any]:
    """Send a message with a command of builderctl, and return its entry at the Git host.

    :param words: the arguments of builderctl.
    """
    return arrived(rig, rig.ssh(server, f"builderctl {words} --json").stdout)


def arrived(rig: Rig, printed: str) -> dict[str, Any]:
    """Wait until a message is at the Git host, and return its entry there.

    :param printed: what builderctl printed about it with --json.
    """
    (given,) = json.loads(printed)["messages"]
    (found,) = until(lambda: [one for one in messages(rig) if one["id"] == given["id"]], f"not there: {printed}")
    return found


def settled(rig: Rig) -> list[dict[str, Any]]:
    """Wait until all outboxes are empty, and return the messages on the remote."""
    delivered(rig)
    return messages(rig)


def archived(rig: Rig) -> list[dict[str, Any]]:
    """Return the messages in the archives on the remote."""
    names = remote(rig, "ls-tree", "--name-only", "main", "coordination/archive/").splitlines()
    return [entry for name in names for entry in json.loads(remote(rig, "show", f"main:{name}"))["messages"]]


def heartbeat(rig: Rig, server: str) -> dict[str, Any]:
    """Return the heartbeat of a server; empty if there is none."""
    shown = remote(rig, "show", f"refs/heartbeats/{server}:heartbeat.json")
    return dict(json.loads(shown)) if shown else {}


def beats_again(rig: Rig, server: str, asked: bool = True) -> dict[str, Any]:
    """Wait for a heartbeat that is newer than the current one, and return it.

    :param asked: whether to request one from the service; else it beats at its next interval.
    """
    reference, before = _reference(rig, server), heartbeat(rig, server).get("sequence", 0)

    def newer() -> dict[str, Any]:
        beat = heartbeat(rig, server) if _reference(rig, server) != reference else {}
        return beat if beat.get("sequence", 0) > before else {}

    if asked:
        rig.ssh(server, "systemctl reload build-heartbeat", check=False)  # a stopped service beats when it starts
    return until(newer, f"no new heartbeat of {server}")


def _reference(rig: Rig, server: str) -> str:
    """Return the commit of the heartbeat's ref; empty if the ref has no file."""
    try:
        return (rig.machines["git"].root / f"srv/git/Build.git/refs/heartbeats/{server}").read_text()
    except FileNotFoundError:
        return ""


@contextmanager
def configured(rig: Rig, server: str, **settings: int) -> Iterator[None]:
    """Run the service of a server with changed settings inside the context."""
    path, machine = "etc/acs-builders/builderctl.json", rig.machines[server]
    given = (machine.root / path).read_text()
    machine.write(path, json.dumps({**json.loads(given), **settings}))
    rig.ssh(server, "systemctl restart build-heartbeat")
    try:
        yield
    finally:
        machine.write(path, given)
        rig.ssh(server, "systemctl restart build-heartbeat")
