"""The initial values of examples: documents of the old scripts and of this collection, signed and unsigned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import JOBS, LOCKS, MESSAGES
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring import heartbeat
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import send, set_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status import document
from ansible_collections.acs.builders.tests.builders import LEGACY_REPO
from ansible_collections.acs.builders.tests.fuzz.scene import Scene

REQUESTS = (
    {"action": "install_packages", "packages": ["jq", "libssl-dev=3.0.11-1"]},
    {"action": "facts", "query": ["package", "commit", "disk"], "package": "jq", "path": "/root/src"},
)
BEAT = {
    **{"server": "build2", "timestamp": "2026-11-22T07:11:46Z", "uptime_seconds": 7, "healthy": True, "problems": []},
    **{"system": {"cpu_usage": 2.1}, "interval_seconds": 60, "sequence": 3, "boot_id": "x"},
    **{"daemon": {"pid": 1, "started_at": "2026-11-22T07:11:46Z", "version": "1.0.0"}, "manager_last_active": None},
    "mail": {"seen": {"build1": 2, "build2": 1}, "shown": {"build1": [[1, 2], [4, 4]]}},
}


@dataclass(frozen=True)
class Starts:
    """The initial documents; ``files`` are those in the repository in addition to the one that is fuzzed."""

    files: dict[str, bytes]
    mailboxes: list[Any]
    bare: list[Any]
    signed_mailboxes: list[Any]
    statuses: list[Any]
    signed_statuses: list[Any]
    beats: list[Any]
    signed_beats: list[Any]
    jobs: list[Any]
    locks: list[Any]


def make_starts(scene: Scene) -> Starts:
    """Read the documents of the old scripts, and let this collection write the others."""
    old = {str(path.relative_to(LEGACY_REPO)): path.read_bytes() for path in LEGACY_REPO.rglob("*.json")}
    entries = json.loads(old[MESSAGES])["messages"]
    few = [*entries[:1], *entries[14:16], *entries[-2:]]
    new = _written(scene, old, trusted=False)
    signed = _written(scene, old, trusted=True)
    mailboxes = [{"messages": one} for one in (few, new.mail, [*few[:2], *new.mail[-2:]], entries, [])]
    return Starts(
        files={**old, MESSAGES: json.dumps({"messages": few}, indent=2).encode()},
        mailboxes=mailboxes,
        bare=[few, new.mail, *mailboxes[:2]],
        signed_mailboxes=[{"messages": signed.mail}, {"messages": [*few[:1], *signed.mail]}],
        statuses=[json.loads(old["build1/status.json"]), json.loads(old["build2/status.json"]), *new.statuses],
        signed_statuses=signed.statuses,
        beats=[json.loads(old["build2/heartbeat.json"]), json.loads(old["build3/heartbeat.json"]), BEAT, new.beat],
        signed_beats=[signed.beat],
        jobs=[json.loads(old[JOBS]), {"jobs": []}],
        locks=[json.loads(old[LOCKS]), {"locks": {}}],
    )


@dataclass(frozen=True)
class _Written:
    mail: list[Any]
    statuses: list[Any]
    beat: dict[str, Any]


def _written(scene: Scene, old: dict[str, bytes], trusted: bool) -> _Written:
    """Return documents of this collection: messages in both directions with an answer, two statuses and a heartbeat."""
    scene.reset({**old, MESSAGES: b'{"messages": []}\n'}, trusted=trusted)
    if trusted:
        scene.trust("build2")
    with scene.host("build2") as host:
        for number, request in enumerate(REQUESTS):
            draft = Draft(f"Install jq {number}", "Please.", "request", require_ack=True, request=request)
            send.send(host, draft, ["build1"])
        send.send(host, Draft("Build failed at step 2", "See \u2019log\u2019.", "error", key="k1"), ["all"])
    if trusted:
        scene.trust("build1")
    with scene.host("build1") as host:
        fact = {"name": "load", "value": 0.25}
        send.send(host, Draft("Versions", "Measured.", "info", "low", facts=(fact,), key="k2"), ["build2"])
        first = _read(scene, MESSAGES)["messages"][0]["id"]
        send.reply(host, first, Draft("", "Version 1.6 is installed."))
        statuses = []
        ended = document.Report("success", artifacts=("/root/a.deb",))
        for report in (document.Report("building", "job_1", "main"), ended):
            set_status.write_status(host, report)
            statuses.append(_read(scene, "build1/status.json"))
        beat = heartbeat.compose_heartbeat(host, ["the disk is full"], 60, "1.0.0").raw
    return _Written(_read(scene, MESSAGES)["messages"], statuses, beat)


def _read(scene: Scene, path: str) -> Any:
    return json.loads(scene.remote.files[path])
