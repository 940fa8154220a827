"""The readers of the documents of the Build repository, and the writes to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply import batch, plan
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents import json_document
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError, InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import JOBS, LOCKS, MESSAGES, Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail import actionable
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring import heartbeat, mail_progress
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat_document import Heartbeat
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import listing, mark, wait
from ansible_collections.acs.builders.tests.fuzz import calls, mutation
from ansible_collections.acs.builders.tests.fuzz.running import Target
from ansible_collections.acs.builders.tests.fuzz.scene import Scene
from ansible_collections.acs.builders.tests.fuzz.starts import Starts
from hypothesis import strategies as st

Operation = Callable[[Scene, str], object]
"""An operation of a server on the repository, with the id of one of the messages."""


class Used(NamedTuple):
    """A document, and the numbers of the operation and of the message with which it is used."""

    document: mutation.Document
    operation: int
    message: int


def command(*argv: str) -> Operation:
    """Return a command of builderctl, with the id of a message in place of ID."""

    def run(_scene: Scene, message_id: str) -> int:
        return calls.command([message_id if word == "ID" else word for word in argv])

    return run


def on_host(function: Callable[[Host, str], object], server: str = "build1") -> Operation:
    """Return the call of a function on a server, with the id of a message."""

    def run(scene: Scene, message_id: str) -> object:
        with scene.host(server) as host:
            return function(host, message_id)

    return run


def _respond(host: Host, message_id: str) -> object:
    draft = Draft("", "Done.", facts=({"name": "jq", "value": 1.6},))
    return batch.respond(host, [batch.Response(message_id, draft, acknowledge=True)])


def _twice(host: Host, _message_id: str) -> object:
    listing.list_messages(host, listing.Filter(unread=False))
    return mark.mark_read(host)


ON_MESSAGES: tuple[Operation, ...] = (
    command("read", "--json"),
    command("read", "--all"),
    command("read", "--thread", "ID"),
    command("read", "--json", "--since", "ID"),
    command("read", "--all", "--since", "2025-11-08 02:00", "--limit", "2"),
    command("reply", "--", "ID", "Version 1.6 is installed."),
    command("reply", "--json", "--key", "k1", "--fact", "jq=1.6", "--", "ID", "Version 1.6 is installed."),
    command("send", "--to", "all", "--json", "Hello", "Text"),
    command("send", "--key", "k2", "--request", '{"action": "facts", "query": "disk"}', "Hello", "Text"),
    command("mark-read", "--json", "--", "ID"),
    command("ack", "--", "ID"),
    command("trace", "--", "ID"),
    command("health"),
    command("health", "--json"),
    command("heartbeat", "--once"),
    on_host(actionable.act),
    on_host(lambda host, _message_id: plan.plan(host, plan.Rules(packages=["*"], paths=["/"]))),
    on_host(lambda host, message_id: wait.wait_for_answer(host, message_id, 2, 1)),
    on_host(_respond),
    on_host(_twice, "build2"),
)
ON_STATUS: tuple[Operation, ...] = (
    command("status"),
    command("status", "--server", "build1", "--json"),
    command("status", "building", "--job", "job_1", "--git-branch", "main"),
    command("status", "building", "--json"),
    command("status", "success", "--artifact", "/root/a.deb"),
    command("status", "failed", "--log", "/root/log"),
    command("status", "idle", "--json"),
    command("health"),
    command("health", "--json"),
)
ON_BEATS: tuple[Operation, ...] = (
    on_host(lambda host, _message_id: _progress(host)),
    command("health"),
    command("health", "--json"),
    command("heartbeat", "--once"),
    on_host(lambda host, _message_id: heartbeat.publish_heartbeat(host, _new_beat(host))),
)
ON_COUNTED: tuple[Operation, ...] = (command("health"), command("health", "--json"), command("heartbeat", "--once"))


def _progress(host: Host) -> list[Any]:
    beats = host.repository.read(lambda snapshot: heartbeat.read_heartbeats(host, snapshot))
    return [mail_progress.read_progress(one.beat.raw) for one in beats.values()]


def _new_beat(host: Host) -> Heartbeat:
    return heartbeat.compose_heartbeat(host, [], 60, "1.0.0")


class Place(NamedTuple):
    """A document that is fuzzed: its path, its initial values, and the operations on it."""

    name: str
    path: str
    starts: Sequence[Any]
    operations: Sequence[Operation]
    trusted: bool = False
    on_ref: bool = False


def targets(scene: Scene, starts: Starts) -> list[Target]:
    """Return a target for each document of the repository."""
    places = (
        Place("messages.json", MESSAGES, starts.mailboxes, ON_MESSAGES),
        Place("messages.json, signed", MESSAGES, starts.signed_mailboxes, ON_MESSAGES, trusted=True),
        Place("archive/YYYY-MM.json", "coordination/archive/2025-11.json", starts.mailboxes, ON_MESSAGES),
        Place("archive/messages-YYYY-MM.json", "coordination/archive/messages-2025-11.json", starts.bare, ON_MESSAGES),
        Place("archive, signed", "coordination/archive/2026-11.json", starts.signed_mailboxes, ON_MESSAGES, True),
        Place("status.json", "build1/status.json", starts.statuses, ON_STATUS),
        Place("status.json, signed", "build1/status.json", starts.signed_statuses, ON_STATUS, trusted=True),
        Place("heartbeat.json on the branch", "build2/heartbeat.json", starts.beats, ON_BEATS),
        Place("heartbeat.json on a ref", "build2", starts.beats, ON_BEATS, on_ref=True),
        Place("heartbeat.json, its own ref", "build1", starts.beats, ON_BEATS, on_ref=True),
        Place("heartbeat.json, signed", "build1", starts.signed_beats, ON_BEATS, trusted=True, on_ref=True),
        Place("jobs.json", JOBS, starts.jobs, ON_COUNTED),
        Place("locks.json", LOCKS, starts.locks, ON_COUNTED),
    )
    return [_target(scene, starts, place) for place in places]


def _target(scene: Scene, starts: Starts, place: Place) -> Target:
    examples = st.builds(
        Used,
        mutation.documents(len(place.starts)),
        st.integers(0, len(place.operations) - 1),
        st.integers(0, 20),
    )
    show = partial(_show, place)
    return Target(place.name, examples, partial(_run, scene, starts, place), show)


def _run(scene: Scene, starts: Starts, place: Place, used: Used) -> int:
    data = mutation.encode(used.document, place.starts)
    files = starts.files if place.on_ref else {**starts.files, place.path: data}
    scene.reset(starts.files, files, trusted=place.trusted)
    if place.on_ref:
        scene.remote.beats[place.path] = data
    use(scene, place.operations[used.operation], _message_id(data, used.message))
    return len(data)


def use(scene: Scene, operation: Operation, message_id: str, but: str = "") -> None:
    """Run an operation, and check the server's own files afterwards.

    :param but: a file that could not be read before, which is not checked.
    :raises CoordinationError: if it was refused.
    """
    try:
        outcome = operation(scene, message_id)
    finally:
        scene.check_own_files(but)
    if isinstance(outcome, int) and outcome > 1:
        raise InvalidInput("The command was refused.", "")


def _message_id(data: bytes, number: int) -> str:
    """Return the id of one of the messages in a document, if it can be read."""
    try:
        entries = json_document.EntryList(data, MESSAGES, "messages").entries
    except CoordinationError:
        return "msg_1"
    known = [Message(entry).id for entry in entries] or ["msg_1"]
    return known[number % len(known)] or "msg_1"


def _show(place: Place, used: Used) -> str:
    data = mutation.encode(used.document, place.starts)
    return f"{place.path}, operation {used.operation} on message {used.message}: {describe(data, used)}"


def describe(data: bytes, example: Any) -> str:
    """Return an example as text: the file, shortened, and the changes that made it."""
    text = repr(data)
    short = text if len(text) <= 4_000 else f"{text[:2_000]} … {text[-2_000:]} ({len(data)} bytes)"
    return f"{short}\n{example!r}"
