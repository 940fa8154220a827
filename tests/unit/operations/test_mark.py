"""Test read marks and acknowledgements of one recipient and of all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput, UnknownMessage
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import (
    acknowledge,
    mark_read,
    unrequested_acknowledgements,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders

OLD_TO_ALL = "msg_1762636444_6912"
"""From build1 to all; the old scripts have set its ``read``."""


def entry(builders: Builders, message_id: str) -> dict[str, Any]:
    """Return a message from the remote."""
    return next(message for message in builders.messages() if message["id"] == message_id)


def to_all(builders: Builders, **options: Any) -> str:
    """Send a message from build1 to all and return its id."""
    with builders.host("build1") as host:
        return str(send(host, Draft("To all", "Hear.", **options), ["all"]).result[0].id)


def unread(builders: Builders, server: str) -> list[str]:
    """Return the ids of a server's unread messages."""
    with builders.host(server) as host:
        return [message["id"] for message in list_messages(host, Filter()).messages]


def shown(builders: Builders, server: str, message_id: str) -> dict[str, Any]:
    """Return a message as a server lists it."""
    with builders.host(server) as host:
        (message,) = list_messages(host, Filter(ids=[message_id])).messages
    return message


def mark(builders: Builders, server: str, *ids: str) -> bool:
    """Mark messages read and return whether that changed anything."""
    with builders.host(server) as host:
        return mark_read(host, ids)[1]


def test_a_message_to_all_is_read_when_all_have_read_it(legacy: Builders) -> None:
    message_id = to_all(legacy)
    assert message_id in unread(legacy, "build2")
    assert mark(legacy, "build2", message_id)
    found = entry(legacy, message_id)
    assert (found["read"], found["read_by"]) == (False, ["build2"])
    assert message_id not in unread(legacy, "build2")
    assert message_id in unread(legacy, "build3")
    assert shown(legacy, "build1", message_id)["read"] is False, "not all have read it"
    assert mark(legacy, "build3", message_id)
    found = entry(legacy, message_id)
    assert (found["read"], found["read_by"]) == (True, ["build2", "build3"])
    assert shown(legacy, "build1", message_id)["read"] is True


def test_marking_twice_changes_once(legacy: Builders) -> None:
    message_id = to_all(legacy)
    assert mark(legacy, "build2", message_id)
    commits = legacy.commits()
    assert not mark(legacy, "build2", message_id)
    assert legacy.commits() == commits


def test_a_mark_changes_the_lines_of_its_message_alone(legacy: Builders) -> None:
    """This is also true for the files of the old scripts; no other message gets a mark."""
    before = legacy.show(MESSAGES).decode().split("\n")
    old = next(m for m in legacy.messages() if m["to"] == "build1" and m.get("read") is False)
    mark(legacy, "build1", old["id"])
    after = legacy.show(MESSAGES).decode().split("\n")
    start = before.index(f'      "id": "{old["id"]}",')
    end = before.index("    },", start)
    assert after[:start] == before[:start]
    assert after[len(after) - len(before) + end :] == before[end:]
    assert entry(legacy, old["id"]) == {**old, "read": True, "read_by": ["build1"]}


def test_the_old_scripts_mark_speaks_for_a_named_recipient(legacy: Builders) -> None:
    old = next(m for m in legacy.messages() if m["to"] == "build2" and m.get("read") is True)
    assert old["id"] not in unread(legacy, "build2")
    commits = legacy.commits()
    assert not mark(legacy, "build2", old["id"])
    assert legacy.commits() == commits


def test_the_old_scripts_mark_says_nothing_for_all(legacy: Builders) -> None:
    for server in ("build2", "build3"):
        assert OLD_TO_ALL in unread(legacy, server)
        assert mark(legacy, server, OLD_TO_ALL)
        assert OLD_TO_ALL not in unread(legacy, server)
    found = entry(legacy, OLD_TO_ALL)
    assert (found["read"], found["read_by"]) == (True, ["build2", "build3"])


def test_a_mark_by_another_is_shown_and_the_message_stays_unread(legacy: Builders) -> None:
    first, second = to_all(legacy), to_all(legacy)
    mark(legacy, "build2", first)
    text = legacy.show(MESSAGES).decode()
    document = json.loads(text)
    for message in document["messages"][-2:]:
        message["read_by"] = ["build2", "build3"]
    legacy.commit(MESSAGES, json.dumps(document, indent=2).encode())
    message = shown(legacy, "build2", second)
    assert (message["read"], message["marked_by_other"]) == (False, True)
    assert second in unread(legacy, "build2")
    message = shown(legacy, "build2", first)
    assert (message["read"], message["marked_by_other"]) == (True, False)
    message = shown(legacy, "build3", second)
    assert (message["read"], message["marked_by_other"]) == (True, False), "without a ledger the repository counts"
    commits = legacy.commits()
    assert mark(legacy, "build2", second), "the ledger has not changed"
    assert legacy.commits() == commits, "the repository already has the mark"
    assert shown(legacy, "build2", second)["marked_by_other"] is False


def test_a_mark_that_was_lost_in_the_repository_is_set_again(legacy: Builders) -> None:
    message_id = to_all(legacy)
    lost = legacy.show(MESSAGES)
    mark(legacy, "build2", message_id)
    legacy.commit(MESSAGES, lost)
    assert message_id not in unread(legacy, "build2"), "the ledger of this server lost the mark"
    assert mark(legacy, "build2", message_id)
    assert entry(legacy, message_id)["read_by"] == ["build2"]


def test_without_ids_what_was_last_listed_is_marked(legacy: Builders) -> None:
    first = to_all(legacy)
    with legacy.host("build2") as host:
        with pytest.raises(InvalidInput, match="Nothing was listed"):
            mark_read(host)
        listed = [message["id"] for message in list_messages(host, Filter(limit=3)).messages]
        later = to_all(legacy)
        receipt, changed = mark_read(host)
    assert (receipt.result, changed) == (listed, True)
    assert len(listed) == 3
    assert later in unread(legacy, "build2")
    assert first in [*listed, *unread(legacy, "build2")]


def test_a_listing_of_ones_own_messages_marks_none_of_them(legacy: Builders) -> None:
    message_id = to_all(legacy)
    commits = legacy.commits()
    with legacy.host("build1") as host:
        assert list_messages(host, Filter(ids=[message_id])).messages
        receipt, changed = mark_read(host)
    assert (receipt.result, changed) == ([], False)
    assert legacy.commits() == commits


@pytest.mark.parametrize("act", [mark_read, acknowledge])
def test_none_is_marked_when_one_is_unknown(legacy: Builders, act: Any) -> None:
    message_id = to_all(legacy, require_ack=True)
    foreign = next(m["id"] for m in legacy.messages() if m["to"] == "build3")
    before = legacy.show(MESSAGES)
    with legacy.host("build2") as host:
        with pytest.raises(UnknownMessage, match="no message 'msg_0'"):
            act(host, [message_id, "msg_0"])
        with pytest.raises(UnknownMessage, match="not addressed to build2"):
            act(host, [message_id, foreign])
    with legacy.host("build1") as host, pytest.raises(UnknownMessage, match="not addressed to build1"):
        act(host, [message_id])
    assert legacy.show(MESSAGES) == before
    assert message_id in unread(legacy, "build2")


def test_an_acknowledgement_of_a_named_recipient(legacy: Builders) -> None:
    with legacy.host("build1") as host:
        message_id = send(host, Draft("Do", "it", require_ack=True), ["build2"]).result[0].id
    with legacy.host("build2") as host:
        assert acknowledge(host, [message_id]).commit
        assert acknowledge(host, [message_id]).commit is None
    found = entry(legacy, message_id)
    assert (found["ack_status"], found["acknowledged_by"]) == ("completed", ["build2"])
    assert found["read"] is False, "the acknowledgement marked it read"


@pytest.mark.parametrize(("asked", "names"), [(True, []), (1, []), ("Yes ", []), (False, ["x"]), (None, ["x"])])
def test_who_asks_for_an_acknowledgement_in_another_form_is_understood(
    builders: Builders, asked: Any, names: list[str]
) -> None:
    put = {"id": "x", "from": "build1", "to": "build2", "subject": "Hi", "body": "Hi", "ack_required": asked}
    builders.commit(MESSAGES, json.dumps({"messages": [put]}).encode())
    with builders.host("build2") as host:
        acknowledge(host, ["x"])
        assert unrequested_acknowledgements(host, ["x"]) == names


def test_all_must_acknowledge_a_message_to_all(legacy: Builders) -> None:
    message_id = to_all(legacy, require_ack=True)
    for server, status, done in (("build3", "pending", ["build3"]), ("build2", "completed", ["build3", "build2"])):
        with legacy.host(server) as host:
            acknowledge(host, [message_id])
        found = entry(legacy, message_id)
        assert (found["ack_status"], found["acknowledged_by"]) == (status, done)


def test_without_a_fleet_file_all_are_those_who_were_seen(legacy: Builders) -> None:
    """build1, build2 and build3 have a status or a heartbeat in the files of the old scripts."""
    for server in legacy.ids:
        (legacy.state(server) / "fleet.json").unlink()
    message_id = to_all(legacy)
    mark(legacy, "build2", message_id)
    assert entry(legacy, message_id)["read"] is False
    mark(legacy, "build3", message_id)
    assert entry(legacy, message_id)["read"] is True


def test_check_mode_marks_nothing(legacy: Builders) -> None:
    message_id = to_all(legacy)
    before = legacy.show(MESSAGES)
    with legacy.host("build2", check_mode=True) as host:
        receipt, changed = mark_read(host, [message_id])
        assert (list(receipt.files), changed) == ([MESSAGES], True)
        acknowledge(host, [message_id])
    assert legacy.show(MESSAGES) == before
    assert {path.name for path in legacy.state("build2").iterdir()} <= {"fleet.json", "server_id", "repos"}
    assert message_id in unread(legacy, "build2")


def test_odd_entries_hide_no_mail(legacy: Builders) -> None:
    """This is tested with and without a ledger."""
    message_id = to_all(legacy)
    document = json.loads(legacy.show(MESSAGES))
    values: tuple[Any, ...] = (None, 7, [], {}, "\ud800")
    for value in values:
        odd = dict.fromkeys(("id", "from", "type", "subject", "timestamp", "read_by", "facts", "request"), value)
        document["messages"].append({**odd, "to": "all"})
    document["messages"] += [{}, {"to": ["build2"]}]
    legacy.commit(MESSAGES, json.dumps(document).encode())
    count = len(unread(legacy, "build2"))
    assert mark(legacy, "build2", message_id)
    assert len(unread(legacy, "build2")) == count - 1
