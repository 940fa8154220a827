"""Test that the messages of a server are numbered without gaps, whatever fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CoordinationError, SigningFailed
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, make_memory_builders

ARCHIVE = "coordination/archive/2026-11.json"


def send_message(
    builders: Builders, server: str = "build1", to: tuple[str, ...] = ("all",), key: str | None = None
) -> None:
    """Send a message from a new process."""
    with builders.host(server) as host:
        send(host, Draft("Hello", "Hi", key=key), to)


def numbers(builders: Builders, server: str = "build1") -> list[int | None]:
    """Return the numbers of a server's messages in the order of the mailbox."""
    return [entry.get("seq") for entry in builders.messages() if entry["from"] == server]


def test_each_server_counts_its_own(builders: Builders) -> None:
    builders.trust()
    send_message(builders)
    send_message(builders, "build2")
    with builders.host("build2") as host:
        reply(host, builders.messages()[0]["id"], Draft("", "Hello"))
    send_message(builders, key="once")
    send_message(builders, key="once")
    send_message(builders)
    assert (numbers(builders), numbers(builders, "build2")) == ([1, 2, 3], [1, 2])


def test_recipients_of_one_call_have_numbers_in_order(tmp_path: Path) -> None:
    builders = make_memory_builders(tmp_path, ("build1", "build2", "build3"))
    builders.trust()
    send_message(builders, to=("build3", "build2"))
    send_message(builders)
    assert [(entry["to"], entry["seq"]) for entry in builders.messages()] == [("build3", 1), ("build2", 2), ("all", 3)]


def test_what_was_refused_leaves_no_gap(builders: MemoryBuilders) -> None:
    builders.trust()
    send_message(builders)
    builders.memory.declines = "Hello"
    with pytest.raises(CoordinationError):
        send_message(builders)
    builders.memory.declines = ""
    send_message(builders)
    assert numbers(builders) == [1, 2]


def test_a_server_that_lost_its_record_goes_on(builders: Builders) -> None:
    """It reads the mailbox and the archives, and ignores forged messages in its name."""
    builders.trust()
    for _turn in range(3):
        send_message(builders)
    entries = builders.messages()
    builders.commit(ARCHIVE, json.dumps({"messages": entries}).encode())
    forged = {**entries[0], "id": "msg_forged", "seq": 2**60}
    builders.commit(MESSAGES, json.dumps({"messages": [forged, {"from": "build1", "seq": "9"}]}).encode())
    (builders.state("build1") / "outbox.json").unlink()
    send_message(builders)
    assert numbers(builders)[-1] == 4
    send_message(builders)
    assert numbers(builders)[-1] == 5


def test_a_record_that_fell_behind_is_no_matter(builders: Builders) -> None:
    """The process was killed after the remote accepted the push, before it recorded that."""
    builders.trust()
    send_message(builders)
    record = (builders.state("build1") / "outbox.json").read_text()
    send_message(builders)
    (builders.state("build1") / "outbox.json").write_text(record)
    send_message(builders)
    assert numbers(builders) == [1, 2, 3]


def test_check_mode_takes_no_number(builders: Builders) -> None:
    builders.trust()
    send_message(builders)
    with builders.host("build1", check_mode=True) as host:
        assert send(host, Draft("Hello", "Hi")).result[0].seq == 2
    send_message(builders)
    assert numbers(builders) == [1, 2]


def test_without_trust_there_are_none(builders: Builders) -> None:
    send_message(builders)
    assert numbers(builders) == [None]
    assert builders.commits() == 1


def test_a_new_key_begins_no_new_count(builders: Builders) -> None:
    builders.trust()
    send_message(builders)
    builders.trust("build1")
    send_message(builders)
    (builders.state("build1") / "outbox.json").unlink()
    send_message(builders)
    assert numbers(builders) == [1, 2, 3]


def test_what_cannot_be_signed_is_not_sent_and_takes_no_number(builders: Builders) -> None:
    builders.trust()
    key = builders.state("build1") / "signing_key"
    kept = key.rename(key.with_name("kept"))
    with pytest.raises(SigningFailed):
        send_message(builders)
    kept.rename(key)
    send_message(builders)
    assert numbers(builders) == [1]
