"""Test the trace of a message between two servers with running services, by builderctl and the module."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.shown_ledger import SHOWN_FILE
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.trace import trace_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.ansible_runner import module_variables, succeed
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.outage import outage
from ansible_collections.acs.builders.tests.running_service import COMMAND, config, service


def builderctl(builders: Builders, server: str, *words: str, code: int = 0) -> str:
    """Run builderctl as a server, and return its output."""
    path: Path = config(builders, server)
    command = [sys.executable, "-m", COMMAND, "--config", str(path), *words]
    variables = module_variables(builders)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, cwd=builders.folder, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def trace(builders: Builders, server: str, message_id: str) -> dict[str, dict[str, Any]]:
    """Return the steps of a message as traced by a server."""
    (found,) = json.loads(builderctl(builders, server, "trace", message_id, "--json"))["traces"]
    return {f"{step['server']} {step['step']}".strip(): step for step in found["steps"]}


def test_the_way_of_a_message_between_two_services(trusted: Builders) -> None:
    with service(trusted, "build1"), service(trusted, "build2") as running:
        assert running.beat()["mail"] == {"seen": {}, "shown": {}}
        message_id = json.loads(builderctl(trusted, "build1", "send", "--json", "Hello", "x"))["messages"][0]["id"]
        pushed = git("rev-parse", "main", cwd=trusted.remote)
        iso = ("--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ")
        pushed_at = git("log", "-1", *iso, pushed, cwd=trusted.remote, TZ="UTC")
        before = trace(trusted, "build1", message_id)
        assert (before["pushed"]["source"], before["pushed"]["time"]) == (f"commit {pushed[:12]} on main", pushed_at)
        assert before["build2 seen"]["state"] == "not_yet"

        seen = running.next_beat()
        assert seen["mail"] == {"seen": {"build1": 1}, "shown": {}}
        step = trace(trusted, "build1", message_id)["build2 seen"]
        assert (step["state"], step["time"], step["at_latest"]) == ("done", seen["timestamp"], True)
        assert step["source"] == "heartbeat of build2"

        builderctl(trusted, "build2", "read")
        assert trace(trusted, "build1", message_id)["build2 shown"]["state"] == "not_yet"
        shown = running.next_beat()
        assert shown["mail"] == {"seen": {"build1": 1}, "shown": {"build1": [[1, 1]]}}
        assert trace(trusted, "build1", message_id)["build2 shown"]["time"] == shown["timestamp"]

        answer = json.loads(builderctl(trusted, "build2", "reply", "--json", message_id, "Done."))["messages"][0]
        read = git("rev-parse", "main", cwd=trusted.remote)
        steps = trace(trusted, "build1", message_id)
        assert steps["build2 read"]["source"] == f"commit {read[:12]} on main"
        assert (steps["build2 answered"]["source"], steps["build2 answered"]["time"]) == (
            f"message {answer['id']}",
            answer["timestamp"],
        )
        own = trace(trusted, "build2", message_id)
        assert [own[f"build2 {name}"]["state"] for name in ("seen", "shown", "read", "answered")] == ["done"] * 4

    traced = succeed(trusted, "build1", state="traced", id=message_id)
    assert traced["changed"] is False
    assert {f"{step['server']} {step['step']}".strip(): step for step in traced["traces"][0]["steps"]} == steps
    with outage(trusted), trusted.host("build1") as host:
        assert trace_messages(host, [message_id]).data()["traces"] == traced["traces"]
        assert "cannot be reached" in host.repository.away


def test_a_damaged_ledger_stops_no_beat(trusted: Builders) -> None:
    path = trusted.state("build2") / SHOWN_FILE
    with service(trusted, "build2") as running:
        with trusted.host("build1") as host:
            send(host, Draft("Hello", "x"))
        path.write_text("{")
        beat = running.next_beat()
        assert beat["mail"] == {"seen": {"build1": 1}}
        assert [problem for problem in beat["problems"] if problem.startswith(f"{path} is not JSON")]
        assert any(str(path) in line for line in running.problems())
        path.unlink()
        assert running.next_beat()["problems"] == []


@pytest.mark.parametrize("content", ["", "{"])
def test_a_heartbeat_of_the_module_says_the_same_as_that_of_the_service(trusted: Builders, content: str) -> None:
    with trusted.host("build1") as host:
        send(host, Draft("Hello", "x"))
    builderctl(trusted, "build2", "read")
    if content:
        (trusted.state("build2") / SHOWN_FILE).write_text(content)
    with service(trusted, "build2") as running:
        by_service = running.beat()
        running.process.terminate()
        running.process.wait()
        succeed(trusted, "build2", "build_heartbeat_fact", beat=True)
        by_module = running.beat()
    assert by_module["sequence"] == by_service["sequence"] + 1
    assert (by_module["mail"], by_module["problems"]) == (by_service["mail"], by_service["problems"])
    assert by_service["mail"]["seen"] == {"build1": 1}
    assert ("shown" in by_service["mail"]) is not bool(content)


def test_a_host_that_does_not_know_the_older_commits_says_so(trusted: Builders) -> None:
    with trusted.host("build1") as host:
        message_id = str(send(host, Draft("Hello", "x")).result[0].id)
        send(host, Draft("Again", "x"))
    first_known = git("rev-parse", "main", cwd=trusted.remote)
    step = trace(trusted, "build2", message_id)["pushed"]
    assert (step["state"], step["at_latest"]) == ("done", True)
    assert step["source"] == f"commit {first_known[:12]} on main"
    with trusted.host("build1") as host:
        later = str(send(host, Draft("Later", "x")).result[0].id)
    step = trace(trusted, "build2", later)["pushed"]
    tip = git("rev-parse", "main", cwd=trusted.remote)
    assert (step["at_latest"], step["source"]) == (False, f"commit {tip[:12]} on main")
