"""Writing files and messages, and finding messages in an outbox or on the remote."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Change, Receipt
from ansible_collections.acs.builders.tests.builders import Builders

NOTES = "coordination/notes.txt"


def write(builders: Builders, content: str, path: str = NOTES, **options: float) -> list[str]:
    """Write a file as build1, and return the notes."""
    with builders.host("build1", **options) as host:
        change = Change(None, {path: content.encode()}, "build1: a file")
        assert host.write(lambda _snapshot: change).commit
        return host.repository.notes


def send_subject(builders: Builders, subject: str, server: str = "build1", **options: str) -> Receipt[list[Message]]:
    """Send a message from a server and return the receipt."""
    key = options.pop("key", None)
    with builders.host(server) as host:
        return send(host, Draft(subject, "Hi", key=key), **options)


def waiting(builders: Builders, server: str = "build1") -> list[str]:
    """Return the subjects of the messages that wait in a server's outbox."""
    with builders.host(server) as host:
        return [entry.subject for item in Outbox(host.state).read().items for entry in item.messages]


def subjects(builders: Builders) -> list[str]:
    """Return the subjects of the messages on the remote."""
    return [message["subject"] for message in builders.messages()]
