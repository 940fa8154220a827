"""Test that messages that a rewound remote has lost are sent again on request."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.recover import (
    resend,
    withdrawn_messages,
)
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders
from ansible_collections.acs.builders.tests.writes import send_subject


def test_what_was_removed_from_the_remote_is_sent_again_on_request(builders: MemoryBuilders) -> None:
    builders.trust()
    first = send_subject(builders, "one")
    lost = send_subject(builders, "two", key="k").result[0]
    send_subject(builders, "hello", server="build2")
    builders.memory.tip = first.commit
    with builders.host("build1") as host:
        assert [entry.id for entry in withdrawn_messages(host)] == [lost.id]
    with builders.host("build1", check_mode=True) as host:
        assert [entry.id for entry in resend(host).result] == [lost.id]
    with builders.host("build1") as host:
        assert resend(host).delivery == "pushed"
        assert withdrawn_messages(host) == [] and resend(host).delivery == "none"
    assert [(message["id"], message["seq"]) for message in builders.messages()] == [
        (first.result[0].id, 1),
        (lost.id, 3),
    ]
    with builders.host("build2") as host:
        assert list_messages(host, Filter()).messages[1]["actionable"]
