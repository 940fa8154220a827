"""Test sending with real Git."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders, git


def test_first_message_to_an_empty_remote_makes_the_documents(builders: Builders) -> None:
    with builders.host("build1") as host:
        receipt = send(host, Draft("Ready", "build1 is ready."))
        assert host.repository.notes == []
    assert receipt.attempts == 1
    assert git("ls-tree", "-r", "--name-only", "main", cwd=builders.remote).split() == [
        "coordination/jobs.json",
        "coordination/locks.json",
        "coordination/messages.json",
    ]
    assert [message["subject"] for message in builders.messages()] == ["Ready"]
    assert git("rev-parse", "HEAD", cwd=builders.clone("build1")) == receipt.commit
    with builders.host("build2") as host:
        listing = list_messages(host, Filter())
    assert [message["from"] for message in listing.messages] == ["build1"]
    assert listing.unread_count == 1
