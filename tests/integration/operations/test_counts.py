"""Test the costs of operations: counts of files, documents, Git objects, child processes and signatures."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl import cli
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import Cycle
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service_log import ServiceLog
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_document import Document
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.bare_repository import BareRepository
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import load_config
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.running_service import config
from git import Git

MAIL, STATUS = "coordination/messages.json", "build1/status.json"
DOCUMENTS = f"{STATUS} build2/status.json coordination/jobs.json {MAIL}"
BEATS = "heartbeat.json heartbeat.json"
OPENED = "fleet.json remote.json server_id signers.json"
JUDGED = f"{OPENED} outbox.json verdicts.json"
SHOWN = f"{JUDGED} acknowledged.json read.json"
LOOKED = "audit.json logged.json read.json statuses.json watch.json"
DELIVERED = "attempts.json outbox.json outbox.json"
DELIVERY = {"remote": "push", "local git": "git git"}  # one process reads objects, one updates the clone
ON_MAIL = {"git read": MAIL, "parsed": MAIL}
ON_STATUS = {"git read": STATUS, "parsed": STATUS}
ON_ALL = {
    "git read": f"build1/heartbeat.json build2/heartbeat.json {BEATS} {DOCUMENTS}",
    "git names": "/ build1 build2",
    "parsed": f"{BEATS} {DOCUMENTS}",
}
CYCLE = f"{JUDGED} {LOOKED} acknowledged.json beat.json manager.json sequence.json shown.json"
BEAT = "beat.json beat.json sequence.json summary.json watch.json"
ON_ARCHIVES = {"git names": "coordination/archive coordination/archives"}
EXPECTED = {
    "send": {
        **DELIVERY,
        **ON_MAIL,
        "read": SHOWN,
        "written": f"{DELIVERED} manager.json",
        "signatures": "sign",
    },
    "send, clone is behind": {
        **DELIVERY,
        **ON_MAIL,
        "remote": "fetch push",  # the fetched objects go into the clone
        "read": SHOWN,
        "written": f"{DELIVERED} manager.json",
        "signatures": "sign",
    },
    "send, branch has moved": {
        **DELIVERY,
        **ON_ARCHIVES,
        "git read": f"{MAIL} {MAIL}",
        "parsed": f"{MAIL} {MAIL}",
        "remote": "push fetch push fetch",
        "read": SHOWN,
        "written": f"{DELIVERED} attempts.json manager.json",
        "signatures": "sign",
    },
    "send with a key": {
        **DELIVERY,
        **ON_MAIL,
        **ON_ARCHIVES,
        "read": SHOWN,
        "written": f"{DELIVERED} keys.json manager.json",
        "signatures": "sign",
    },
    "the same again": {
        **ON_MAIL,
        **ON_ARCHIVES,
        "read": f"{SHOWN} keys.json",
        "written": "manager.json verdicts.json",
        "local git": "git",
        "signatures": "verify",
    },
    "reply": {
        **DELIVERY,
        **ON_MAIL,
        "read": SHOWN,
        "written": f"{DELIVERED} manager.json read.json",
        "signatures": "sign",
    },
    "mark-read": {
        **DELIVERY,
        **ON_MAIL,
        "read": f"{OPENED} outbox.json read.json",
        "written": f"{DELIVERED} manager.json read.json",
    },
    "status": {**DELIVERY, **ON_STATUS, "read": JUDGED, "written": DELIVERED, "signatures": "sign"},
    "the same status": {
        **ON_STATUS,
        "read": JUDGED,
        "written": "verdicts.json",
        "local git": "git",
        "signatures": "verify",
    },
    "ack": {
        **DELIVERY,
        **ON_MAIL,
        "read": f"{JUDGED} acknowledged.json",
        "written": f"{DELIVERED} manager.json acknowledged.json",
    },
    "thread": {
        **ON_MAIL,
        **ON_ARCHIVES,
        "read": f"{SHOWN} audit.json pages.json",
        "written": "pages.json manager.json verdicts.json",
        "remote": "fetch",
        "local git": "git",
        "signatures": "verify",
    },
    "health": {
        **ON_ALL,
        "read": f"{JUDGED} audit.json read.json statuses.json watch.json",
        "written": "verdicts.json",
        "remote": "fetch fetch",
        "local git": "git git",
        "signatures": "verify verify verify",
    },
    "read": {
        **ON_MAIL,
        "read": f"{SHOWN} audit.json pages.json",
        "written": "pages.json manager.json",
        "remote": "fetch",
        "local git": "git",
    },
    "cycle": {
        **ON_ALL,
        "read": CYCLE,
        "written": BEAT,
        "remote": "fetch fetch push",
        "local git": "git git git",
        "signatures": "sign verify verify",
    },
    "cycle with a message": {
        **ON_ALL,
        "read": CYCLE,
        "written": f"{BEAT} audit.json inbox.json logged.json verdicts.json",
        "remote": "fetch fetch fetch push",
        "local git": "git git git git",
        "signatures": "sign verify verify verify",
    },
    "look": {"read": f"{OPENED} outbox.json", "remote": "ls-remote"},
}
"""For each operation, the names of what is read, written, parsed and called, repeated once per call."""
OBJECTS = {
    **{"send": 14, "send, clone is behind": 6, "send, branch has moved": 17, "send with a key": 14},
    **{"the same again": 3, "reply": 14, "mark-read": 14, "ack": 14, "status": 14, "the same status": 3},
    **{"read": 3, "thread": 3, "health": 29, "cycle": 14, "cycle with a message": 23, "look": 0},
}
"""For each operation, the number of objects that are requested from Git."""
WRITTEN_AHEAD = {"outbox.json", "attempts.json", "beat.json"}
"""Files that are written before and after each push, because the process may be killed in between."""


class Counts:
    """The counts of actions, by kind and name.

    ``documents`` are the parsed documents.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, Counter[str]] = {}
        self.objects = 0
        self.documents: list[Document] = []
        self._lock = threading.Lock()

    def add(self, kind: str, name: str) -> None:
        """Count an action; threads that check signatures call this concurrently."""
        with self._lock:
            self.kinds.setdefault(kind, Counter())[name] += 1

    def check(self, operation: str) -> None:
        """Check the counts of an operation, and that no parsed document was changed."""
        expected = {kind: Counter(names.split()) for kind, names in EXPECTED[operation].items()}
        assert (operation, self.kinds, self.objects) == (operation, expected, OBJECTS[operation])
        assert all(number == 1 for number in self.kinds["read"].values())
        written = self.kinds.get("written", Counter())
        assert {name for name, number in written.items() if number != 1} <= WRITTEN_AHEAD
        assert all(json.loads(document.text) == document.value for document in self.documents)


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counts]:
    """Count actions within the context."""
    counts = Counts()

    def count(owner: Any, method: str, note: Callable[..., None]) -> None:
        real = getattr(owner, method)

        def counted(*arguments: Any, **options: Any) -> Any:
            note(*arguments)
            return real(*arguments, **options)

        patch.setattr(owner, method, counted)

    def parsed(document: Document, _data: bytes, path: str, *_key: str) -> None:
        counts.documents.append(document)
        counts.add("parsed", path)

    def read(path: Path, *_: Any) -> None:
        if path.suffix == ".json" or path.name == "server_id":
            counts.add("read", own_name(path))

    def started(_process: object, command: list[str], *_: Any) -> None:
        words = list(map(str, command))
        if words[0] == "ssh-keygen":
            counts.add("signatures", words[2])
        else:
            called = {"fetch", "push", "ls-remote"}.intersection(words)
            counts.add("remote" if called else "local git", *(called or {"git"}))

    def requested(*_: Any) -> None:
        counts.objects += 1

    with monkeypatch.context() as patch:
        count(Path, "read_text", read)
        count(StateDirectory, "write_json", lambda _state, name, _value: counts.add("written", own_name(Path(name))))
        count(Document, "__init__", parsed)
        count(BareRepository, "read", lambda _repository, _commit, path: counts.add("git read", path))
        count(BareRepository, "names", lambda _repository, _commit, path="": counts.add("git names", path or "/"))
        count(subprocess.Popen, "__init__", started)
        for method in ("stream_object_data", "get_object_data", "get_object_header"):
            count(Git, method, requested)
        yield counts


def own_name(path: Path) -> str:
    """Return the name of a file of this host, without the prefix of the remote."""
    return re.sub(r"^[0-9a-f]{16}\.", "", path.name)


@pytest.fixture
def fleet(builders: Builders) -> Builders:
    """Return two servers that trust each other, and have run all operations before."""
    builders.trust()
    for server in builders.ids:
        config(builders, server)
    for _time in range(2):
        for server in builders.ids:
            builderctl(builders, server, "send", "Hello", "Hi", "--require-ack")
            builderctl(builders, server, "read")
            builderctl(builders, server, "status", "idle")
            builderctl(builders, server, "heartbeat", "--once")
    builderctl(builders, "build1", "heartbeat", "--once")
    builderctl(builders, "build1", "read")
    return builders


def builderctl(builders: Builders, server: str, *argv: str) -> None:
    """Run builderctl as a server."""
    path = builders.folder / server / "builderctl.json"
    assert cli.main(["--config", str(path), *argv]) == 0


def test_costs_of_each_operation(fleet: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    unread = [message["id"] for message in fleet.messages() if message["to"] == "build1"]
    commands = {
        "send": ("send", "Hello", "Hi"),
        "send with a key": ("send", "Hello", "Hi", "--key", "k"),
        "the same again": ("send", "Hello", "Hi", "--key", "k"),
        "reply": ("reply", unread[0], "Hi"),
        "mark-read": ("mark-read", unread[1]),
        "ack": ("ack", unread[1]),
        "status": ("status", "building", "--job", "j"),
        "the same status": ("status", "building", "--job", "j"),
        "read": ("read",),
        "thread": ("read", "--thread", unread[0]),
        "health": ("health",),
    }
    for name, argv in commands.items():
        with counting(monkeypatch) as counts:
            builderctl(fleet, "build1", *argv)
        counts.check(name)


@pytest.mark.parametrize("known", [True, False])
def test_costs_of_a_send_after_a_write_of_another_server(
    fleet: Builders, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    builderctl(fleet, "build2", "send", "News", "Hi")
    if known:
        builderctl(fleet, "build1", "read")
    with counting(monkeypatch) as counts:
        builderctl(fleet, "build1", "send", "Hello", "Hi")
    counts.check("send, clone is behind" if known else "send, branch has moved")


@pytest.fixture
def cycle(fleet: Builders) -> Cycle:
    """Return the service of build1, which has run cycles before."""
    config_of_build1 = fleet.folder / "build1" / "builderctl.json"
    log = ServiceLog(fleet.folder / "build1" / "log" / "heartbeat-build1.log")
    cycle = Cycle(load_config(str(config_of_build1)), log, "2026-11-22T07:11:46Z", 60)
    for _time in range(2):
        cycle.run()
    return cycle


def test_costs_of_an_idle_cycle(cycle: Cycle, monkeypatch: pytest.MonkeyPatch) -> None:
    with counting(monkeypatch) as counts:
        cycle.run()
    counts.check("cycle")


def test_costs_of_a_cycle_with_a_message(fleet: Builders, cycle: Cycle, monkeypatch: pytest.MonkeyPatch) -> None:
    builderctl(fleet, "build2", "send", "Hello", "Hi")
    with counting(monkeypatch) as counts:
        cycle.run()
    counts.check("cycle with a message")


def test_costs_of_a_look_without_news(cycle: Cycle, monkeypatch: pytest.MonkeyPatch) -> None:
    cycle.look()
    with counting(monkeypatch) as counts:
        cycle.look()
    counts.check("look")
