"""Test bad input of the modules: the error says what is wrong and what to do, and nothing changes."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import fail, kept_state, send, succeed
from ansible_collections.acs.builders.tests.builders import Builders, git, make_builders

SENT: dict[str, Any] = {"state": "sent", "subject": "Ready", "body": "All set."}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Builders:
    """Return servers with one message, which tests must not change."""
    builders = make_builders(tmp_path_factory.mktemp("shared"))
    send(builders, "build2", "the first")
    return builders


@pytest.mark.parametrize(
    ("module", "options", "words"),
    [
        ("build_message", {"state": "deleted"}, ("state", "deleted", "listed, sent, replied")),
        ("build_message", {**SENT, "type": "gossip"}, ("type", "gossip", "info, warning, error, request")),
        ("build_message", {**SENT, "priority": "urgent"}, ("priority", "urgent", "low, normal, high")),
        ("build_message", {"types": ["gossip"]}, ("types", "gossip", "info, warning, error, request")),
        ("build_message", {"state": "sent", "body": "x"}, ("subject",)),
        ("build_message", {"state": "replied", "body": "x"}, ("id",)),
        ("build_message", {"state": "acknowledged"}, ("ids",)),
        ("build_message", {"sate": "sent"}, ("sate", "state")),
        ("build_status", {"status": "asleep"}, ("status", "asleep", "idle, building, success, failed")),
        ("build_status", {"job": "job_1"}, ("status", "job")),
        ("build_status", {"status": "idle", "server": "build2"}, ("status", "server")),
    ],
)
def test_options_that_ansible_refuses(
    shared: Builders, module: str, options: dict[str, Any], words: tuple[str, ...]
) -> None:
    result = fail(shared, "build1", module, **options)
    assert [word for word in words if word not in result["msg"]] == []


BAD: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "unknown server": ({**SENT, "to": "build7"}, "unknown_server", ("no server build7", "build1, build2", "inventory")),
    "one unknown among known": ({**SENT, "to": ["build2", "build7"]}, "unknown_server", ("build7",)),
    "a path": ({**SENT, "to": "../etc/passwd"}, "invalid_input", ("../etc/passwd", "not a server id", "build1")),
    "an absolute path": ({**SENT, "to": "/root"}, "invalid_input", ("/root", "not a server id")),
    "a reserved word": ({**SENT, "to": "coordination"}, "invalid_input", ("coordination", "reserved word")),
    "upper case": ({**SENT, "to": "Build2"}, "invalid_input", ("Build2", "lower-case")),
    "itself": ({**SENT, "to": "build1"}, "invalid_input", ("build1 is this server", "another recipient")),
    "another sender": (
        {**SENT, "server_id": "build2"},
        "identity",
        ("is build1", "in the name of build2"),
    ),
    "a sender that is a path": ({**SENT, "server_id": "../build2"}, "invalid_input", ("../build2", "server id")),
    "a reserved sender": ({**SENT, "server_id": "all"}, "invalid_input", ("all", "reserved word")),
    "an empty subject": ({**SENT, "subject": ""}, "invalid_input", ("subject is empty", "1 to 100")),
    "a blank subject": ({**SENT, "subject": " \t"}, "invalid_input", ("subject", "1 to 100")),
    "two lines": ({**SENT, "subject": "one\ntwo"}, "invalid_input", ("subject", "more than one line")),
    "101 characters": ({**SENT, "subject": "x" * 101}, "invalid_input", ("subject", "101", "At most 100")),
    "an empty body": ({**SENT, "body": ""}, "invalid_input", ("body is empty", "10000")),
    "10,001 characters": ({**SENT, "body": "x" * 10_001}, "invalid_input", ("body", "10001", "At most 10000")),
    "surrogate in the body": ({**SENT, "body": "a\ud800b"}, "invalid_input", ("body", "surrogate")),
    "surrogate in the subject": ({**SENT, "subject": "a\udfffb"}, "invalid_input", ("subject", "surrogate")),
    "surrogate in a fact": ({**SENT, "facts": [{"name": "x", "value": "\ud800"}]}, "invalid_input", ("facts",)),
    "surrogate in a recipient": ({**SENT, "to": "build\ud800"}, "invalid_input", ("not a server id",)),
    "surrogate in a key": ({**SENT, "key": "k\ud800"}, "invalid_input", ("key",)),
    "NUL in the body": ({**SENT, "body": "a\0b"}, "invalid_input", ("body", "NUL")),
    "NUL in the subject": ({**SENT, "subject": "a\0b"}, "invalid_input", ("subject", "NUL")),
    "NUL in the request": ({**SENT, "request": {"action": "a\0"}}, "invalid_input", ("request", "NUL")),
    "a fact without a value of its own": (
        {**SENT, "facts": [{"name": "disks", "value": ["sda"]}]},
        "invalid_input",
        ("disks", "one value"),
    ),
    "a fraction in a request": ({**SENT, "request": {"action": "a", "load": 0.5}}, "invalid_input", ("0.5", "text")),
    "a request without action": ({**SENT, "request": {"packages": []}}, "invalid_input", ("action",)),
    "a key of spaces": ({**SENT, "key": " "}, "invalid_input", ("key", "letters")),
    "reply to an unknown id": ({"state": "replied", "id": "msg_1_x", "body": "x"}, "unknown_message", ("msg_1_x",)),
    "read of an unknown id": ({"state": "read", "ids": ["msg_1_x"]}, "unknown_message", ("msg_1_x", "read --all")),
    "acknowledgement of an unknown id": (
        {"state": "acknowledged", "ids": ["msg_1_x"]},
        "unknown_message",
        ("msg_1_x", "read --all"),
    ),
    "waiting for an unknown id": ({"state": "awaited", "id": "msg_1_x"}, "unknown_message", ("build1", "msg_1_x")),
    "read before anything was listed": ({"state": "read"}, "invalid_input", ("Nothing was listed", "ids")),
    "since nothing known": ({"since": "yesterday"}, "invalid_input", ("yesterday", "2026-11-22T07:11:46Z")),
    "a limit of zero": ({"limit": 0}, "invalid_input", ("limit", "at least 1")),
    "no time to wait": ({"state": "awaited", "wait_timeout": 0}, "invalid_input", ("wait_timeout", "1 second")),
    "no time at all": ({"timeout": 0}, "invalid_input", ("timeout", "at least 1")),
    "a query that is none": ({"query": "[?"}, "invalid_input", ("[?", "JMESPath", "for example")),
    "a query for something else": ({"query": "length(@)"}, "invalid_input", ("length(@)", "does not select messages")),
    "an empty branch": ({"branch": ""}, "invalid_input", ("branch", "clone")),
    "a branch with a NUL": ({"branch": "a\0"}, "invalid_input", ("branch",)),
    "a branch that is an option": ({"branch": "--upload-pack=x"}, "invalid_input", ("branch",)),
    "a token file with a NUL": ({"pat_file": "/PAT\0"}, "invalid_input", ("pat_file", "NUL")),
    "a branch that is not there": ({"branch": "master"}, "remote_missing", ("master", "main")),
    "a remote that the clone lacks": ({"remote": "upstream"}, "clone", ("upstream", "git -C", "remote add")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_says_what_to_do_and_writes_nothing(shared: Builders, name: str) -> None:
    options, reason, words = BAD[name]
    before = kept_state(shared, "build1"), git("show-ref", cwd=shared.remote)
    result = fail(shared, "build1", **options)
    assert result["reason"] == reason, result
    assert [word for word in words if word not in result["msg"]] == [], result["msg"]
    assert (kept_state(shared, "build1"), git("show-ref", cwd=shared.remote)) == before


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        ("build_heartbeat_fact", "timeout", {"timeout": "9" * 5_000}),
        ("build_response", "reply_deadline", {"reply_deadline": "1e9999999"}),
        ("build_job", "wait", {"wait": "-Infinity"}),
        ("build_message", "limit", {"limit": 10**4_000}),
        ("build_message", "request", {**SENT, "request": "{'action': [0x%s]}" % ("f" * 5_000)}),
    ],
)
def test_a_number_that_python_cannot_print_is_refused(
    shared: Builders, module: str, name: str, options: dict[str, Any]
) -> None:
    result = fail(shared, "build1", module, **options)
    assert result["msg"] == f"The option {name} has a number of more than 600 digits. Use a smaller number."
    assert result["reason"] == "invalid_input" and len(str(result)) < 10_000


def test_what_ansible_refuses_is_returned_without_secrets_and_huge_numbers(shared: Builders) -> None:
    token = "ghp_" + "a1B2" * 9
    options = {**SENT, "body": token, "request": "{0x%s: 1}" % ("f" * 5_000), "type": "gossip"}
    result = fail(shared, "build1", **options)
    assert "gossip" in result["msg"] and token not in str(result), result


@pytest.mark.parametrize("server", ["../etc", "docs", "build9"])
def test_status_of_no_server(shared: Builders, server: str) -> None:
    result = fail(shared, "build1", "build_status", server=server)
    assert result["reason"] in ("invalid_input", "unknown_server")
    assert server in result["msg"]


def test_a_key_is_not_used_for_other_content(builders: Builders) -> None:
    first = send(builders, "build1", key="ready-1")
    commits = builders.commits()
    for change in ({"body": "Not yet."}, {"to": "all"}, {"type": "error"}, {"facts": [{"name": "disk", "value": 1}]}):
        result = fail(builders, "build1", **{**SENT, "key": "ready-1", **change})
        assert result["reason"] == "key_conflict"
        assert "ready-1" in result["msg"] and first in result["msg"] and "new key" in result["msg"]
    assert builders.commits() == commits


def test_the_keys_of_two_servers_are_their_own(builders: Builders) -> None:
    send(builders, "build1", key="ready")
    send(builders, "build2", key="ready")
    assert [message["from"] for message in builders.messages()] == ["build1", "build2"]


def test_a_message_to_another_cannot_be_marked_or_answered(legacy: Builders) -> None:
    sent = send(legacy, "build1", to="build2")
    commits = legacy.commits()
    for options in (
        {"state": "read", "ids": [sent]},
        {"state": "acknowledged", "ids": [sent]},
        {"state": "replied", "id": sent, "body": "Mine?"},
    ):
        result = fail(legacy, "build3", **options)
        assert result["reason"] == "unknown_message"
        assert "not addressed to build3" in result["msg"]
    assert legacy.commits() == commits


def test_one_bad_id_among_good_ones_marks_none(builders: Builders) -> None:
    good = send(builders, "build1")
    fail(builders, "build2", state="read", ids=[good, "msg_1_x"])
    fail(builders, "build2", state="acknowledged", ids=[good, "msg_1_x"])
    assert builders.commits() == 1
    assert succeed(builders, "build2")["unread_count"] == 1


@pytest.mark.parametrize("place", ["missing", "empty folder", "file"])
def test_a_repository_that_is_none(builders: Builders, place: str) -> None:
    repo = builders.folder / "elsewhere"
    if place == "empty folder":
        repo.mkdir()
    elif place == "file":
        repo.write_text("not a folder")
    result = fail(builders, "build1", repo=str(repo), **SENT)
    assert result["reason"] == "clone"
    assert str(repo) in result["msg"] and "Clone the Build repository" in result["msg"]


def test_a_host_that_nothing_names(builders: Builders) -> None:
    (builders.state("build1") / "server_id").unlink()
    result = fail(builders, "build1", **SENT)
    assert result["reason"] == "identity"
    assert "setup.yml" in result["msg"] and "server_id" in result["msg"]
    assert succeed(builders, "build1", server_id="build1", **SENT)["message"]["from"] == "build1"


def test_a_state_directory_that_cannot_be_made(builders: Builders) -> None:
    shutil.rmtree(builders.state("build1"))
    builders.state("build1").write_text("in the way")
    result = fail(builders, "build1", server_id="build1", **SENT)
    assert result["reason"] == "state"
    assert str(builders.state("build1")) in result["msg"]
