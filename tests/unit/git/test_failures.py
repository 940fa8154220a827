"""Test that failures of Git and of its hosts are reported as the right errors."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination import errors
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import (
    CoordinationError,
    RemoteBusy,
    explain,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.failures import (
    ConnectionLost,
    DiskFull,
    Outcome,
    explain_failure,
    explain_push,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.pause import MAX, Pause
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.redaction import register_token_file
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory

URL = "https://git.example/Build.git"
WORDS = json.loads((Path(__file__).parents[2] / "fixtures" / "git-host-words.json").read_text())
TOKEN = "own+token+of+this+server"


@pytest.mark.parametrize("case", WORDS, ids=lambda case: case["host"])
@pytest.mark.parametrize("explained", [explain_failure, explain_push])
def test_messages_of_hosts_become_errors_of_their_kind(case: dict[str, str], explained: Any) -> None:
    error = explained(Outcome(128, b"", case["words"].replace("URL", URL)), URL)
    assert isinstance(error, CoordinationError)
    assert error.kind == case["kind"]
    assert re.search(case["says"], str(error)), str(error)
    assert "remote set-url" not in error.remedy  # the fleet file would reject another URL


def test_the_new_address_is_named_where_the_host_names_it() -> None:
    headers = {"location": "https://git.example/New.git/info/refs?service=git-upload-pack"}
    words = "fatal: unable to access 'x': The requested URL returned error: 301"
    error = explain_failure(Outcome(128, b"", words, headers), URL)
    assert "redirects to another address, https://git.example/New.git:" in str(error)


def test_an_error_of_the_host_without_words_is_reported_by_its_status() -> None:
    words = "fatal: unable to access 'x': The requested URL returned error: "
    denied = Outcome(128, b"", f"{words}403", {"retry-after": "60"})
    assert "limits the rate of requests" in str(explain_failure(denied, URL))
    failing = denied._replace(stderr=f"{words}503")
    error = explain_failure(failing, URL)
    assert isinstance(error, RemoteBusy) and error.wait > 0
    assert "has an internal error: unable to access 'x': The requested URL returned error: 503." in str(error)


@pytest.mark.parametrize(
    ("url", "words", "advice"),
    [
        ("git@git.example:acs/Build.git", "git@git.example: Permission denied (publickey).", "SSH key"),
        ("ssh://git.example/Build.git", "Host key verification failed.", "~/.ssh/known_hosts"),
        ("http://git.example/Build.git", "fatal: could not read Username for 'x': terminal prompts disabled", "https"),
        ("/srv/Build.git", "error: insufficient permission\nfatal: /srv/Build.git: Permission denied", "that folder"),
    ],
)
def test_a_host_that_gets_no_token_needs_no_other_token(url: str, words: str, advice: str) -> None:
    error = explain_failure(Outcome(128, b"", words), url)
    assert isinstance(error, CoordinationError) and error.kind == "credential"
    assert advice in error.remedy and "/PAT" not in str(error) and ".." not in str(error)


def test_the_token_file_is_named_with_what_is_wrong_with_it() -> None:
    words = "fatal: could not read Username for 'https://git.example': terminal prompts disabled"
    error = explain_failure(Outcome(128, b"", words, {}, "/etc/token", "/etc/token is a directory."), URL)
    assert "/etc/token is a directory." in str(error) and "(/etc/token, option pat_file)" in str(error)


def test_a_proxy_of_the_shell_is_named_when_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "fatal: unable to access 'x': Could not resolve host: git.example"
    monkeypatch.setenv("https_proxy", "http://person:swordfish@proxy.example")
    error = explain_failure(Outcome(128, b"", words), URL)
    assert "https_proxy of this process is not used" in str(error) and "swordfish" not in str(error)


@pytest.mark.parametrize(
    "name",
    [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, CoordinationError)],
)
def test_no_error_holds_a_secret(tmp_path: Path, name: str) -> None:
    (tmp_path / "PAT").write_text(f"{TOKEN}\n")
    register_token_file(str(tmp_path / "PAT"))
    words = ("a", 1, f"Git says {TOKEN}") if name == "DocumentDamaged" else (f"Git says {TOKEN}", f"Mend {TOKEN}")
    error = getattr(errors, name)(*words)
    assert TOKEN not in f"{error!r} {vars(error)}" and TOKEN not in explain(error)
    assert TOKEN not in explain(OSError(TOKEN))
    try:
        raise ValueError(f"{TOKEN} was not foreseen")
    except ValueError as unforeseen:
        assert TOKEN not in explain(unforeseen) and "was not foreseen" in explain(unforeseen)


# Requests are paused if a host fails or asks for a pause


class Asked:
    """A host that always gives the same answer; ``at`` are the times of the requests."""

    def __init__(self, words: str, **headers: str) -> None:
        self.outcome = Outcome(128, b"", words, {name.replace("_", "-"): value for name, value in headers.items()})
        self.at: list[float] = []
        self.clock = datetime(2026, 11, 22, tzinfo=timezone.utc).timestamp()

    def answer(self) -> Outcome:
        """Return the answer. The host asks for a credential first, so this is two requests."""
        self.at += [self.clock, self.clock]
        return self.outcome


def request_times(
    asked: Asked, state: StateDirectory, monkeypatch: pytest.MonkeyPatch, seconds: int = 300
) -> list[float]:
    """Send requests from three processes each second, and return the times at which the host got one."""
    monkeypatch.setattr("time.time", lambda: asked.clock)
    for _second in range(seconds):
        for _process in range(3):
            try:
                Pause(state, URL).ask(asked.answer)
            except RemoteBusy as error:
                assert "are paused until" in error.what
                break  # so are the other processes in this second
        asked.clock += 1
    return asked.at


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_failing_host_gets_at_most_five_requests_a_minute(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    at = request_times(
        Asked(f"fatal: unable to access 'x': The requested URL returned error: {status}"), state, monkeypatch
    )
    assert max(sum(0 <= later - first < 60 for later in at) for first in at) <= 5
    assert at[-1] - at[0] > 200


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_is_left_alone_as_long_as_it_asks_for(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    words = f"error: RPC failed; HTTP {status} curl 22 The requested URL returned error: {status}"
    at = request_times(Asked(words, retry_after="120"), state, monkeypatch)
    assert [round(moment - at[0]) for moment in at[::2]] == [0, 120, 240]


def test_a_time_is_understood_too_and_a_very_long_pause_is_not_believed(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "The requested URL returned error: 429"
    later = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=600), usegmt=True)
    for value, least, most in ((later, 1, 600), ("9" * 30, MAX, MAX), ("soon", 60, 60)):
        asked = Asked(words, retry_after=value)
        monkeypatch.setattr("time.time", lambda: 1_795_000_000.0)
        Pause(state, f"https://{value[:4].strip(',')}.example/x").ask(asked.answer)
        with pytest.raises(RemoteBusy) as left_alone:
            Pause(state, f"https://{value[:4].strip(',')}.example/x").ask(asked.answer)
        assert least <= left_alone.value.wait <= most


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_fails_with_pushes_alone_answers_so_at_most_five_times_a_minute(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    asked, good = Asked(f"The requested URL returned error: {status}"), Outcome(0, b"", "")
    monkeypatch.setattr("time.time", lambda: asked.clock)
    for _second in range(300):
        with suppress(RemoteBusy):
            Pause(state, URL).ask(lambda: good)
            Pause(state, URL).ask(asked.answer)
        asked.clock += 1
    assert max(sum(0 <= later - first < 60 for later in asked.at) for first in asked.at) <= 5
    assert asked.at[-1] - asked.at[0] > 200


def test_only_the_host_that_failed_is_left_alone_and_not_for_ever(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, good = Asked("The requested URL returned error: 503"), Outcome(0, b"", "")
    monkeypatch.setattr("time.time", lambda: asked.clock)
    Pause(state, URL).ask(asked.answer)
    assert Pause(state, "https://other.example/x").ask(lambda: good) == good
    assert Pause(state, "/srv/Build.git").ask(lambda: good) == good
    Pause(state, URL)._state.write_json("repos/pause.json", ["damaged"])
    assert Pause(state, URL).ask(lambda: good) == good
    asked.clock += 10
    Pause(state, URL).ask(asked.answer)
    asked.clock += 2
    assert Pause(state, URL).ask(lambda: good) == good
    asked.clock += 300
    Pause(state, URL).ask(asked.answer)
    asked.clock += 2
    assert Pause(state, URL).ask(lambda: good) == good


def test_a_push_that_broke_off_is_open_whatever_the_status_was() -> None:
    words = (
        "error: RPC failed; HTTP 503 curl 22 The requested URL returned error: 503\nsend-pack: unexpected disconnect"
    )
    assert isinstance(explain_push(Outcome(1, b"", words), URL), ConnectionLost)


@pytest.mark.parametrize(
    ("words", "is_here"),
    [
        ("fatal: unable to write loose object file: No space left on device\nfatal: unpack-objects failed\n", True),
        (
            "error: unable to create temporary file: Read-only file system\nfatal: fetch-pack: invalid index-pack\n",
            True,
        ),
        ("remote: fatal: unable to write loose object file: No space left on device\n", False),
        ("error: remote unpack failed: unable to write: No space left on device\n", False),
    ],
)
def test_a_full_disk_of_this_host_is_not_that_of_the_remote(words: str, is_here: bool) -> None:
    assert isinstance(explain_failure(Outcome(128, b"", words), URL), DiskFull) == is_here
