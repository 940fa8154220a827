"""Test waiting for messages, with and without the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    NoAnswer,
    RemoteUnreachable,
    UnknownMessage,
    UnknownServer,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import Inbox, write_inbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.shown_ledger import (
    SHOWN_FILE,
    record_shown,
    shown_ids,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.waiting import (
    running_service,
    someone_waits,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations import polling, wait
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import reply, send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.wait import wait_for_news
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders


class Time:
    """A substitute for the module time, with actions at certain seconds of a wait."""

    def __init__(self) -> None:
        self.now = 0.0
        self.actions: list[tuple[float, Callable[[], object]]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        due = [action for at, action in self.actions if at <= self.now]
        self.actions = [one for one in self.actions if one[0] > self.now]
        for action in due:
            action()

    def at(self, second: float, action: Callable[[], object]) -> None:
        """Run an action at a second of the wait."""
        self.actions.append((second, action))


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    for module in (polling, wait):
        monkeypatch.setattr(module, "time", made)
    return made


class Server:
    """build1, which waits, the number of looks at the remote during its waits, and its service."""

    def __init__(self, builders: MemoryBuilders, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host = host
        self.looks = 0
        self.service = ExitStack()
        self._builders = builders
        read = host.repository.read

        def counted(*arguments: Any, **options: Any) -> Any:
            self.looks += 1
            return read(*arguments, **options)

        monkeypatch.setattr(host.repository, "read", counted)

    def start_service(self) -> None:
        self.service.enter_context(running_service(self.host.state))

    def service_looks(self) -> None:
        """Look at the remote as the service, and replace its record."""
        with self._builders.host("build1") as host:
            commit = host.repository.read(lambda snapshot: snapshot.commit)
            write_inbox(host.state, Inbox("build1", commit, "2026-11-22T07:11:50Z", 0, ()))

    def subjects(self, timeout: float = 60, reply_to: str | None = None, **filters: Any) -> list[str]:
        """Wait, and return the subjects of the new messages."""
        found = wait_for_news(self.host, Filter(**filters), reply_to, timeout)
        return [message["subject"] for message in found.messages]


@pytest.fixture
def build1(builders: MemoryBuilders, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with builders.host("build1") as host:
        server = Server(builders, host, monkeypatch)
        with server.service:
            yield server


def send_message(builders: MemoryBuilders, subject: str, sender: str = "build2", **fields: Any) -> str:
    """Send a message and return its id."""
    with builders.host(sender) as host:
        return str(send(host, Draft(subject, "Hear.", **fields)).result[0].id)


def answer(builders: MemoryBuilders, asked: str, body: str = "Three.") -> str:
    """Answer a message as build2, and return the id of the answer."""
    with builders.host("build2") as host:
        return str(reply(host, asked, Draft("", body)).result[0].id)


@contextmanager
def service(server: Server) -> Iterator[None]:
    with server.service:
        server.start_service()
        yield


def test_mail_that_is_there_already_ends_the_wait_at_once(builders: MemoryBuilders, build1: Server, time: Time) -> None:
    send_message(builders, "one")
    send_message(builders, "two", type="error")
    assert build1.subjects() == ["two", "one"]
    assert time.now == 0


def test_mail_is_returned_once(builders: MemoryBuilders, build1: Server, time: Time) -> None:
    send_message(builders, "listed")
    list_messages(build1.host, Filter())
    send_message(builders, "one")
    assert build1.subjects() == ["one"]
    time.at(30, lambda: send_message(builders, "two"))
    assert build1.subjects() == ["two"]
    with pytest.raises(NoAnswer, match="No new message came within 60 s"):
        build1.subjects()


def test_a_wait_returns_a_limited_number_and_the_next_one_the_rest(
    builders: MemoryBuilders, build1: Server, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "MAX_NEWS", 2)
    for subject in "abc":
        send_message(builders, subject)
    assert build1.subjects() == ["a", "b"]
    assert build1.subjects() == ["c"]


def test_a_wait_is_seen_while_it_lasts(builders: MemoryBuilders, build1: Server, time: Time) -> None:
    seen: list[bool] = []
    time.at(1, lambda: seen.append(someone_waits(build1.host.state)))
    with pytest.raises(NoAnswer):
        build1.subjects(2)
    assert seen == [True]
    assert not someone_waits(build1.host.state)


def test_without_the_service_a_wait_looks_every_five_seconds(
    builders: MemoryBuilders, build1: Server, time: Time
) -> None:
    with pytest.raises(NoAnswer):
        build1.subjects(600)
    assert 600 / 6 <= build1.looks <= 600 / 4 + 2


def test_with_the_service_a_wait_does_not_use_the_network(builders: MemoryBuilders, build1: Server, time: Time) -> None:
    send_message(builders, "shown")
    build1.service_looks()
    with service(build1):
        assert build1.subjects() == ["shown"]
        time.at(10, lambda: send_message(builders, "new"))
        time.at(20, build1.service_looks)
        assert build1.subjects() == ["new"]
        assert time.now == pytest.approx(20, abs=wait.CHECK_EVERY)
        assert build1.looks == 0


def test_a_wait_takes_over_from_a_stopped_service_and_goes_back(
    builders: MemoryBuilders, build1: Server, time: Time
) -> None:
    record_shown(build1.host.state, [send_message(builders, "old")])
    build1.service_looks()
    build1.start_service()
    looks: list[int] = []

    def note() -> None:
        looks.append(build1.looks)

    for second, action in (
        (100, note),
        (100, build1.service.close),
        (150, note),
        (150, build1.start_service),
        (200, note),
        (210, lambda: send_message(builders, "new")),
        (220, build1.service_looks),
    ):
        time.at(second, action)
    assert build1.subjects(600) == ["new"]
    assert looks[0] == 0
    assert 50 / 6 - 1 <= looks[1] <= 50 / 4 + 1
    assert looks[2] == looks[1] == build1.looks


def test_a_wait_that_nothing_came_to_asks_the_remote_when_the_service_has_not(
    builders: MemoryBuilders, build1: Server, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_message(builders, "one")
    build1.service_looks()
    with service(build1):
        assert build1.subjects() == ["one"]
        send_message(builders, "two")
        monkeypatch.setattr(wait, "FRESH", -1)
        assert build1.subjects(10) == ["two"]
        assert build1.looks == 1


@pytest.mark.parametrize("is_served", [False, True])
def test_an_unreachable_remote_does_not_count_as_no_mail(
    builders: MemoryBuilders, build1: Server, time: Time, monkeypatch: pytest.MonkeyPatch, is_served: bool
) -> None:
    monkeypatch.setattr(wait, "FRESH", -1)
    with ExitStack() as running:
        if is_served:
            running.enter_context(service(build1))
        builders.memory.away = True
        for _known in (False, True):
            with pytest.raises(RemoteUnreachable, match="Whether the new message came is not known"):
                build1.subjects(20)
            builders.memory.away = False
            build1.service_looks()
            builders.memory.away = True
    assert build1.host.repository.notes == []


def test_a_remote_that_comes_back_ends_the_outage_alone(builders: MemoryBuilders, build1: Server, time: Time) -> None:
    def come_back() -> None:
        builders.memory.away = False

    builders.memory.away = True
    time.at(20, come_back)
    with pytest.raises(NoAnswer):
        build1.subjects(60)
    builders.memory.away = True
    time.at(time.now + 20, come_back)
    time.at(time.now + 30, lambda: send_message(builders, "one"))
    assert build1.subjects(60) == ["one"]


def test_filters(builders: MemoryBuilders, build1: Server, time: Time) -> None:
    first = send_message(builders, "first")
    record_shown(build1.host.state, [first])
    asked = send_message(builders, "asked", sender="build1")
    time.at(1, lambda: send_message(builders, "error", type="error"))
    time.at(2, lambda: send_message(builders, "request", type="request"))
    time.at(3, lambda: answer(builders, asked))
    assert build1.subjects(types=["request"]) == ["request"]
    assert build1.subjects(thread=asked) == ["Re: asked"]
    assert build1.subjects(senders=["build2"]) == ["error"]
    with pytest.raises(UnknownServer):
        build1.subjects(senders=["build9"])


def test_only_an_answer_ends_a_wait_for_a_reply(builders: MemoryBuilders, build1: Server, time: Time) -> None:
    asked = send_message(builders, "asked", sender="build1", require_ack=True)

    def acknowledge_it() -> None:
        with builders.host("build2") as host:
            acknowledge(host, [asked])

    time.at(1, acknowledge_it)
    time.at(2, lambda: send_message(builders, "other"))
    time.at(30, lambda: answer(builders, asked))
    assert build1.subjects(reply_to=asked) == ["Re: asked"]
    assert time.now > 29
    with pytest.raises(NoAnswer, match="These answers were shown before: msg_"):
        build1.subjects(reply_to=asked)
    with pytest.raises(UnknownMessage):
        build1.subjects(reply_to="msg_1")


def test_an_answer_that_was_read_but_not_shown_ends_the_wait(
    builders: MemoryBuilders, build1: Server, time: Time
) -> None:
    asked = send_message(builders, "asked", sender="build1")
    answered = answer(builders, asked)
    mark_read(build1.host, [answered])
    build1.service_looks()
    with service(build1):
        assert build1.subjects(reply_to=asked) == ["Re: asked"]
    assert time.now == 0


def test_mail_that_another_session_was_shown_ends_the_wait_too(
    builders: MemoryBuilders, build1: Server, time: Time
) -> None:
    def other_session() -> None:
        send_message(builders, "one")
        with builders.host("build1") as host:
            list_messages(host, Filter())

    time.at(1, other_session)
    assert build1.subjects() == ["one"]


def test_a_message_without_an_id_does_not_end_a_wait(builders: MemoryBuilders, build1: Server, time: Time) -> None:
    now = datetime.now(timezone.utc).isoformat()
    text = f'{{"messages": [{{"from": "build2", "to": "build1", "subject": "x", "timestamp": "{now}"}}]}}'
    builders.commit("coordination/messages.json", text.encode())
    with pytest.raises(NoAnswer):
        build1.subjects(10)


def test_a_ledger_that_cannot_be_written_does_not_hide_the_mail(
    builders: MemoryBuilders, build1: Server, time: Time
) -> None:
    def damage() -> None:
        (build1.host.state.path / SHOWN_FILE).write_text("{")
        send_message(builders, "one")

    time.at(1, damage)
    assert build1.subjects() == ["one"]
    assert [note.split(":")[0] for note in build1.host.repository.notes] == [
        "The next wait returns these messages again"
    ]
    (build1.host.state.path / SHOWN_FILE).unlink()
    assert shown_ids(build1.host.state) == set()
