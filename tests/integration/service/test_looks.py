"""Test the looks of the service: their requests to a real Git host, and that a service looks by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cycle import Cycle
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service_log import ServiceLog
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import load_config
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import read_inbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.waiting import service_runs, waiting
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.git_server import GitHost, git_host
from ansible_collections.acs.builders.tests.running_service import config, service, started
from ansible_collections.acs.builders.tests.waiting import LIMIT, until

REFS = "GET /Build.git/info/refs?service=git-upload-pack"


@pytest.fixture
def host(builders: Builders) -> Iterator[GitHost]:
    """Return a Git host that requires a token of build1."""
    (builders.folder / "PAT").write_text("token\n")
    git("config", "http.receivepack", "true", cwd=builders.remote)
    with git_host(builders.folder, token="token") as host:
        git("remote", "set-url", "origin", f"{host.url}/Build.git", cwd=builders.clone("build1"))
        yield host


@pytest.fixture
def cycle(builders: Builders, host: GitHost) -> Cycle:
    """Return the service of build1, which has published a heartbeat and seen a message of build2."""
    send_message(builders)
    log = ServiceLog(builders.folder / "build1" / "heartbeat.log")
    cycle = Cycle(load_config(str(config(builders, "build1"))), log, "2026-11-22T07:11:46Z", LIMIT)
    cycle.run()
    host.requests.clear()
    return cycle


def send_message(builders: Builders) -> str:
    """Send a message from build2 to build1, and return its id."""
    with builders.host("build2") as host:
        return str(send(host, Draft("Hello", "x"), ["build1"]).result[0].id)


def unread(builders: Builders) -> list[str]:
    """Return the ids of the recorded unread messages of build1."""
    inbox = read_inbox(StateDirectory(builders.state("build1")))
    return [message.id for message in inbox.messages] if inbox else []


def objects(builders: Builders) -> set[Path]:
    """Return the files with objects in the private repositories of build1."""
    return {path for path in builders.state("build1").rglob("objects/*/*") if path.is_file()}


def test_a_look_without_news_is_one_request_and_moves_no_object(
    builders: Builders, cycle: Cycle, host: GitHost
) -> None:
    before = objects(builders)
    cycle.look()
    assert host.requests == [REFS], "with the token"
    assert objects(builders) == before


def test_a_moved_heartbeat_is_not_fetched(builders: Builders, cycle: Cycle, host: GitHost) -> None:
    git("update-ref", "refs/heartbeats/build2", "main", cwd=builders.remote)
    cycle.look()
    assert host.requests == [REFS]


def test_a_moved_branch_is_fetched_once(builders: Builders, cycle: Cycle, host: GitHost) -> None:
    message_id = send_message(builders)
    cycle.look()
    assert unread(builders)[1:] == [message_id]
    fetched = len(host.requests)
    assert "POST /Build.git/git-upload-pack" in host.requests
    cycle.look()
    assert host.requests[fetched:] == [REFS]


def test_a_look_respects_the_pause_that_the_host_asks_for(cycle: Cycle, host: GitHost) -> None:
    host.answer, host.headers = 429, {"Retry-After": "3000"}
    cycle.look()
    assert host.requests == [REFS]
    host.answer = None
    cycle.look()
    assert host.requests == [REFS]


def test_a_service_looks_by_itself_while_somebody_waits(builders: Builders) -> None:
    state = StateDirectory(builders.state("build1"))
    with service(builders, "build1") as running:
        before = running.statuses()
        with waiting(state):
            message_id = send_message(builders)
            until(lambda: unread(builders) == [message_id], "no look")
        assert running.statuses() == before, "a cycle ran"
        until((state.path / "unread").exists, "no mark for the hooks")  # it is created after the record


def test_one_service_runs_at_a_time(builders: Builders) -> None:
    state = StateDirectory(builders.state("build1"))
    assert not service_runs(state)
    with service(builders, "build1") as running:
        assert service_runs(state)
        with started(builders, "build1", interval=1) as other:
            assert other.process.wait(LIMIT) == 5
            assert other.process.stderr is not None
            assert "service.lock" in other.process.stderr.read()
        assert running.process.poll() is None
    until(lambda: not service_runs(state), "no release of the lock")
