"""Test the failures of Git hosts: the reason is reported, and a host is not contacted too often."""

from __future__ import annotations

import io
import json
import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.deliver import FAIL, deliver_waiting
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery.outbox import Outbox
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    CloneInvalid,
    DeadlineReached,
    PushDeclined,
    RemoteBusy,
    RemoteMissing,
    RemoteUnreachable,
    StateUnusable,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.git import pause, process
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.heartbeat import (
    compose_heartbeat,
    publish_heartbeat,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.store import push_loop
from ansible_collections.acs.builders.tests.benchmark.far_host import make_certificate
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.git_server import GitHost, GitRequest, git_host
from ansible_collections.acs.builders.tests.waiting import LIMIT


def point_to(builders: Builders, url: str) -> None:
    """Set the remote of the clone of build1."""
    git("remote", "set-url", "origin", f"{url}/Build.git", cwd=builders.clone("build1"))


@pytest.fixture
def host(builders: Builders) -> Iterator[GitHost]:
    """Return a Git host with a message, which is the remote of the clone of build1."""
    git("config", "http.receivepack", "true", cwd=builders.remote)
    with builders.host("build2") as server:
        send(server, Draft("before", "x"), ["build1"])
    with git_host(builders.folder) as host:
        point_to(builders, host.url)
        with builders.host("build1") as server:
            assert len(list_messages(server, Filter()).messages) == 1
        host.requests.clear()
        yield host


@dataclass
class Moment:
    """Replaces the module time in pauses and in the push loop; only queued advance it.

    :param now: seconds since 1970.
    """

    now: float

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    """Return the time, which advances only while a server queued before its next request."""
    moment = Moment(1_795_245_106)
    for module in (pause, push_loop):
        monkeypatch.setattr(module, "time", moment)
    return moment


class Breaking(GitRequest):
    """Accepts a push, but fails instead of the answer and for all later requests."""

    def _backend(self, body: bytes) -> None:
        if "git-receive-pack" not in self.path or self.command != "POST":
            super()._backend(body)
            return
        connection, self.wfile = self.wfile, io.BytesIO()
        super()._backend(body)
        self.wfile = connection
        self.server.answer = 503
        self._refuse(503)


def queued(builders: Builders) -> int:
    """Return the number of writes in the outbox of build1."""
    return len(Outbox(StateDirectory(builders.state("build1"))).read().items)


def test_an_archived_repository_is_final(builders: Builders, host: GitHost) -> None:
    host.answer, host.words = 403, "This repository was archived so it is read-only.\n"
    with builders.host("build1") as server, pytest.raises(PushDeclined, match=r"archived.*Nothing was written"):
        send(server, Draft("x", "y"))
    assert queued(builders) == 0


def test_a_repository_that_was_renamed_is_named_with_its_new_address(builders: Builders, host: GitHost) -> None:
    host.answer, host.headers = 301, {"Location": f"{host.url}/New.git/info/refs?service=git-receive-pack"}
    with builders.host("build1") as server, pytest.raises(RemoteMissing) as refused:
        send(server, Draft("x", "y"))
    assert f"redirects to another address, {host.url}/New.git:" in refused.value.what
    assert "set builders_remote_url to its new address and run the setup" in refused.value.remedy
    assert queued(builders) == 0


@pytest.mark.parametrize(
    ("answer", "words", "headers"),
    [
        (429, "Retry later\n", {"Retry-After": "300"}),
        (429, "", {}),
        (403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.\n", {}),
        (503, "", {"Retry-After": "300"}),
        (503, "", {}),
        (502, "", {}),
    ],
)
def test_what_may_pass_is_queued_and_the_host_is_left_alone(
    builders: Builders,
    host: GitHost,
    moment: Moment,
    answer: int,
    words: str,
    headers: dict[str, str],
) -> None:
    host.answer, host.words, host.headers = answer, words, headers
    before = moment.now
    with builders.host("build1") as server:
        assert send(server, Draft("x", "y")).delivery == "queued"
    for _process in range(5):
        with builders.host("build1") as server:
            assert send(server, Draft("x", "y")).delivery == "queued"
            assert len(list_messages(server, Filter()).messages) == 1
            with pytest.raises(RemoteBusy):
                send(server, Draft("z", "y"), offline=FAIL)
            assert read_health(server)["problems"]
            with pytest.raises(RemoteBusy, match="are paused until"):
                publish_heartbeat(server, compose_heartbeat(server, [], 60, "test"))
    assert 1 <= len(host.requests) <= 5
    record = json.loads((builders.state("build1") / "repos" / "pause.json").read_text())
    assert record["until"] >= before + (300 if headers else 60)
    host.answer = None
    moment.now = record["until"] + 1
    with builders.host("build1") as server:
        list_messages(server, Filter())
        deliver_waiting(server)
    assert queued(builders) == 0
    assert [entry["subject"] for entry in builders.messages()] == ["before", *["x"] * 6]


def test_a_failure_that_passes_at_once_is_not_noticed(
    builders: Builders, host: GitHost, moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = moment.sleep

    def recover(seconds: float) -> None:
        host.answer = None
        sleep(seconds)

    host.answer = 502
    monkeypatch.setattr(moment, "sleep", recover)
    with builders.host("build1") as server:
        assert send(server, Draft("x", "y")).delivery == "pushed"


def test_a_push_that_broke_off_is_looked_for_once_the_host_may_be_asked(
    builders: Builders, host: GitHost, moment: Moment
) -> None:
    host.RequestHandlerClass = Breaking
    with builders.host("build1") as server, pytest.raises(DeadlineReached, match="Whether it arrived is not known"):
        send(server, Draft("x", "y", key="once"), offline=FAIL)
    host.RequestHandlerClass, host.answer = GitRequest, None
    moment.sleep(10_000)
    with builders.host("build1") as server:
        send(server, Draft("x", "y", key="once"))
    assert [entry["subject"] for entry in builders.messages()] == ["before", "x"]


def test_a_sha_256_repository_is_final(builders: Builders) -> None:
    git("init", "--quiet", "--bare", "--object-format=sha256", builders.folder / "New" / "Build.git")
    point_to(builders, str(builders.folder / "New"))
    with builders.host("build1") as server, pytest.raises(RemoteMissing, match="SHA-256"):
        send(server, Draft("x", "y"))
    assert queued(builders) == 0


@contextmanager
def tls(root: Path, certificate: Path) -> Iterator[str]:
    """Run a Git host with a certificate, and yield its address."""
    host = GitHost(root, None, None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    host.socket = context.wrap_socket(host.socket, server_side=True)
    thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"https://localhost:{host.server_port}"
    finally:
        host.shutdown()
        thread.join()
        host.server_close()


def test_an_untrusted_certificate_is_reported_and_one_that_the_clone_trusts_is_accepted(builders: Builders) -> None:
    git("config", "http.receivepack", "true", cwd=builders.remote)
    certificate = make_certificate(builders.folder)
    with tls(builders.folder, certificate) as url:
        point_to(builders, url)
        with builders.host("build1") as server:
            with pytest.raises(RemoteUnreachable, match="is not trusted on this host") as refused:
                send(server, Draft("x", "y"), offline=FAIL)
            assert "update-ca-certificates" in refused.value.remedy
            assert send(server, Draft("x", "y")).delivery == "queued"
        git("config", "http.sslCAInfo", certificate, cwd=builders.clone("build1"))
        with builders.host("build1", timeout=LIMIT) as server:
            list_messages(server, Filter())
            deliver_waiting(server)
            assert server.repository.notes == []
    assert [entry["subject"] for entry in builders.messages()] == ["x"]


@pytest.mark.parametrize("scope", ["clone", "system"])
def test_a_certificate_in_the_folder_of_certificates_is_trusted(
    builders: Builders, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    certificate = make_certificate(builders.folder)
    folder, system = builders.folder / "certificates", builders.folder / "gitconfig"
    folder.mkdir()
    shutil.copy(certificate, folder)
    git("config", "--file", system, "http.sslCAPath", folder if scope == "system" else "")
    environment = process.git_environment()
    monkeypatch.setattr(process, "git_environment", lambda: {**environment, "GIT_CONFIG_SYSTEM": str(system)})
    if scope == "clone":
        git("config", "http.sslCAPath", folder, cwd=builders.clone("build1"))
    with tls(builders.folder, certificate) as url:
        point_to(builders, url)
        with builders.host("build1", timeout=LIMIT) as server:
            for _time in range(2):
                list_messages(server, Filter())
            assert server.repository.notes == []


@pytest.mark.parametrize("user", [0, 1000])
def test_a_file_without_read_permission_is_reported_as_such(
    builders: Builders, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    read = Path.read_text
    refused = builders.state("build1") / "fleet.json"

    def guarded(path: Path, *words: str, **options: str) -> str:
        if path == refused:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *words, **options)

    monkeypatch.setattr(Path, "read_text", guarded)
    monkeypatch.setattr("os.geteuid", lambda: user)
    with pytest.raises(StateUnusable) as error, builders.host("build1"):
        pass
    assert error.value.what == f"{refused} cannot be read (Permission denied)."
    assert (f"chown root:root {refused}" if user == 0 else "sudo") in error.value.remedy
    refused = builders.state("build1") / "server_id"
    with pytest.raises(StateUnusable, match="server_id cannot be read"), builders.host("build1"):
        pass
    monkeypatch.setattr(Path, "read_text", read)
    (builders.clone("build1") / ".git" / "config").unlink()
    with pytest.raises(CloneInvalid, match="is not a Git repository"), builders.host("build1"):
        pass
