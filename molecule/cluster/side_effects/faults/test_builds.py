"""Test that builds on booted servers are reported, also after an interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.cluster.beats import beats_again, delivered, messages, remote
from ansible_collections.acs.builders.tests.cluster.rig import TOP, Rig
from ansible_collections.acs.builders.tests.waiting import until

PLAY = "playbooks/run_build.yml"


@pytest.fixture(scope="module", autouse=True)
def source(rig: Rig) -> None:
    """Create the repository that is built."""
    identity = "-c user.name=build1 -c user.email=build1@localhost"
    rig.ssh("build1", f"git init -q /root/source && git -C /root/source {identity} commit -q --allow-empty -m x")


def variables(job: str, command: str, **more: Any) -> tuple[str, str]:
    """Return the arguments of the play for a build in /root/source."""
    return "--extra-vars", json.dumps({"job": job, "source": "/root/source", "command": command, **more})


def status(rig: Rig) -> dict[str, Any]:
    """Return the status of build1."""
    delivered(rig, "build1")
    found: dict[str, Any] = json.loads(remote(rig, "show", "main:build1/status.json"))
    return found


def reported(rig: Rig, job: str) -> list[tuple[str, str]]:
    """Return the types and subjects of the messages about a job."""
    delivered(rig, "build1")
    return [
        (message["type"], message["subject"]) for message in messages(rig) if message["subject"].endswith(f": {job}")
    ]


def test_a_build_that_succeeds(rig: Rig) -> None:
    command = "echo step 1; until [ -e /root/seen ]; do sleep 0.1; done; head -c 1000 /dev/zero > a.deb; echo step 2"
    go = "touch /root/seen"
    play = ["ansible-playbook", PLAY, "--limit", "build1", *variables("good", command, artifacts=["*.deb"])]
    with subprocess.Popen(
        play, cwd=TOP, env=rig.operator(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        seen = [line for line in process.stdout or () if "last line: step 1" in line and rig.ssh("build1", go)]
    assert process.returncode == 0
    assert "good has been running for " in seen[0], "its progress is visible"
    last = status(rig)["last_build"]
    assert (last["id"], last["status"], last["exit_code"]) == ("good", "success", 0)
    sha = rig.ssh("build1", "sha256sum /root/source/a.deb").stdout.split()[0]
    assert last["artifacts"] == [{"path": "/root/source/a.deb", "size": 1000, "sha256": sha}]
    assert last["commit"] == rig.ssh("build1", "git -C /root/source rev-parse HEAD").stdout.strip()
    assert reported(rig, "good") == [("info", "Build started: good"), ("info", "Build succeeded: good")]
    assert rig.ssh("build1", "tail -n 1 /root/build-logs/good.log").stdout == "step 2\n"


def test_a_build_that_fails_and_one_that_takes_too_long(rig: Rig) -> None:
    for job, command, limit, reason in (
        ("bad", "echo no space left; exit 3", 7200, "exit code 3"),
        ("long", "sleep 1000", 2, "it was terminated at its time limit of 2 s"),
    ):
        code, output = rig.playbook(PLAY, "--limit", "build1", *variables(job, command, time_limit=limit), check=False)
        assert code != 0 and f"{job} failed on build1: {reason}" in output
        assert status(rig)["last_build"]["reason"] == reason
        assert reported(rig, job) == [("info", f"Build started: {job}"), ("error", f"Build failed: {job}")]


def abandon(rig: Rig, job: str, command: str, then: Callable[[], Any]) -> None:
    """Start a build and kill the controller in the middle of it."""
    play = ["ansible-playbook", PLAY, "--limit", "build1", *variables(job, f"touch /root/begun-{job}; {command}")]
    with subprocess.Popen(
        play, cwd=TOP, env=rig.operator(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            until((rig.machines["build1"].root / f"root/begun-{job}").exists, "no start of the build")
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    then()


def test_a_build_goes_on_without_the_controller(rig: Rig) -> None:
    abandon(rig, "alone", "until [ -e /root/go ]; do sleep 0.1; done", lambda: rig.ssh("build1", "touch /root/go"))
    until(lambda: not rig.ssh("build1", "pgrep -f [j]ob_runner.py", check=False).stdout, "no end of the build")
    beats_again(rig, "build1")
    until(lambda: status(rig)["last_build"]["id"] == "alone", "no end of the build")
    assert status(rig)["status"] == "success"
    until(lambda: len(reported(rig, "alone")) == 2, "no message")
    assert reported(rig, "alone")[1] == ("info", "Build succeeded: alone")


def test_a_build_whose_process_is_gone_is_closed_by_the_next_heartbeat(rig: Rig) -> None:
    kill = "pkill -9 -f [j]ob_runner.py; pkill -9 -f '[s]leep 1234'"
    abandon(rig, "orphan", "sleep 1234", lambda: rig.ssh("build1", kill))
    beats_again(rig, "build1")
    until(lambda: status(rig)["last_build"]["id"] == "orphan", "no end of the build")
    assert status(rig)["last_build"]["reason"] == "its process ended without a result"
    until(lambda: len(reported(rig, "orphan")) == 2, "no message")
    assert reported(rig, "orphan")[1] == ("error", "Build failed: orphan")


def test_recovery_closes_a_build_too(rig: Rig) -> None:
    rig.ssh("build1", "systemctl stop build-heartbeat")
    abandon(
        rig, "left", "sleep 1234", lambda: rig.ssh("build1", "pkill -9 -f [j]ob_runner.py; pkill -9 -f '[s]leep 1234'")
    )
    rig.playbook("playbooks/recover.yml", "--limit", "build1")
    assert status(rig)["last_build"]["id"] == "left"
    assert reported(rig, "left") == [("info", "Build started: left"), ("error", "Build failed: left")]
