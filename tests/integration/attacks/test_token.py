"""Test attacks on the token and on the programs of a server by an attacker who can push."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import CloneInvalid
from ansible_collections.acs.builders.tests.ansible_runner import call, fail, send, succeed
from ansible_collections.acs.builders.tests.attacker import AddRow, Attacker, make_fleet
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.git_server import git_host
from ansible_collections.acs.builders.tests.waiting import LIMIT

TOKEN = "ghp_TheTokenThatNobodyElseMayHave0000000"
HOOKS = ("post-checkout", "post-merge", "pre-push", "reference-transaction", "pre-commit", "post-rewrite", "update")


@pytest.fixture
def fleet(tmp_path: Path) -> Builders:
    """Return two servers that trust each other, with a token."""
    fleet = make_fleet(tmp_path, ("build1", "build2"))
    send(fleet, "build1", subject="First")
    (fleet.folder / "PAT").write_text(f"{TOKEN}\n")
    return fleet


class Catcher(ThreadingHTTPServer):
    """A host that records its requests, and redirects those that have a token.

    :param target: the address to redirect to; if empty, nothing is redirected.
    """

    daemon_threads = True

    def __init__(self, target: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _CatcherHandler)
        self.target = target
        self.requests: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        """The address of the host."""
        return f"http://127.0.0.1:{self.server_port}"


class _CatcherHandler(BaseHTTPRequestHandler):
    server: Catcher

    def do_GET(self) -> None:
        """Request a token, and redirect a request that has one."""
        self.server.requests.append(dict(self.headers.items()))
        if "Authorization" in self.headers and self.server.target:
            self.send_response(302)
            self.send_header("Location", self.server.target + self.path)
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="Git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


@contextmanager
def catcher(target: str = "") -> Iterator[Catcher]:
    """Run such a host, and stop it afterwards."""
    host = Catcher(target)
    thread = Thread(target=host.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        host.shutdown()
        thread.join()
        host.server_close()


def set_up_with(fleet: Builders, url: str) -> None:
    """Set the remote of build2 in the fleet file, as Ansible does, and in its clone."""
    path = fleet.state("build2") / "fleet.json"
    path.write_text(json.dumps({"remote": url, **json.loads(path.read_text())}))
    git("remote", "set-url", "origin", url, cwd=fleet.clone("build2"))


def use_everything(fleet: Builders) -> list[dict[str, Any]]:
    """Run each operation of build2 that uses the network, and return the failures of the modules."""
    sent = {"state": "sent", "subject": "Ready", "body": "All set.", "timeout": LIMIT}
    return [
        fail(fleet, "build2", timeout=LIMIT),
        fail(fleet, "build2", **sent),
        fail(fleet, "build2", "build_status", status="idle", timeout=LIMIT),
        fail(fleet, "build2", "build_heartbeat_fact", beat=True, timeout=LIMIT),
    ]


def test_a_redirect_does_not_take_the_token_along(fleet: Builders, table: AddRow) -> None:
    with catcher() as thief, catcher(thief.url) as host:
        set_up_with(fleet, f"{host.url}/Build.git")
        failures = use_everything(fleet)
    assert any("Authorization" in headers for headers in host.requests)
    assert thief.requests == []
    assert {failure["reason"] for failure in failures} == {"remote_missing"}
    assert all("redirects to another address" in failure["msg"] for failure in failures)
    table("remote redirects to another host", "none", "remote_missing: … redirects to …; 0 requests there")


def test_a_clone_that_was_pointed_elsewhere_is_refused(fleet: Builders, table: AddRow) -> None:
    with git_host(fleet.folder, token=TOKEN) as host, catcher() as thief:
        set_up_with(fleet, f"{host.url}/Build.git")
        succeed(fleet, "build2")
        assert set(host.passwords) == {TOKEN}
        git("remote", "set-url", "origin", f"{thief.url}/Build.git", cwd=fleet.clone("build2"))
        host.passwords.clear()
        failures = use_everything(fleet)
    assert (thief.requests, host.passwords) == ([], [])
    assert {failure["reason"] for failure in failures} == {"clone"}
    for failure in failures:
        assert f"{thief.url}/Build.git, but this server was set up with {host.url}/Build.git" in failure["msg"]
        assert "Nothing was sent." in failure["msg"]
        assert TOKEN not in json.dumps(failure)
    table("clone's origin changed to another host", "none", "clone: … this server was set up with …; 0 requests there")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://127.0.0.1:1/Build.git",
        "http://user:word@127.0.0.1:1/Build.git",
        "https://git.example.evil.example/Build.git",
        "https://git.example/Build.git/../../Other.git",
        "https://git.example@evil.example/Build.git",
        "http://git.example/Build.git",
        "ssh://git.example/Build.git",
        "git.example:Build.git",
        "/srv/Build.git",
        "ext::sh -c touch% /tmp/never",
    ],
)
def test_an_address_that_only_looks_right_is_refused(fleet: Builders, elsewhere: str) -> None:
    set_up_with(fleet, "https://git.example/Build.git")
    git("remote", "set-url", "origin", elsewhere, cwd=fleet.clone("build2"))
    with pytest.raises(CloneInvalid, match="but this server was set up with"), fleet.host("build2"):
        pass


@pytest.mark.parametrize("same", ["https://git.example/Build", "https://git.example/Build.git/"])
def test_an_address_that_is_the_same_is_not_refused(fleet: Builders, same: str) -> None:
    set_up_with(fleet, "https://git.example/Build.git")
    git("remote", "set-url", "origin", same, cwd=fleet.clone("build2"))
    with fleet.host("build2") as host:
        assert host.repository.url == same


def test_another_remote_of_the_clone_is_refused(fleet: Builders) -> None:
    with catcher() as thief:
        set_up_with(fleet, str(fleet.remote))
        git("remote", "add", "other", f"{thief.url}/Build.git", cwd=fleet.clone("build2"))
        assert fail(fleet, "build2", remote="other")["reason"] == "clone"
    assert thief.requests == []


def test_without_the_address_in_the_fleet_file_a_changed_clone_is_followed(fleet: Builders) -> None:
    with catcher() as thief:
        git("remote", "set-url", "origin", f"{thief.url}/Build.git", cwd=fleet.clone("build2"))
        assert fail(fleet, "build2", timeout=LIMIT)["reason"] == "credential"
    assert any("Authorization" in headers for headers in thief.requests)


def test_no_code_of_the_repository_runs(fleet: Builders, table: AddRow) -> None:
    marker = fleet.folder / "ran"
    script = f"#!/bin/sh\necho \"$0\" >> '{marker}'\ncat\n".encode()
    attributes = b"* filter=evil diff=evil merge=evil\n*.json filter=evil merge=evil ident\n"
    section = (
        f'"evil"]\n\tsmudge = {marker}.sh\n\tclean = {marker}.sh\n\ttextconv = {marker}.sh\n\tdriver = {marker}.sh\n'
    )
    config = (
        f"[core]\n\thooksPath = hooks\n\tfsmonitor = touch {marker}\n[filter {section}[diff {section}[merge {section}"
    )
    modules = f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch% {marker}"\n\tupdate = !touch {marker}\n'
    files = {f"{folder}/{name}": script for folder in ("hooks", "scripts/hooks", ".githooks") for name in HOOKS}
    files.update({".gitattributes": attributes, "coordination/.gitattributes": attributes})
    files.update({name: config.encode() for name in (".gitconfig", ".config/git/config", "config", "gitconfig")})
    files.update({".gitmodules": modules.encode(), ".mailmap": b"x <x> <y>\n", ".lfsconfig": config.encode()})
    git("config", "core.hooksPath", "scripts/hooks", cwd=fleet.clone("build2"))
    Attacker(fleet).push(files)
    for path in files:
        if path.endswith(HOOKS):
            (fleet.clone("build2") / path).parent.mkdir(parents=True, exist_ok=True)
    for number in (1, 2):
        send(fleet, "build2", subject=f"Ready {number}")
        assert succeed(fleet, "build2")["unread_count"] == 1
        succeed(fleet, "build2", "build_status", status="idle", job=None)
        succeed(fleet, "build2", "build_heartbeat_fact", beat=True)
    clone = fleet.clone("build2")
    assert (clone / ".gitattributes").read_bytes() == attributes
    assert (clone / "scripts/hooks/post-merge").read_bytes() == script
    assert not marker.exists()
    table("hooks, attributes, filters, .gitmodules, .gitconfig in the repository", "none", "nothing runs, no report")


def test_no_link_of_the_repository_leads_a_write_astray(fleet: Builders, table: AddRow) -> None:
    attacker, outside = Attacker(fleet), fleet.folder / "outside"
    outside.mkdir()
    (outside / "status.json").write_text("{}")
    attacker.push({"x": b"x"})
    (attacker.clone / "build2").symlink_to(outside)
    git("add", "build2", cwd=attacker.clone)
    git("commit", "--quiet", "--message", "a link", cwd=attacker.clone)
    git("push", "--quiet", "origin", "HEAD:main", cwd=attacker.clone)
    send(fleet, "build2")
    succeed(fleet, "build2", "build_status", status="success")
    assert (outside / "status.json").read_text() == "{}"
    assert json.loads(fleet.show("build2/status.json"))["status"] == "success"
    assert sorted(path.name for path in outside.iterdir()) == ["status.json"]
    table("a link in place of a server's folder", "none", "nothing is written outside, no report")


def test_the_token_is_not_in_what_the_attacker_sees(fleet: Builders) -> None:
    with git_host(fleet.folder, token=TOKEN) as host:
        set_up_with(fleet, f"{host.url}/Build.git")
        assert fail(fleet, "build2", state="sent", subject="Look", body=f"It is {TOKEN}.")["reason"] == "secret"
        assert TOKEN not in call(fleet, "build2").output
    assert TOKEN not in git("log", "--all", "--patch", cwd=fleet.remote)
