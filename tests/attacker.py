"""An attacker who may push to the Build repository but has no server's key, and the servers' view of the attacks."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import NotActionable
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.signatures import (
    KEY_FILE,
    MESSAGE,
    sign,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.trusted_keys import merge_signers
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import ACTED_FILE, act
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft, new_id
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git, make_builders, make_key
from ansible_collections.acs.builders.tests.copying import copy_of, scratch_folder

Entry = dict[str, Any]
AddRow = Callable[[str, str, str], None]
"""Adds a line to the table: the attack, the verification of its messages, and how it is reported."""

RECENT = 30.0
"""Seconds after which a fleet's services beat again before it is copied; a heartbeat is stale after five minutes."""

REQUEST = {"action": "install_packages", "packages": ["libmysqlclient-dev"]}


def attack_table() -> Iterator[AddRow]:
    """Print the results of a module's attacks, with ``pytest -s``; for a fixture of the module."""
    lines: list[tuple[str, str, str]] = []
    yield lambda attack, verified, report: lines.append((attack, verified, report))
    print("\n\nattack | verified | reported as")
    for line in lines:
        print(" | ".join(line))


class Attacker:
    """An attacker with an ordinary clone, from which anything can be pushed.

    :param builders: the servers that share the remote.
    """

    def __init__(self, builders: Builders) -> None:
        self._builders = builders
        self.clone = builders.folder / "attacker" / "Build"
        self.key = self.clone.parent / "key"
        if self.clone.exists():
            return
        git("clone", "--quiet", builders.remote, self.clone)
        for name, value in (("user.name", "build1"), ("user.email", "build1@localhost"), ("core.autocrlf", "false")):
            git("config", name, value, cwd=self.clone)
        make_key(self.key, "build1")

    def key_of(self, server: str) -> Path:
        """Return the key of a server that was taken over, or whose key was stolen."""
        return self._builders.state(server) / KEY_FILE

    def push(self, files: dict[str, bytes]) -> None:
        """Commit files to the branch."""
        git("fetch", "--quiet", "origin", cwd=self.clone)
        git("reset", "--quiet", "--hard", "origin/main", cwd=self.clone)
        for path, content in files.items():
            (self.clone / path).parent.mkdir(parents=True, exist_ok=True)
            (self.clone / path).write_bytes(content)
            git("add", "--force", path, cwd=self.clone)
        git("commit", "--quiet", "--no-verify", "--message", "build1: info to build2: Ready", cwd=self.clone)
        git("push", "--quiet", "--no-verify", "origin", "HEAD:main", cwd=self.clone)

    def rewrite(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        """Replace the messages of the mailbox."""
        self.push({MESSAGES: json.dumps({"messages": change(self._builders.messages())}, indent=2).encode()})

    def put(self, *entries: Entry) -> None:
        """Append messages to the mailbox."""
        self.rewrite(lambda there: [*there, *entries])

    def change(self, message_id: str, **changes: Any) -> None:
        """Change a message in place."""
        self.rewrite(lambda there: [{**entry, **(changes if entry["id"] == message_id else {})} for entry in there])

    def beat(self, server: str, document: Entry) -> None:
        """Force-push a heartbeat to a server's ref."""
        made = json.dumps(document).encode()
        blob = git("hash-object", "-w", "--stdin", cwd=self.clone, stdin=made)
        tree = git("mktree", cwd=self.clone, stdin=f"100644 blob {blob}\theartbeat.json\n".encode())
        commit = git("commit-tree", tree, "-m", f"{server}: beat", cwd=self.clone)
        git("push", "--quiet", "--force", "origin", f"{commit}:refs/heartbeats/{server}", cwd=self.clone)

    def heartbeat(self, server: str) -> Entry:
        """Return the heartbeat that a server has published, which everyone can read."""
        beat: Entry = json.loads(self._builders.show("heartbeat.json", f"refs/heartbeats/{server}"))
        return beat


def signed(entry: Entry, key: Path, purpose: str = MESSAGE, **changes: Any) -> Entry:
    """Return an entry with changes, signed with a key for a purpose."""
    unsigned = {name: value for name, value in {**entry, **changes}.items() if name != "signature"}
    return {**unsigned, "signature": sign(unsigned, key, purpose)}


def unsigned(entry: Entry, **changes: Any) -> Entry:
    """Return an entry with changes, without its signature and sequence number."""
    return {name: value for name, value in {**entry, **changes}.items() if name not in ("signature", "seq")}


def with_new_id(entry: Entry, **changes: Any) -> Entry:
    """Return an entry with a new id and changes; its signature stays the same."""
    return {**entry, "id": new_id(datetime.now(timezone.utc)), **changes}


def past_time(**past: float) -> str:
    """Return a time in the past as a timestamp."""
    return utc_text(datetime.now(timezone.utc) - timedelta(**past))


def make_fleet(folder: Path, ids: tuple[str, ...] = ("build1", "build2", "build3")) -> Builders:
    """Create servers that have trusted each other for an hour, have just published a heartbeat and read all others.

    All fleets that a process creates have the same keys.
    """
    return _copy_running(_trusting(ids), folder)


@functools.cache
def _trusting(ids: tuple[str, ...]) -> Builders:
    """Create servers, to copy, that have trusted each other for an hour."""
    fleet = make_builders(scratch_folder(), ids)
    fleet.trust()
    record = fleet.record() or {}
    for signer in record["signers"]:
        signer["valid_from"] = past_time(hours=1)
    install_signers(fleet, record)
    for server in _running(fleet).ids:
        with fleet.host(server) as host:
            mark_read(host, [])
            acknowledge(host, [])
    return fleet


def _running(fleet: Builders) -> Builders:
    """Publish a heartbeat of each server, and check that each finds all servers healthy."""
    for server in fleet.ids:
        beat(fleet, server)
    assert [problems(fleet, server) for server in fleet.ids] == [[]] * len(fleet.ids)
    return fleet


def _copy_running(template: Builders, folder: Path) -> Builders:
    """Copy a fleet whose services run."""
    if time.monotonic() - _beaten.get(template, float("-inf")) > RECENT:
        _running(template)
        _beaten[template] = time.monotonic()
    return copy_of(template, folder)


_beaten: dict[Builders, float] = {}
"""When the servers of a template last published heartbeats."""


def install_signers(fleet: Builders, record: Entry) -> None:
    """Write the record of trusted keys to every server, as Ansible does."""
    for server in fleet.ids:
        (fleet.state(server) / "signers.json").write_text(json.dumps(record))


def end_trust(fleet: Builders, server: str) -> None:
    """Remove a server from the fleet, effective ten minutes ago."""
    members = [member for member in fleet.ids if member != server]
    when = datetime.now(timezone.utc) - timedelta(minutes=10)
    install_signers(fleet, merge_signers(fleet.record(), {}, members, when))
    for member in members:
        path = fleet.state(member) / "fleet.json"
        servers = [known for known in json.loads(path.read_text())["servers"] if known["id"] != server]
        path.write_text(json.dumps({"servers": servers}))


@dataclass(frozen=True)
class Scene:
    """A fleet, its attacker, and two requests of build1 to build2 that build2 has not read."""

    fleet: Builders
    attacker: Attacker
    asked: Entry
    beside: Entry


def make_scene(folder: Path) -> Scene:
    """Create a fleet in which build1 has sent build2 two requests, which every service has seen."""
    fleet = _copy_running(_asking(), folder)
    asked, beside = fleet.messages()
    return Scene(fleet, Attacker(fleet), asked, beside)


@functools.cache
def _asking() -> Builders:
    """Create the fleet of a scene, to copy."""
    fleet = make_fleet(scratch_folder())
    for subject in ("Install it", "Build it"):
        ask(fleet, "build1", "build2", subject)
    Attacker(fleet)
    return fleet


def clock(ahead: float) -> Callable[[], datetime]:
    """Return a clock that is some seconds ahead."""
    return lambda: datetime.now(timezone.utc) + timedelta(seconds=ahead)


def ask(fleet: Builders, sender: str, recipient: str, subject: str = "Install it") -> Entry:
    """Send a request and return its entry in the mailbox."""
    with fleet.host(sender) as host:
        entry: Entry = send(host, Draft(subject, "Please.", "request", request=REQUEST), [recipient]).result[0].raw
    return entry


def beat(fleet: Builders, server: str, ahead: float = 0) -> list[str]:
    """Publish a heartbeat of a server whose clock is some seconds ahead, and return its notes."""
    with fleet.host(server) as opened:
        host = replace(opened, clock=clock(ahead))
        publish_heartbeat(host, compose_heartbeat(host, [], 60, "1.0.0"))
        return host.repository.notes


def seen(fleet: Builders, server: str, message_id: str) -> list[Entry]:
    """Return the messages with an id that a server lists."""
    with fleet.host(server) as host:
        return list_messages(host, Filter(ids=[message_id])).messages


def unread(fleet: Builders, server: str) -> list[str]:
    """Return the ids of the messages that are unread for a server."""
    with fleet.host(server) as host:
        return [message["id"] for message in list_messages(host, Filter()).messages]


def health(fleet: Builders, server: str) -> Entry:
    """Return the health as a server's service reads and records it."""
    with fleet.host(server) as host:
        return read_health(host, keep=True)


def problems(fleet: Builders, server: str) -> list[str]:
    """Return the problems that a server finds, without the advice on how to dismiss an alarm."""
    found: list[str] = health(fleet, server)["problems"]
    return [problem.partition(" When you know the reason, on ")[0] for problem in found]


def claim(fleet: Builders, server: str, message_id: str) -> bool:
    """Return whether a server acts upon a message; it does so only once.

    :raises NotActionable: if it must not.
    """
    with fleet.host(server) as host:
        return act(host, message_id)[1]


def refusal(fleet: Builders, server: str, message_id: str) -> str:
    """Return why a server does not act upon a message, and check that it records nothing as acted upon."""
    ledger = fleet.state(server) / ACTED_FILE
    before = ledger.read_bytes() if ledger.exists() else b""
    with pytest.raises(NotActionable) as refused:
        claim(fleet, server, message_id)
    assert (ledger.read_bytes() if ledger.exists() else b"") == before
    return refused.value.what


def check_refused(fleet: Builders, server: str, message_id: str, verified: str, reason: str) -> None:
    """Check that all messages with an id have this verification and reason, and that none is acted upon."""
    found = seen(fleet, server, message_id)
    assert found
    for message in found:
        assert (message["verified"], message["actionable"]) == (verified, False)
        assert reason in message["verified_reason"]
    assert reason in refusal(fleet, server, message_id)


def check_good(fleet: Builders, server: str, message_id: str) -> None:
    """Check that a message is verified, and that it is acted upon once."""
    (message,) = seen(fleet, server, message_id)
    assert (message["verified"], message["actionable"]) == ("true", True)
    assert [claim(fleet, server, message_id), claim(fleet, server, message_id)] == [True, False]


def health_at(fleet: Builders, server: str, moment: datetime) -> Entry:
    """Return the health as a server's service reads and records it at another time."""
    with fleet.host(server) as host:
        return read_health(replace(host, clock=lambda: moment), keep=True)
