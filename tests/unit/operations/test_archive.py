"""Test which messages are moved to the archives, and the resulting files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Item, Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.writes import Acknowledgements
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import DocumentDamaged
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import archive as archiving
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.archive import (
    archive,
    archiving_notice,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.timestamps import utc_text
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.unit.legacy_mailbox import FORMS, Form, legacy_texts

START = datetime(2026, 11, 22, 7, 11, 46, tzinfo=timezone.utc)
OCTOBER, NOVEMBER = "coordination/archive/2026-10.json", "coordination/archive/2026-11.json"
NEWEST = {
    "id": "newest",
    "from": "build1",
    "to": "build2",
    "subject": "Hi",
    "timestamp": utc_text(START),
    "read": False,
}
LEGACY = {**NEWEST, "id": "old", "timestamp": "2026-11-08 01:58", "read": True}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Archive also a single message, unless a test sets another minimum."""
    monkeypatch.setattr(archiving, "MIN_MOVED", 1)


@contextmanager
def build2(builders: Builders, days: float = 0, **options: Any) -> Iterator[Host]:
    """Open the server build2, some days after the start."""
    with builders.host("build2", **options) as host:
        yield Clock(START, timedelta(days=days)).on(host)


def message(name: str = "one", age: float = 8, sender: str = "build1", **members: Any) -> dict[str, Any]:
    """Return a message of build1 that build2 has read.

    :param age: in days.
    """
    written = utc_text(START - timedelta(days=age))
    return {
        **{"id": name, "from": sender, "to": "build2", "type": "info", "priority": "normal", "subject": "Hello"},
        **{"body": "Hi", "timestamp": written, "read": True, "read_by": ["build2"], "ack_status": "not_requested"},
        **members,
    }


def put(builders: Builders, *entries: dict[str, Any], path: str = MESSAGES) -> bytes:
    """Replace the mailbox or an archive, and return the file."""
    data = json.dumps({"messages": entries}, indent=2).encode()
    builders.commit(path, data)
    return data


def moved(builders: Builders, *entries: dict[str, Any], days: float = 0) -> list[str]:
    """Return the ids of the messages that build2 moves from a mailbox of these and the newest one of build1."""
    put(builders, *entries, NEWEST)
    with build2(builders, days) as host:
        host.repository.read(lambda snapshot: snapshot.commit)
        return [entry.id for entry in archive(host).result]


def filed(builders: Builders, path: str) -> list[str]:
    """Return the ids of the messages in an archive of the remote."""
    return [entry["id"] for entry in json.loads(builders.show(path))["messages"]]


def test_a_message_that_was_read_is_moved(builders: Builders) -> None:
    put(builders, message("one"), message("two", read=False, read_by=[]), message("three"), NEWEST)
    with build2(builders) as host:
        receipt = archive(host)
    assert [entry.id for entry in receipt.result] == ["one", "three"]
    assert receipt.delivery == "pushed"
    assert [entry["id"] for entry in builders.messages()] == ["two", "newest"]
    assert json.loads(builders.show(NOVEMBER)) == {"messages": [message("one"), message("three")]}


@pytest.mark.parametrize(
    "members",
    [
        {"age": 6.9},
        {"age": -400},
        {"timestamp": "yesterday"},
        {"read_by": ["build1"]},
        {"read": False, "read_by": []},
        {"to": "build1", "read_by": ["build1"]},
        {"ack_required": True, "ack_status": "pending"},
        {"acknowledged_by": ["build2"]},
        {"type": "request"},
        {"to": "all", "read_by": ["build2"], "sender": "build3"},
        {"to": "build3", "read_by": ["build3"]},
    ],
    ids=str,
)
def test_what_stays(builders: Builders, members: dict[str, Any]) -> None:
    """build2 has a ledger of acknowledgements, which is empty."""
    (builders.state("build2") / "acknowledged.json").write_text('{"ids": {}}')
    (builders.state("build2") / "read.json").write_text(
        json.dumps({"ids": {"one": utc_text(START), "two": utc_text(START)}})
    )
    last = message("last", sender="build3")
    assert moved(builders, message("one", **members), message("two"), last) == ["two"]


def test_only_what_this_server_has_read_by_its_own_record_is_moved(builders: Builders) -> None:
    """Marks of others in its name are ignored."""
    put(builders, message("first", read=False, read_by=[]), NEWEST)
    with build2(builders) as host:
        mark_read(host, ["first"])
    assert moved(builders, message("first"), message("forged")) == ["first"]


def test_messages_of_old_scripts_are_moved(builders: Builders) -> None:
    assert moved(builders, {**LEGACY, "id": "unread", "read": False}, LEGACY, {**LEGACY, "id": "odd", "to": 7}) == [
        "old"
    ]


def test_a_message_to_all_waits_for_every_server_of_the_fleet(builders: Builders) -> None:
    to_all: dict[str, Any] = {"to": "all", "sender": "gone"}
    both = message("both", read_by=["build1", "build2"], **to_all)
    assert moved(builders, both, message("half", **to_all), message("last", **to_all)) == ["both"]


def test_the_newest_message_of_each_sender_stays(builders: Builders) -> None:
    """The newest one has the highest number, or without numbers is the last."""
    numbered = [message(f"n{seq}", seq=seq, sender="build3") for seq in (1, 3, 2)]
    others = [message(f"o{place}", sender="build4") for place in (1, 2)]
    assert moved(builders, *numbered, *others) == ["n1", "n2", "o1"]


def test_a_request_waits_for_its_answer_and_the_answer_stays_with_it(builders: Builders) -> None:
    asked = message("asked", type="request", subject="What is it?")
    answer = message("answer", in_reply_to="asked", read_by=["build1"], sender="build2", to="build1")
    own = message("own", type="request", read_by=["build1"], subject="Is it?", sender="build2", to="build1")
    to_own = message("to_own", in_reply_to="own")
    by_subject = message("by_subject", subject="Re: Is it?")
    last = message("last", sender="build2", to="build1")
    assert moved(builders, asked, own, to_own, by_subject, last) == []
    assert moved(builders, asked, own, answer, to_own, by_subject, last) == ["asked"]
    assert moved(builders, to_own, by_subject) == ["to_own", "by_subject"]


def test_a_request_that_nobody_answers_stays_for_a_month(builders: Builders) -> None:
    assert moved(builders, message(type="request", age=29)) == []
    assert moved(builders, message(type="request", age=31)) == ["one"]


def test_a_message_to_a_server_that_left_stays_for_a_month(builders: Builders) -> None:
    to_nobody: dict[str, Any] = {"to": "build9", "read_by": [], "read": False}
    assert moved(builders, message(age=31, **to_nobody)) == [], "a message that no server has seen was moved"
    to_nobody["read_by"] = ["build1"]
    assert moved(builders, message(age=29, **to_nobody)) == []
    assert moved(builders, message(age=31, **to_nobody)) == ["one"]


def test_what_waits_to_be_acknowledged_stays(builders: Builders) -> None:
    with build2(builders) as host, Outbox(host.state).changing() as contents:
        contents.accept(Item("item", utc_text(START), "acknowledge", (Acknowledgements(("one",)),)), START)
    assert moved(builders, message("one"), message("two")) == ["two"]


def test_it_is_worth_a_commit_only_with_many_or_with_old_ones(
    builders: Builders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "MIN_MOVED", 3)
    two = [message("one"), message("two")]
    assert moved(builders, *two) == []
    assert moved(builders, *two, message("three")) == ["one", "two", "three"]
    assert moved(builders, *two, message("old", age=31)) == ["one", "two", "old"]


def test_a_second_run_writes_nothing(builders: Builders) -> None:
    assert moved(builders, message()) == ["one"]
    before = builders.commits()
    with build2(builders) as host:
        receipt = archive(host)
    assert (receipt.result, receipt.commit, receipt.changed) == ([], None, False)
    assert builders.commits() == before


def test_check_mode_writes_nothing(builders: Builders) -> None:
    put(builders, message(), NEWEST)
    before = builders.commits()
    with build2(builders, check_mode=True) as host:
        receipt = archive(host)
    assert [entry.id for entry in receipt.result] == ["one"]
    assert set(receipt.files) == {MESSAGES, NOVEMBER}
    assert builders.commits() == before


def test_a_remote_without_messages(builders: Builders) -> None:
    with build2(builders) as host:
        assert archive(host).result == []


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_no_byte_of_a_message_changes(builders: Builders, form: Form) -> None:
    """The texts are those of the old scripts; those that build2 has read are moved."""
    texts = form.texts()
    builders.commit(MESSAGES, form.file(texts, []))
    with build2(builders) as host:
        moved_ids = [entry.id for entry in archive(host).result]
    kept = [text for text in texts if json.loads(text)["id"] not in moved_ids]
    assert builders.show(MESSAGES) == form.file(kept, [])
    filed = builders.show("coordination/archive/2025-11.json")
    inside = [text for text in texts if json.loads(text)["id"] in moved_ids]
    assert len(inside) > 20
    assert filed == ('{\n  "messages": [\n    ' + ",\n    ".join(inside) + "\n  ]\n}\n").encode()


@pytest.mark.parametrize("bare", [True, False])
def test_an_archive_that_is_there_keeps_its_form(builders: Builders, bare: bool) -> None:
    old = [message("zero", subject="\u00e9")]
    text = json.dumps(old if bare else {"v": 1, "messages": old}, ensure_ascii=False, separators=(",", ":"))
    builders.commit(NOVEMBER, text.encode())
    assert moved(builders, message("one")) == ["one"]
    end = "]" if bare else "]}"
    line = "\n  " if bare else "\n    "
    entry = line + json.dumps(message("one"), indent=2).replace("\n", "\n    ")
    assert builders.show(NOVEMBER).decode() == f"{text.removesuffix(end)},{entry}{end}"


def test_each_goes_to_the_archive_of_its_month(builders: Builders) -> None:
    zone = message("zone", timestamp="2026-11-01T00:30:00+01:00")
    assert moved(builders, message("new"), message("old", age=30), zone) == ["new", "old", "zone"]
    assert [entry["id"] for entry in json.loads(builders.show(OCTOBER))["messages"]] == ["old", "zone"]
    assert [entry["id"] for entry in json.loads(builders.show(NOVEMBER))["messages"]] == ["new"]


def test_what_is_in_the_archive_already_is_not_added_again(builders: Builders) -> None:
    """An old archiver was killed between its two writes. Another message with the same id is added."""
    archived = [message("one"), {**message("two"), "body": "something else"}]
    put(builders, *archived, path=NOVEMBER)
    assert moved(builders, message("one"), message("two")) == ["one", "two"]
    assert json.loads(builders.show(NOVEMBER))["messages"] == [*archived, message("two")]
    assert moved(builders, message("one")) == ["one"]
    assert builders.messages() == [NEWEST]


def test_one_commit_takes_no_more_than_it_may(builders: Builders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "MAX_MOVED", 2)
    monkeypatch.setattr(archiving, "MAX_MOVED_SIZE", 2_000)
    large = message("large", body="\u00e9" * 1_000)
    assert moved(builders, large, *(message(name) for name in "abc")) == ["a", "b"]
    with build2(builders) as host:
        assert [entry.id for entry in archive(host).result] == ["c"]
    assert [entry["id"] for entry in builders.messages()] == ["large", "newest"]


@pytest.mark.parametrize(("name", "limit"), [("FULL_SIZE", 100), ("FULL_ENTRIES", 1)])
def test_an_archive_that_is_full_is_followed_by_another(
    builders: Builders, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    monkeypatch.setattr(archiving, name, limit)
    for number in range(1, 12):
        assert moved(builders, message(str(number))) == [str(number)]
    names = ["2026-11.json", *(f"2026-11-{part}.json" for part in range(2, 12))]
    for number, path in enumerate(names, start=1):
        (entry,) = json.loads(builders.show(f"coordination/archive/{path}"))["messages"]
        assert entry["id"] == str(number)


@pytest.mark.parametrize("path", [MESSAGES, NOVEMBER])
def test_nothing_is_written_over_a_file_that_is_damaged(builders: Builders, path: str) -> None:
    put(builders, message(), NEWEST)
    builders.commit(path, b'{"messages": [')
    before = builders.commits()
    with build2(builders) as host, pytest.raises(DocumentDamaged, match=path):
        archive(host)
    assert builders.commits() == before


def test_what_could_not_be_read_in_an_archive_stays(builders: Builders) -> None:
    deep: Any = {}
    for _level in range(97):
        deep = {"in": deep}
    entries = [message("deep", facts=deep), message("flat"), NEWEST]
    builders.commit(MESSAGES, json.dumps(entries).encode())
    with build2(builders) as host:
        assert [entry.id for entry in archive(host).result] == ["flat"]


@pytest.mark.parametrize("full", ["[", "{"])
def test_brackets_fill_an_archive_too(builders: Builders, monkeypatch: pytest.MonkeyPatch, full: str) -> None:
    monkeypatch.setattr(archiving, "FULL_VALUES", 1000)
    put(builders, message("before", body=full * 1000), path=NOVEMBER)
    assert moved(builders, message("one"), message("two", body=full * (archiving.MAX_MOVED_VALUES + 1))) == ["one"]
    assert filed(builders, "coordination/archive/2026-11-2.json") == ["one"]


def test_the_first_time_is_reported_a_day_before(legacy: Builders) -> None:
    """The notice says how many messages are moved, and how to keep them; the day does not start again."""
    with legacy.host("build1") as host:
        clock = Clock(START, timedelta())
        host = clock.on(host)
        notice = archiving_notice(host)
        clock.move(days=0.9)
        assert archiving_notice(host) == notice
        assert notice.startswith("5 messages are")
        assert "2026-11-23T07:11:46Z" in notice and "build_heartbeat_archive" in notice
        clock.move(days=0.1)
        assert archiving_notice(host) == ""
        assert len(archive(host).result) == 5


def test_a_notice_from_before_the_clock_was_corrected_is_replaced(legacy: Builders) -> None:
    with legacy.host("build1") as host:
        archiving_notice(Clock(START, timedelta(days=400)).on(host))
        assert "2026-11-23T07:11:46Z" in archiving_notice(Clock(START, timedelta()).on(host))


def test_where_nothing_can_be_archived_nothing_is_reported(builders: Builders) -> None:
    put(builders, NEWEST)
    with build2(builders) as host:
        assert archiving_notice(host) == ""
    assert not (builders.state("build2") / "archiving.json").exists()


OLD_FORMS = ("archive/messages-2025-11.json", "archive/messages_202511.json")


@pytest.mark.parametrize("name", [*OLD_FORMS, "archives/messages_archive_20251113_111711.json"])
def test_a_message_in_an_archive_of_an_old_script_is_found(builders: Builders, name: str) -> None:
    """It is found by its id and its thread, and can be answered."""
    entries = [json.loads(text) for text in legacy_texts()]
    old = next(entry for entry in entries if entry["to"] == "build2" and entry["from"] == "build1")
    content = {"message_count": len(entries), "messages": entries} if "archives" in name else entries
    builders.commit(f"coordination/{name}", json.dumps(content).encode())
    with build2(builders) as host:
        for chosen in (Filter(ids=[old["id"]]), Filter(thread=old["id"])):
            assert [found["id"] for found in list_messages(host, chosen).messages] == [old["id"]]
        assert reply(host, old["id"], Draft("", "Still true.")).result[0].in_reply_to == old["id"]


@pytest.mark.parametrize("path", [*(f"coordination/{name}".replace("2025", "2026") for name in OLD_FORMS), NOVEMBER])
def test_a_copy_in_any_archive_of_the_month_is_not_filed_again(
    builders: Builders, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(archiving, "FULL_ENTRIES", 2)
    copies = [message("copy"), {**message("copy"), "body": "other"}]
    put(builders, *copies, path=path)
    assert moved(builders, message("copy"), message("more")) == ["copy", "more"]
    other = "coordination/archive/2026-11-2.json" if path == NOVEMBER else NOVEMBER
    assert filed(builders, other) == ["more"]


def test_without_a_fleet_a_message_to_all_stays(builders: Builders) -> None:
    (builders.state("build2") / "fleet.json").unlink()
    assert moved(builders, message("all", to="all"), message("one")) == ["one"]


def test_an_acknowledgement_that_was_asked_for_is_waited_for_whatever_its_status_says(builders: Builders) -> None:
    asked = message("asked", ack_required=True, ack_status="done")
    assert moved(builders, asked, message("one")) == ["one"]


def test_a_forged_number_lets_no_newest_message_go(builders: Builders) -> None:
    builders.trust()
    with builders.host("build1") as host:
        first, last = (send(host, Draft(f"Hello {number}", "Hi")).result[0].raw for number in range(2))
    forged = {**first, "id": "forged", "seq": 2**52}
    builders.commit(MESSAGES, json.dumps({"messages": [first, last, forged]}).encode())
    with builders.host("build2") as host:
        later = Clock(datetime.now(timezone.utc), timedelta(days=8)).on(host)
        mark_read(later, [first["id"], last["id"], "forged"])
        assert last["id"] not in [entry.id for entry in archive(later).result]
