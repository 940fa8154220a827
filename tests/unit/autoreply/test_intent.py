"""Test that the intent of a message is recognized from its request and from its text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.autoreply.intent import is_answer, recognize
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Message
from ansible_collections.acs.builders.tests.builders import LEGACY_REPO, MESSAGES

SEED = "Please install libmysqlclient-dev to match Build1 environment. Confirm with version when complete."


def message(kind: str = "request", subject: str = "Hello", body: str = "Nothing.", **more: Any) -> Message:
    """Return a message."""
    return Message({"type": kind, "subject": subject, "body": body, **more})


@pytest.mark.parametrize(
    ("kind", "subject", "body", "action", "details"),
    [
        ("request", "Install libmysqlclient-dev", SEED, "install_packages", {"packages": ["libmysqlclient-dev"]}),
        ("request", "A wish", SEED, "install_packages", {"packages": ["libmysqlclient-dev"]}),
        (
            "request",
            "Packages",
            "Hello. Please install the packages cmake, libssl-dev=3.0.1-1 and g++ on build2.",
            "install_packages",
            {"packages": ["cmake", "libssl-dev=3.0.1-1", "g++"]},
        ),
        ("request", "install jq.", "x", "install_packages", {"packages": ["jq"]}),
        ("request", "Check environment for package jq", "x", "check_packages", {"packages": ["jq"]}),
        ("request", "Check packages jq, git", "x", "check_packages", {"packages": ["jq", "git"]}),
        ("request", "Is jq installed?", "x", "check_packages", {"packages": ["jq"]}),
        ("request", "Which version of git do you have?", "x", "check_packages", {"packages": ["git"]}),
        ("request", "What's your status?", "x", "status_report", None),
        ("request", "Hello", "Good morning.\nWhat is your current status?", "status_report", None),
        ("request", "Status check", "x", "status_report", None),
        ("info", "Starting build ABC", "x", "build_started", None),
        ("info", "Build started: job_42", "x", "build_started", None),
        ("error", "Build failed at step 4", "x", "build_failed", {"job": "", "step": "4", "reason": ""}),
        ("request", "Heartbeat stale", "Build1 heartbeat is stale (>5 min).", "stale_heartbeat", None),
    ],
)
def test_phrases_are_recognized(
    kind: str, subject: str, body: str, action: str, details: dict[str, Any] | None
) -> None:
    asked = recognize(message(kind, subject, body))
    assert asked is not None and (asked.kind, asked.problem) == (action, "")
    assert details is None or asked.details == details


@pytest.mark.parametrize(
    ("kind", "subject", "body"),
    [
        ("info", "Install libssl-dev", SEED),
        ("info", "Installed libssl-dev", "Installed libssl-dev version 3 on build1."),
        ("warning", "What's your status?", "x"),
        ("request", "Install failed tonight", "Can you look?"),
        ("request", "Install the new kernel tonight", "At 22:00."),
        ("request", "We did not install jq", "So you need not."),
        ("request", "Check package jq; rm -rf /", "x"),
        ("request", "install --reinstall jq", "x"),
        ("request", "install ../../tmp/evil.deb", "x"),
        ("request", "Status of the release?", "x"),
        ("request", "Question", "Shall we build tonight?"),
        ("error", "Disk full", "The build failed last week too, by the way."),
    ],
)
def test_other_texts_are_not_recognized(kind: str, subject: str, body: str) -> None:
    assert recognize(message(kind, subject, body)) is None


def test_old_messages_are_not_install_requests() -> None:
    """No message of the old mailbox is recognized as a request to install packages."""
    entries = json.loads((LEGACY_REPO / MESSAGES).read_text())["messages"]
    kinds = {asked.kind for asked in map(recognize, map(Message, entries)) if asked}
    assert entries and "install_packages" not in kinds


@pytest.mark.parametrize(
    ("request_", "details"),
    [
        ({"action": "install_packages", "packages": ["jq", "jq", "git=1:2.39.5-0"]}, ["jq", "git=1:2.39.5-0"]),
        ({"action": "check_packages", "packages": ["g++"]}, ["g++"]),
    ],
)
def test_a_request_names_packages(request_: dict[str, Any], details: list[str]) -> None:
    asked = recognize(message(subject="What's your status?", request=request_))
    assert asked == (request_["action"], {"packages": details}, "")


def test_request_precedes_text() -> None:
    assert recognize(message(subject="Install jq", request={"action": "reboot"})) is None
    assert recognize(message(subject="Install jq", request={"action": ["install_packages"]})) is None


@pytest.mark.parametrize(
    "packages",
    [None, [], "jq", ["-o"], ["--reinstall"], ["../evil.deb"], ["./x.deb"], ["/tmp/x.deb"], ["jq;id"], ["jq "], ["Jq"],
     ["jq="], ["jq=1 2"], ["jq=-1"], [1], [["jq"]], ["jq=1", "jq=2"], [f"p{n}" for n in range(101)], ["jq\n"], ["x"],
     ["{{ 7 }}"]],
)  # fmt: skip
def test_invalid_package_name_is_a_problem(packages: Any) -> None:
    asked = recognize(message(request={"action": "install_packages", "packages": packages}))
    assert asked is not None and asked.details == {} and asked.problem.endswith(".")


@pytest.mark.parametrize(
    ("request_", "details"),
    [
        ({"query": "disk"}, {"query": ["disk"]}),
        ({"query": ["load", "memory", "load"]}, {"query": ["load", "memory"]}),
        ({"query": "package", "package": "git"}, {"query": ["package"], "packages": ["git"]}),
        ({"query": "commit", "path": "/root/Build"}, {"query": ["commit"], "path": "/root/Build"}),
    ],
)
def test_a_request_asks_for_facts(request_: dict[str, Any], details: dict[str, Any]) -> None:
    assert recognize(message(request={"action": "facts", **request_})) == ("facts", details, "")


@pytest.mark.parametrize(
    "request_",
    [{}, {"query": "passwords"}, {"query": []}, {"query": {}}, {"query": "package"}, {"query": "commit", "path": "x"},
     {"query": [["disk"]]}, {"query": "package", "package": "-o"}],
)  # fmt: skip
def test_a_query_that_cannot_be_used_is_a_problem(request_: dict[str, Any]) -> None:
    asked = recognize(message(request={"action": "facts", **request_}))
    assert asked is not None and asked.kind == "facts" and asked.problem.endswith(".")


def test_an_answer_is_one_by_its_reference_or_its_subject() -> None:
    assert is_answer(message(in_reply_to="msg_1")) and is_answer(message(subject="Re: Install jq"))
    assert not is_answer(message(subject="Install jq"))
