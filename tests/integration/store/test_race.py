"""Test concurrent writes of servers: nothing is lost or duplicated, and each server's order is kept."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import deliver
from ansible_collections.acs.builders.tests.builders import Builders, git, make_builders
from ansible_collections.acs.builders.tests.writers import Operation, Writer
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

IDS = tuple(f"build{number}" for number in range(1, 9))
Result = dict[str, Any]


@pytest.fixture(scope="module")
def writers() -> Iterator[list[Writer]]:
    """Start one process for each of eight servers."""
    processes = [Writer(server) for server in IDS]
    yield processes
    for process in processes:
        process.stop()


def work(writers: list[Writer], builders: Builders, plans: list[list[Operation]]) -> dict[str, list[Result]]:
    """Run the plans of writers at the same time, and return the results."""
    busy = list(zip(writers, plans))
    for writer, plan in busy:
        writer.start(builders.folder, builders.ids, plan)
    outcomes = {writer.server: writer.outcome() for writer, _plan in busy}
    failures = [outcome for outcome in outcomes.values() if isinstance(outcome, str)]
    assert not failures, failures
    return {server: outcome for server, outcome in outcomes.items() if not isinstance(outcome, str)}


def check_clones(builders: Builders) -> None:
    """Check that every clone is clean, on its branch, and usable with Git."""
    for server in builders.ids:
        clone = builders.clone(server)
        assert git("status", "--porcelain", cwd=clone) == ""
        git("pull", "--quiet", "--ff-only", cwd=clone)
        assert git("rev-parse", "HEAD", cwd=clone) == git("rev-parse", "main", cwd=builders.remote)


def test_four_writers_send_ten_messages_each_at_once(tmp_path: Path, writers: list[Writer]) -> None:
    builders = make_builders(tmp_path, IDS[:4])
    done = work(writers, builders, [[("send", "all")] * 10] * 4)
    sent = {server: [result["ids"][0] for result in results] for server, results in done.items()}
    arrived = builders.messages()
    assert Counter(message["id"] for message in arrived) == Counter(i for ids in sent.values() for i in ids)
    for server, ids in sent.items():
        assert [message["id"] for message in arrived if message["from"] == server] == ids
    assert len(arrived) == 40
    assert builders.commits() == 40
    check_clones(builders)


def test_processes_of_two_hosts_write_at_once(tmp_path: Path) -> None:
    """A process may deliver writes of another process of its host."""
    builders = make_builders(tmp_path, IDS[:2])
    processes = [Writer(server) for server in builders.ids for _process in range(3)]
    try:
        for process in processes:
            process.start(builders.folder, builders.ids, [("send", "all")] * 3)
        outcomes = [process.outcome() for process in processes]
    finally:
        for process in processes:
            process.stop()
    for server in builders.ids:
        with builders.host(server) as host:
            deliver(host)
    arrived = [message["id"] for message in builders.messages()]
    for outcome in outcomes:
        assert not isinstance(outcome, str), outcome
        sent = [message_id for result in outcome for message_id in result["ids"]]
        assert [message_id for message_id in arrived if message_id in sent] == sent
    assert len(arrived) == 18
    check_clones(builders)


class Model:
    """The expected content of the documents after the operations in the order of the history."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.status: dict[str, str] = {}

    def apply(self, server: str, result: Result) -> None:
        name, value = result["operation"]
        if name == "send":
            for message_id in result["ids"]:
                self.messages[message_id] = {"from": server, "to": value, "read_by": set(), "acknowledged_by": set()}
        elif name == "status":
            self.status[server] = value
        else:
            for message_id in result["ids"]:
                self.messages[message_id]["read_by" if name == "read" else "acknowledged_by"].add(server)


def read_model(builders: Builders) -> Model:
    """Return the actual content of the documents."""
    model = Model()
    marks = ("read_by", "acknowledged_by")
    for message in builders.messages():
        seen = {name: set(message[name]) for name in marks}
        assert all(len(message[name]) == len(seen[name]) for name in marks)
        model.messages[message["id"]] = {"from": message["from"], "to": message["to"], **seen}
    for server in builders.ids:
        if f"{server}/status.json" in git("ls-tree", "-r", "--name-only", "main", cwd=builders.remote).split():
            model.status[server] = json.loads(builders.show(f"{server}/status.json"))["status"]
    return model


def operations(server: str) -> st.SearchStrategy[list[Operation]]:
    recipients = st.sampled_from([other for other in (*IDS, "all") if other != server])
    states = st.sampled_from(["idle", "building", "success", "failed"])
    one = st.one_of(
        st.tuples(st.just("send"), recipients),
        st.just(("read", "")),
        st.just(("acknowledge", "")),
        st.tuples(st.just("status"), states),
    )
    return st.lists(one, max_size=3)


def test_what_eight_servers_do_at_once_equals_some_serial_order(writers: list[Writer]) -> None:
    class Fleet(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.scratch = tempfile.TemporaryDirectory()
            self.builders = make_builders(Path(self.scratch.name), IDS)
            self.by_commit: dict[str, tuple[str, Result]] = {}
            self.sent: dict[str, list[str]] = {server: [] for server in IDS}

        @rule(plans=st.tuples(*map(operations, IDS)))
        def act_at_once(self, plans: tuple[list[Operation], ...]) -> None:
            for server, results in work(writers, self.builders, list(plans)).items():
                for result in results:
                    if result["commit"]:
                        assert result["commit"] not in self.by_commit
                        self.by_commit[result["commit"]] = (server, result)
                    if result["operation"][0] == "send":
                        self.sent[server] += result["ids"]

        @invariant()
        def the_documents_match_the_history(self) -> None:
            if not self.by_commit:
                return
            history = git("rev-list", "--reverse", "main", cwd=self.builders.remote).split()
            assert sorted(history) == sorted(self.by_commit)
            model = Model()
            for commit in history:
                model.apply(*self.by_commit[commit])
            actual = read_model(self.builders)
            assert list(actual.messages) == list(model.messages)
            assert actual.messages == model.messages
            assert actual.status == model.status
            for server, ids in self.sent.items():
                assert [i for i, message in actual.messages.items() if message["from"] == server] == ids

        def teardown(self) -> None:
            self.scratch.cleanup()

    run_state_machine_as_test(
        Fleet,
        settings=settings(max_examples=4, stateful_step_count=3, suppress_health_check=list(HealthCheck)),
    )
