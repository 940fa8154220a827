"""Test the unread mail of a server."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import MAX_LISTED, Inbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.mailbox import read_mailbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.unread import unread_mail
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock


def unread(builders: Builders, now: Clock) -> Inbox:
    """Return the unread mail of build1."""
    with builders.host("build1") as host:
        return host.repository.read(
            lambda snapshot: unread_mail(now.on(host), snapshot.commit, read_mailbox(snapshot).messages)
        )


def test_messages_to_this_server_are_unread_until_they_are_marked(trusted: Builders, now: Clock) -> None:
    assert unread(trusted, now) == Inbox("build1", None, utc_text(now()), 0, ())
    with trusted.host("build2") as host:
        draft = Draft("Install jq", "x", "request", "high", require_ack=True)
        message_id = send(now.on(host), draft, ["build1"]).result[0].id
        other_id = send(now.on(host), Draft("For all", "x"), ["all"]).result[0].id
    with trusted.host("build1") as host:
        send(now.on(host), Draft("Own", "x"), ["build2"])
    found = unread(trusted, now)
    assert (found.unread_count, [message.id for message in found.messages]) == (2, [message_id, other_id])
    first = found.messages[0]
    assert (first.sender, first.type, first.priority, first.subject) == ("build2", "request", "high", "Install jq")
    assert (first.verified, first.actionable, first.ack_required, first.thread) == ("true", True, True, message_id)
    with trusted.host("build1") as host:
        mark_read(host, [message_id])
    assert [message.id for message in unread(trusted, now).messages] == [other_id]


def test_the_newest_messages_are_listed_and_all_are_counted(builders: Builders, now: Clock) -> None:
    entries = [Message({"id": f"msg_{number}", "from": "build2", "to": "build1"}) for number in range(MAX_LISTED + 2)]
    with builders.host("build1") as host:
        found = unread_mail(now.on(host), "a" * 40, entries)
    assert (found.unread_count, len(found.messages)) == (MAX_LISTED + 2, MAX_LISTED)
    assert (found.messages[0].id, found.messages[-1].id) == ("msg_2", f"msg_{MAX_LISTED + 1}")


def test_texts_are_sanitized(builders: Builders, now: Clock) -> None:
    entry = {"id": "msg_1\n", "from": "build\x1b2", "to": "build1", "subject": "Install\x1b[2J jq", "timestamp": 1}
    with builders.host("build1") as host:
        (message,) = unread_mail(now.on(host), "a" * 40, [Message(entry)]).messages
    assert (message.sender, message.subject) == ("build\\x1b2", "Install\\x1b[2J jq")
    assert (message.type, message.timestamp, message.verified) == ("info", "1", "unsigned")
