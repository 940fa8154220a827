"""Test the modules with a remote that is unreachable, rejects the credential or refuses the push; and the token."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import (
    Run,
    ad_hoc,
    call,
    check_failure,
    fail,
    kept_state,
    listed,
    send,
    succeed,
)
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.git_server import GitHost, git_host

TOKEN = "a-token-that-is-only-for-tests"
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("build_message", {"state": "sent", "subject": "Hello", "body": "Are you there?"}),
    ("build_status", {"status": "building"}),
    ("build_heartbeat_fact", {"beat": True}),
]
QUEUEABLE = WRITES[:2]


def point_to(builders: Builders, url: str, server: str = "build1") -> None:
    """Set the remote of a server's clone."""
    git("remote", "set-url", "origin", f"{url}/Build.git", cwd=builders.clone(server))


@pytest.fixture
def closed_port() -> Iterator[str]:
    """Return an address at which nothing listens, because its port is reserved."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def refs(builders: Builders) -> str:
    """Return all refs of the remote."""
    return git("show-ref", cwd=builders.remote)


@pytest.mark.parametrize(("module", "options"), [*WRITES, ("build_message", {}), ("build_status", {})])
def test_remote_that_cannot_be_reached(
    builders: Builders, closed_port: str, module: str, options: dict[str, Any]
) -> None:
    point_to(builders, closed_port)
    offline = {"offline": "fail"} if (module, options) in QUEUEABLE else {}
    result = fail(builders, "build1", module, **options, **offline)
    assert result["reason"] == "unreachable", result
    assert closed_port in result["msg"] and "cannot be reached" in result["msg"] and "Try again" in result["msg"]


@pytest.mark.parametrize(("module", "options"), QUEUEABLE)
def test_what_a_remote_that_cannot_be_reached_does_not_take_waits(
    builders: Builders, closed_port: str, module: str, options: dict[str, Any]
) -> None:
    url = git("remote", "get-url", "origin", cwd=builders.clone("build1"))
    point_to(builders, closed_port)
    result = succeed(builders, "build1", module, **options)
    assert (result["delivery"], result["changed"]) == ("queued", True)
    assert "waits in the outbox" in str(result["warnings"][0])
    git("remote", "set-url", "origin", url, cwd=builders.clone("build1"))
    succeed(builders, "build1", "build_message")
    assert builders.commits() == 1


@pytest.mark.parametrize("answer", [401, 403])
@pytest.mark.parametrize(("module", "options"), [WRITES[0], ("build_message", {})])
def test_remote_that_rejects_the_credential(
    builders: Builders, answer: int, module: str, options: dict[str, Any]
) -> None:
    send(builders, "build2")
    before = refs(builders)
    pat_file = builders.folder / "token"
    pat_file.write_text(f"{TOKEN}\n")
    with git_host(builders.folder, answer=answer) as host:
        point_to(builders, host.url)
        done = call(builders, "build1", module, pat_file=str(pat_file), **options)
    check_failure(done)
    assert done.result["reason"] == "credential", done.result
    assert "rejected the credential" in done.result["msg"] and "pat_file" in done.result["msg"]
    assert TOKEN not in done.output
    if answer == 401:
        assert set(host.passwords) == {TOKEN}
    assert refs(builders) == before


def test_a_rejected_credential_is_said_without_a_token_too(builders: Builders) -> None:
    with git_host(builders.folder, token=TOKEN) as host:
        point_to(builders, host.url)
        result = fail(builders, "build1")
    assert result["reason"] == "credential"
    assert "pat_file" in result["msg"]


@pytest.mark.parametrize(("module", "options"), WRITES)
def test_remote_that_refuses_by_a_hook(builders: Builders, module: str, options: dict[str, Any]) -> None:
    send(builders, "build2")
    before = refs(builders), kept_state(builders, "build1")
    hook = builders.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'frozen until the release' >&2\nexit 1\n")
    hook.chmod(0o755)
    result = fail(builders, "build1", module, **options)
    assert result["reason"] == "declined", result
    assert "declined the push" in result["msg"] and "frozen until the release" in result["msg"]
    assert "Nothing was written" in result["msg"] and "ask the owner" in result["msg"]
    kept = kept_state(builders, "build1")
    for name in ("beat.json", "watch.json"):  # the heartbeat that was not published, and what was seen before
        kept.pop(name, None)
    assert (refs(builders), kept) == before
    hook.unlink()
    assert succeed(builders, "build1", module, **options)["changed"] is True


def test_remote_that_is_gone_for_good(builders: Builders) -> None:
    send(builders, "build1")
    builders.remote.rename(builders.folder / "moved.git")
    for options in ({}, {"state": "sent", "subject": "Hello", "body": "Hello."}):
        result = fail(builders, "build1", **options)
        assert result["reason"] == "remote_missing"
        assert str(builders.remote) in result["msg"] and "builders_remote_url" in result["msg"]


def test_what_failed_is_sent_once_when_the_remote_is_back(builders: Builders, closed_port: str) -> None:
    message = {"state": "sent", "subject": "Hello", "body": "Are you there?", "key": "hello"}
    point_to(builders, closed_port)
    fail(builders, "build1", **message, offline="fail")
    git("remote", "set-url", "origin", builders.remote, cwd=builders.clone("build1"))
    assert succeed(builders, "build1", **message)["changed"] is True
    assert succeed(builders, "build1", **message)["changed"] is False
    assert [entry["subject"] for entry in builders.messages()] == ["Hello"]


def test_listing_while_the_remote_is_away(builders: Builders) -> None:
    send(builders, "build2", "before the cut")
    with git_host(builders.folder) as host:
        point_to(builders, host.url)
        assert succeed(builders, "build1", "build_status")["remote_age_seconds"] == 0
        with host.gone():
            result = succeed(builders, "build1")
            health = succeed(builders, "build1", "build_heartbeat_fact")["ansible_facts"]["build_heartbeat"]
    assert [message["subject"] for message in result["messages"]] == ["before the cut"]
    assert isinstance(result["remote_age_seconds"], int) and result["remote_age_seconds"] >= 0
    (warning,) = result["warnings"]
    assert re.search(r"cannot be reached.* What is known here is \d+ \w+ old\.", str(warning))
    assert health["healthy"] is False
    assert any("cannot be reached" in problem for problem in health["problems"])


def test_age_of_a_listing_while_the_remote_is_away(builders: Builders) -> None:
    with git_host(builders.folder) as host:
        point_to(builders, host.url)
        send(builders, "build1")
        (contact,) = (builders.state("build1") / "repos").glob("*.contact")
        hour_ago = time.time() - 3600
        os.utime(contact, (hour_ago, hour_ago))
        with host.gone():
            age = succeed(builders, "build1")["remote_age_seconds"]
    assert 3600 <= age <= round(time.time() - hour_ago)


def leaks(token: str, text: str) -> bool:
    """Return whether a text contains the token, plain or encoded as in HTTP."""
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return token in text or encoded in text


def spy_on_git(folder: Path) -> Path:
    """Put a `git` into a folder that records its arguments, and return the record."""
    record = folder / "calls"
    folder.mkdir()
    (folder / "git").write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{record}'\nexec '{shutil.which('git')}' \"$@\"\n"
    )
    (folder / "git").chmod(0o755)
    return record


def exchange(builders: Builders, host: GitHost, spy: Path) -> list[Run]:
    """Send with a wrong and with the right token, and list, with -vvvv and all traces of Git."""
    point_to(builders, host.url)
    tracing = {
        **{name: str(spy / "trace") for name in ("GIT_TRACE", "GIT_TRACE_CURL", "GIT_TRACE_SETUP")},
        "GIT_TRACE_REDACT": "0",
        "PATH": f"{spy}{os.pathsep}{os.environ['PATH']}",
    }
    pat_file = builders.folder / "token"
    given = {"pat_file": str(pat_file)}
    runs = []
    for token, options in (
        ("wrong-" + TOKEN, {"state": "sent", "subject": "Hello", "body": "Hello."}),
        (TOKEN, {"state": "sent", "subject": "Hello", "body": "Hello."}),
        (TOKEN, {}),
    ):
        pat_file.write_text(f"{token}\n")
        runs.append(
            ad_hoc(
                builders.folder, "build1", "build_message", "-vvvv", "--diff", options={**given, **options}, **tracing
            )
        )
    return runs


def test_the_token_is_sent_to_the_host_and_shown_nowhere(builders: Builders) -> None:
    spy = builders.folder / "spy"
    calls = spy_on_git(spy)
    with git_host(builders.folder, token=TOKEN) as host:
        refused, sent, seen = exchange(builders, host, spy)
    assert set(host.passwords) == {"wrong-" + TOKEN, TOKEN}
    assert refused.code != 0 and "rejected the credential" in refused.stdout
    assert "Traceback" not in refused.output
    assert sent.code == 0, sent.output
    assert seen.code == 0, seen.output
    assert [entry["subject"] for entry in builders.messages()] == ["Hello"]
    assert "push" in calls.read_text().split()
    for text in (
        refused.output,
        sent.output,
        seen.output,
        calls.read_text(),
        builders.show("coordination/messages.json").decode(),
    ):
        assert not leaks(TOKEN, text)
    kept = [path for path in builders.folder.rglob("*") if path.is_file() and path.name != "token"]
    assert [path for path in kept if leaks(TOKEN, path.read_bytes().decode("latin-1"))] == []


def test_a_password_in_the_remote_of_the_clone_is_not_used_or_shown(builders: Builders) -> None:
    with git_host(builders.folder, token="another") as host:
        point_to(builders, host.url.replace("//", "//person:swordfish@"))
        done = call(builders, "build1")
    check_failure(done)
    assert "swordfish" not in done.output
    assert "swordfish" not in host.passwords


def test_results_name_no_secret_option(builders: Builders) -> None:
    (builders.folder / "PAT").write_text(TOKEN)
    assert TOKEN not in json.dumps(succeed(builders, "build1"))
    assert listed(builders, "build2") == []
