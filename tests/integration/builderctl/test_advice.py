"""Test the advice in errors of builderctl by executing it as printed."""

from __future__ import annotations

import re
import shlex

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.builds.job import (
    RUNNING_LOCK,
    Job,
    start,
    watch,
)
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.integration.builderctl.test_command import Shell
from ansible_collections.acs.builders.tests.waiting import LIMIT, until

TOKEN = f"ghp_{'x9' * 18}"


@pytest.fixture
def shell(builders: Builders) -> Shell:
    """Return two servers with builderctl."""
    made = Shell(builders)
    for server in builders.ids:
        made.install(server, timeout=LIMIT)
    return made


def error_of(shell: Shell, *words: str) -> str:
    """Run builderctl on build1, which must fail, and return its error of one line."""
    done = shell.run("build1", *words)
    assert done.code != 0 and done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("builderctl: ").strip()


def test_a_request_without_an_action(shell: Shell) -> None:
    words = ("send", "Install jq", "Please.", "--type", "request")
    (option,) = re.findall(r"--request '.*?'", error_of(shell, *words, "--request", "{}"))
    shell.ok("build1", *words, *shlex.split(option))
    assert shell.builders.messages()[0]["request"] == {"action": "install_packages", "packages": ["jq"]}


def test_a_secret(shell: Shell) -> None:
    words = ("send", "Log", f"export TOKEN={TOKEN}")
    refused = error_of(shell, *words)
    redact, allow = re.findall(r"--secrets \w+", refused)
    done = shell.run("build1", *words, *redact.split())
    assert done.code == 0 and TOKEN not in shell.builders.messages()[0]["body"]
    assert shell.run("build1", *words, *allow.split()).code == 0
    assert TOKEN in shell.builders.messages()[1]["body"]


def test_a_host_that_does_not_know_who_it_is(shell: Shell) -> None:
    (shell.builders.state("build1") / "server_id").unlink()
    advised = re.search(r"Write it, for example (\S+), to (\S+) ", error_of(shell, "read"))
    assert advised and advised.group(2) == str(shell.builders.state("build1") / "server_id")
    shell.script("build1", f"echo {advised.group(1)} > {advised.group(2)}")
    assert shell.ok("build1", "read") == "No unread messages.\n"


def test_an_unknown_message(shell: Shell) -> None:
    shell.mail()
    command = error_of(shell, "ack", "msg_0").rpartition(": builderctl ")[2]
    assert "msg_1795245106_9f86d081884c7d65" in shell.ok("build1", *shlex.split(command))


def test_details_without_a_status(shell: Shell) -> None:
    command = error_of(shell, "status", "--job", "job_7").rpartition(": builderctl ")[2]
    shell.ok("build1", *shlex.split(command))
    refused = error_of(shell, "status", "success", "--job", "job_7")
    (command,) = re.findall("'builderctl (.*?)'", refused)
    shell.ok("build1", *shlex.split(command))
    assert "status: failed" in shell.ok("build1", "status")


@pytest.mark.parametrize("status", ["idle", "building"])
def test_details_that_a_status_does_not_take(shell: Shell, status: str) -> None:
    words = {"--job": "job_7", "--git-branch": "main", "--git-commit": "0", "--log": "/x", "--artifact": "/y"}
    refused = error_of(shell, "status", status, *(word for pair in words.items() for word in pair))
    for option in re.findall(r"--[\w-]+", refused):
        words.pop(option)
    shell.ok("build1", "status", status, *(word for pair in words.items() for word in pair))


def test_a_job_that_runs(shell: Shell) -> None:
    builders = shell.builders
    with builders.host("build1") as host:
        folder = str(builders.folder)
        assert start(host, Job("first", folder, f"touch begun; exec sleep {LIMIT}", log_folder=folder))
        until((builders.folder / "begun").exists, "no start of the command")
        with pytest.raises(Exception, match="The job first is running on build1") as refusal:
            start(host, Job("second", folder, "true", log_folder=folder))
    lock = builders.state("build1") / RUNNING_LOCK
    advised = str(refusal.value).rpartition("terminate it: ")[2]
    assert advised == f"fuser -k -TERM {lock}"
    with builders.host("build1") as host:
        shell.script("build1", advised)
        job, _published = watch(host, LIMIT)
    assert (job["running"], job["status"], job["reason"]) == (
        False,
        "failed",
        "it was terminated by a signal to its runner",
    )


def test_an_acknowledgement_that_nobody_asked_for(shell: Shell) -> None:
    asked = shell.json("build2", "send", "One", "1", "--require-ack")["messages"][0]["id"]
    plain = shell.json("build2", "send", "Two", "2")["messages"][0]["id"]
    assert shell.ok("build1", "ack", asked, plain).replace("\n    ", " ") == (
        f"Marked acknowledged: {asked}\nMarked acknowledged, although no acknowledgement was requested: {plain}\n"
    )
    assert shell.json("build1", "ack", plain)["not_asked"] == [plain]
