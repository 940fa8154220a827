"""Test the command builderctl read: its pages and filters, and the marking of the messages on a page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl import reader
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.builderctl.read import MAX_SIZE
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import MESSAGES
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders, outage

Run = Callable[..., str]
HEAD = re.compile(r"^(?:ERROR|WARNING|REQUEST|INFO) (msg_\S+) ", re.MULTILINE)
HANDLE = re.compile(r"mark-read (@[0-9a-f]{4})$", re.MULTILINE)


@pytest.fixture
def run(builders: MemoryBuilders, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run builderctl on build2 in a session, check the exit code, and return all output."""

    def act(*words: str, code: int = 0, session: str = "one") -> str:
        monkeypatch.setenv(reader.VARIABLES[0], session)
        config = builders.folder / "build2.json"
        paths = {"repo": builders.clone("build2"), "state_dir": builders.state("build2")}
        config.write_text(json.dumps({name: str(path) for name, path in paths.items()}))
        ended = main(["--config", str(config), *words])
        printed = capsys.readouterr()
        assert ended == code, printed
        return printed.out + printed.err

    return act


def mail(builders: MemoryBuilders, count: int, body: str = "Hear.", **fields: Any) -> list[str]:
    """Send messages from build1 to build2 and return their ids."""
    with builders.host("build1") as host:
        return [send(host, Draft(f"No. {n}", body, **fields)).result[0].id for n in range(count)]


def put(builders: MemoryBuilders, *entries: dict[str, Any]) -> None:
    """Commit messages to the mailbox as an old script could."""
    plain = {"from": "build1", "to": "build2", "subject": "Old", "body": "Hear."}
    builders.commit(MESSAGES, json.dumps({"messages": [{**plain, **entry} for entry in entries]}).encode())


def unread(builders: MemoryBuilders, run: Run) -> list[str]:
    """Return the ids of the unread messages of build2, read in another session."""
    return [one["id"] for one in json.loads(run("read", "--json", session="other"))["messages"]]


def test_pages_have_every_message_once(builders: MemoryBuilders, run: Run) -> None:
    ids = mail(builders, 45)
    text = run("read")
    pages = [HEAD.findall(text)]
    while " Next page: add --after " in text:
        text = run("read", "--after", HANDLE.findall(text)[0])
        pages.append(HEAD.findall(text))
    assert [len(page) for page in pages] == [20, 20, 5]
    assert [one for page in pages for one in page] == ids
    assert "5 shown, 0 left, 45 unread." in text


def test_mark_read_marks_what_stood_on_the_page(builders: MemoryBuilders, run: Run) -> None:
    mail(builders, 3)
    text = run("read", "--limit", "2")
    on_page = HEAD.findall(text)
    later = mail(builders, 1)
    run("mark-read", HANDLE.findall(text)[0])
    assert len(on_page) == 2
    assert later[0] in unread(builders, run) and not set(on_page) & set(unread(builders, run))
    assert "There is no page '@1'" in run("mark-read", "@1", code=2)


def test_bare_mark_read_marks_the_page_of_its_session(builders: MemoryBuilders, run: Run) -> None:
    mail(builders, 3)
    own_page = HEAD.findall(run("read", "--limit", "1"))
    other_page = run("read", "--limit", "2", session="two")
    run("mark-read")
    assert not set(own_page) & set(unread(builders, run))
    assert set(HEAD.findall(other_page)[1:]) <= set(unread(builders, run))
    refused = run("mark-read", code=2, session="three")
    assert HANDLE.findall(other_page)[0] in refused and "builderctl mark-read HANDLE" in refused


def test_page_is_small_whatever_is_on_it(builders: MemoryBuilders, run: Run) -> None:
    huge = {"from": "日" * 300, "subject": "\U0001f680" * 5000, "body": "\U0001f680\n" * 5000}
    facts = [{"name": "日" * 2000, "value": "日" * 2000}]
    put(
        builders, *({**huge, "id": "é" * 190 + str(n), "facts": facts, "request": {"é": "日" * 5000}} for n in range(3))
    )
    for words in (["read"], ["read", "--brief"], ["read", "--all", "--limit", "50"]):
        assert 0 < len(run(*words).encode()) <= MAX_SIZE
    mail(builders, 30, body="x" * 900)
    text = run("read", "--from", "build1")
    assert MAX_SIZE * 0.7 < len(text.encode()) <= MAX_SIZE
    assert f"{len(HEAD.findall(text))} shown, {30 - len(HEAD.findall(text))} left" in text


def test_overhead_of_a_page(builders: MemoryBuilders, run: Run) -> None:
    builders.trust()
    for kind in ("request", "error", "info"):
        mail(builders, 6, type=kind)
    text = run("read")
    messages = len(HEAD.findall(text))
    assert messages == 18
    assert (len(text.encode()) - messages * len("No. 1Hear.")) / messages <= 90


def test_brief_has_a_line_for_each_message(builders: MemoryBuilders, run: Run) -> None:
    ids = mail(builders, 50, type="request")
    text = run("read", "--brief")
    lines = [line for line in text.splitlines() if line.startswith("msg_")]
    assert [line.split()[0] for line in lines] == ids
    assert all(len(line.encode()) < 160 for line in lines) and len(text.encode()) <= MAX_SIZE
    assert re.fullmatch(rf"{ids[0]}  \d+ s  request  build1  unsigned  No\. 0", lines[0])


def test_full_has_whole_bodies(builders: MemoryBuilders, run: Run) -> None:
    (asked,) = mail(builders, 1, body="x" * 9500)
    assert f"(8500 more characters: builderctl read {asked} --full)" in run("read")
    assert "x" * 9500 in run("read", asked, "--full")


def test_filters_of_the_command(builders: MemoryBuilders, run: Run) -> None:
    put(builders, {"id": "msg_1", "subject": "Disk FULL"}, {"id": "msg_2", "body": "no\nfull"}, {"id": "msg_3"})
    archived = {"id": "msg_0", "from": "build1", "to": "build2", "subject": "full", "body": "", "read_by": ["build2"]}
    others = {**archived, "id": "msg_9", "to": "build1"}
    builders.commit("coordination/archive/2025-11.json", json.dumps({"messages": [archived, others]}).encode())
    assert HEAD.findall(run("read", "--newest")) == ["msg_3", "msg_2", "msg_1"]
    assert HEAD.findall(run("read", "--grep", "fuLL")) == ["msg_1", "msg_2"]
    assert HEAD.findall(run("read", "--archived")) == ["msg_0", "msg_1", "msg_2", "msg_3"]
    assert HEAD.findall(run("read", "--archived", "--grep", "full", "--newest", "--limit", "2")) == ["msg_2", "msg_1"]


@pytest.mark.parametrize("words", [["msg_1"], ["--thread", "msg_1"], ["--after", "@7f3a"]])
def test_unknown_id_is_an_error(builders: MemoryBuilders, run: Run, words: list[str]) -> None:
    mail(builders, 1)
    assert words[-1] in run("read", *words, code=2)
    assert "Traceback" not in run("read", "--json", *words, code=2)


def test_thread_is_found_by_any_of_its_messages(builders: MemoryBuilders, run: Run) -> None:
    put(builders, {"id": "msg_1"}, {"id": "msg_2", "thread": "msg_1"}, {"id": "msg_3"})
    assert HEAD.findall(run("read", "--thread", "msg_2")) == HEAD.findall(run("read", "--thread", "msg_1"))
    put(builders, {"id": "msg_1"}, {"id": "msg_2", "thread": "msg_1"}, {"id": "msg_1", "thread": "msg_3"})
    assert "msg_2" in HEAD.findall(run("read", "--thread", "msg_1")), "a copy of an id redirects its thread"


def test_queued_answer_is_in_its_thread(builders: MemoryBuilders, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (asked,) = mail(builders, 1)
    run("read")
    with outage(builders):
        run("reply", asked, "Heard.")
        text = run("read", "--thread", asked)
    assert re.search(r"^INFO msg_\S+ build2 -> build1 .* queued in the outbox$", text, re.MULTILINE)


def test_answer_is_offered_only_where_it_can_be_sent(
    builders: MemoryBuilders, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    put(builders, {"id": "msg_1", "from": "build9"})
    text = run("read")
    assert "builderctl reply" not in text and "cannot be answered" in text
    assert run("reply", "msg_1", "Heard.", code=2)
    put(builders, {"id": "msg_1"})
    assert "builderctl reply" in run("read")


def test_session_is_that_of_the_client_or_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in reader.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    kernel = reader.current_reader()
    assert kernel == reader.current_reader()
    for name in reader.VARIABLES:
        monkeypatch.setenv(name, "x")
        assert reader.current_reader() != kernel
        monkeypatch.delenv(name)
