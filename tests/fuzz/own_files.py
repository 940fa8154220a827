"""The readers of a server's own files: its state, the fleet, the signers and the configuration of builderctl."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply import plan
from ansible_collections.acs.builders.plugins.module_utils.coordination.builds import job
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import trusted_keys
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import MESSAGES, Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail import actionable
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.transaction import parse_pushes
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_now, utc_text
from ansible_collections.acs.builders.tests.fuzz import calls, mutation
from ansible_collections.acs.builders.tests.fuzz.documents import Operation, command, describe, on_host, use
from ansible_collections.acs.builders.tests.fuzz.running import Target
from ansible_collections.acs.builders.tests.fuzz.scene import CONFIGURATION, FLEET, STATE, Scene
from ansible_collections.acs.builders.tests.fuzz.starts import Starts
from hypothesis import strategies as st

JOB: dict[str, Any] = {
    **{"id": "job_1", "source": "src", "command": "make", "time_limit": 60, "artifacts": ["*.deb"]},
    **{"log_folder": "logs", "log": "logs/job_1.log", "result": "state/job_result.json", "branch": "main"},
    **{"started_at": "2026-11-22T07:11:46Z", "commit": "d8e22ab0af7881b17ddd086bcae2a42a74bfc661"},
}
RESULT: dict[str, Any] = {
    **{"exit_code": 0, "signal": None, "ended_at": "2026-11-22T07:15:46Z", "timed_out": False, "stopped": False},
    **{"last_lines": ["done"], "artifacts": [{"path": "a.deb", "size": 3, "sha256": "0" * 64}], "more_artifacts": 0},
}
ATTEMPTS = [{"commit": "0" * 40, "ids": ["msg_1"]}]
SUMMARY: dict[str, Any] = {
    **{"server": "build1", "at": "2026-11-22T07:11:46Z", "interval": 60, "unread": 2, "problems": ["late"]},
    "failure": "",
}


class OwnFile(NamedTuple):
    """A file that is fuzzed, its initial values, and the operations that read it."""

    name: str
    starts: Sequence[Any]
    operations: Sequence[Operation]
    trusted: bool = True


def _read_attempts(_scene: Scene, _message_id: str) -> object:
    return StateDirectory(STATE).read("attempts.json", parse_pushes)


def _merge_signers(_scene: Scene, _message_id: str) -> object:
    record = StateDirectory(STATE).read_json("signers.json")
    return trusted_keys.merge_signers(record, {}, ["build1"], utc_now())


def _watch_job(host: Host, _message_id: str) -> object:
    return job.watch(host, 0)


ANY: tuple[Operation, ...] = (
    command("read", "--all", "--json"),
    command("read", "--thread", "ID"),
    command("reply", "ID", "Version 1.6 is installed.", "--key", "k2"),
    command("send", "--key", "k1", "Hello", "Text"),
    command("mark-read"),
    command("mark-read", "ID"),
    command("ack", "ID"),
    command("trace", "ID"),
    command("status", "building"),
    command("health"),
    command("health", "--json"),
    command("health", "--summary"),
    command("health", "--summary", "--json"),
    command("heartbeat", "--once"),
    on_host(actionable.act),
    on_host(lambda host, _message_id: plan.plan(host, plan.Rules())),
)
ON_JOB = (on_host(_watch_job), command("heartbeat", "--once"))


ON_OUTBOX = (command("outbox"), command("outbox", "--drop", "ID"), command("outbox", "--retry", "out_2", "--json"))


def waiting(empty: dict[str, Any], starts: Starts) -> dict[str, Any]:
    """Return an outbox with a message, marks and a status that wait, and a message that is set aside."""
    entry = starts.signed_mailboxes[0]["messages"][0]
    base = {"accepted_at": utc_text(utc_now()), "once": False, "acknowledged": [], "reason": "", "summary": "x"}
    nothing: dict[str, Any] = {**base, "messages": [], "read": [], "report": None}
    own = {**entry, "id": "msg_9", "from": "build1", "to": "build2"}
    items = [
        {**nothing, "id": "out_1", "messages": [own], "read": [entry["id"]]},
        {**nothing, "id": "out_3", "report": asdict(Report("building"))},
    ]
    return {**empty, "items": items, "aside": [{**nothing, "id": "out_2", "messages": [{**own, "id": "msg_8"}]}]}


def make_own_files(scene: Scene, starts: Starts) -> list[OwnFile]:
    """Return the files of a server after it has run every operation once."""
    scene.reset(repository(starts), trusted=True)
    message_id = str(starts.signed_mailboxes[0]["messages"][0]["id"])
    for operation in ANY:
        operation(scene, message_id)
    made = {path.name: json.loads(path.read_bytes()) for path in sorted(scene.state.glob("*.json"))}
    scene.verdicts = json.dumps(made["verdicts.json"]).encode()
    special = {"fleet.json", "signers.json", "summary.json", "outbox.json"}
    return [
        *(OwnFile(name, [value], ANY) for name, value in made.items() if name not in special),
        OwnFile("fleet.json", [FLEET, {"servers": FLEET["servers"][:2]}], ANY, trusted=False),
        OwnFile("signers.json", [made["signers.json"]], [*ANY, _merge_signers]),
        OwnFile("summary.json", [made["summary.json"], SUMMARY], ANY, trusted=False),
        OwnFile("job.json", [JOB, {**JOB, "closed": True, "outcome": {"status": "success"}}], ON_JOB, trusted=False),
        OwnFile("job_result.json", [RESULT, {**RESULT, "gone": True}], ON_JOB, trusted=False),
        OwnFile("outbox.json", [waiting(made["outbox.json"], starts)], [*ANY, *ON_OUTBOX]),
        OwnFile("attempts.json", [ATTEMPTS], [_read_attempts], trusted=False),
        OwnFile("server_id", ["build1", "build2"], ANY, trusted=False),
    ]


def targets(scene: Scene, starts: Starts) -> list[Target]:
    """Return a target for each file."""
    own = [_target(scene, starts, file) for file in make_own_files(scene, starts)]
    examples = st.tuples(mutation.documents(1), st.integers(0, len(ANY) - 1))
    run = partial(_run_configuration, scene, starts)
    return [
        *own,
        Target("builderctl.json", examples, run, lambda example: describe(_configuration(example[0]), example)),
    ]


def repository(starts: Starts) -> dict[str, bytes]:
    """Return the files of a repository with signed messages."""
    return {**starts.files, MESSAGES: json.dumps(starts.signed_mailboxes[0]).encode()}


def _target(scene: Scene, starts: Starts, file: OwnFile) -> Target:
    examples = st.tuples(mutation.documents(len(file.starts)), st.integers(0, len(file.operations) - 1))
    files = repository(starts)
    message_id = str(starts.signed_mailboxes[0]["messages"][0]["id"])

    def run(example: tuple[mutation.Document, int]) -> int:
        document, operation = example
        data = mutation.encode(document, file.starts)
        scene.reset(files, trusted=file.trusted)
        if file.name == "job_result.json":
            scene.write("job.json", json.dumps(JOB).encode())
        scene.write(file.name, data)
        use(scene, file.operations[operation], message_id, but=file.name)
        return len(data)

    return Target(file.name, examples, run, lambda example: describe(mutation.encode(example[0], file.starts), example))


def _configuration(document: mutation.Document) -> bytes:
    return mutation.encode(document, [CONFIGURATION])


def _run_configuration(scene: Scene, starts: Starts, example: tuple[mutation.Document, int]) -> int:
    document, operation = example
    data = _configuration(document)
    scene.reset(repository(starts))
    Path("fuzzed.json").write_bytes(data)
    argv = (["read"], ["health", "--json"], ["health", "--summary"], ["heartbeat", "--once"], ["send", "a", "b"])
    code = calls.command(argv[operation % len(argv)], config="fuzzed.json")
    if code > 1:
        raise InvalidInput("The command was refused.", "")
    return len(data)
