"""Test state awaited: it returns a message that arrives, and fails without one."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.acs.builders.tests.ansible_runner import (
    fail,
    module_command,
    module_input,
    module_variables,
    send,
    succeed,
)
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.waiting import LIMIT


@contextmanager
def waiting(builders: Builders, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run the module on build1 in a separate process, which has found nothing when the context is entered."""
    command = module_command()
    given = {"state": "awaited", "wait_timeout": LIMIT, "poll_interval": 1, **options}
    before = last_contact(builders)
    with subprocess.Popen(
        command,
        cwd=builders.folder,
        env=module_variables(builders),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdin
            process.stdin.write(module_input(builders, "build1", **given))
            process.stdin.close()
            process.stdin = None
            deadline = time.monotonic() + LIMIT
            while last_contact(builders) == before:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def last_contact(builders: Builders) -> int:
    """Return the time of build1's last contact with the remote."""
    return max((path.stat().st_mtime_ns for path in (builders.state("build1") / "repos").glob("*.contact")), default=0)


def found(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the result of a process that was waiting."""
    stdout, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, stdout + stderr
    result: dict[str, Any] = json.loads(stdout)
    assert result["changed"] is False
    assert result["message"] == result["messages"][0]
    return result


def test_a_reply_that_comes_meanwhile(builders: Builders) -> None:
    asked = send(builders, "build1", "How many?")
    with waiting(builders, id=asked) as process:
        send(builders, "build2", "something else")
        succeed(builders, "build2", state="replied", id=asked, body="Three.", facts=[{"name": "number", "value": 3}])
        result = found(process)
    assert [message["body"] for message in result["messages"]] == ["Three."]
    assert result["message"]["facts"][0]["value"] == 3
    assert result["message"]["read"] is False
    assert result["unread_count"] == 2
    assert result["commit"] == git("rev-parse", "main", cwd=builders.remote)


def test_a_reply_that_is_there_already(builders: Builders) -> None:
    asked = send(builders, "build1", "How many?")
    succeed(builders, "build2", state="replied", id=asked, body="Three.")
    succeed(builders, "build1", state="read", ids=[builders.messages()[-1]["id"]])
    assert succeed(builders, "build1", state="awaited", id=asked, wait_timeout=1)["message"]["body"] == "Three."


def test_an_acknowledgement(builders: Builders) -> None:
    asked = send(builders, "build1", require_ack=True)
    with waiting(builders, id=asked) as process:
        succeed(builders, "build2", state="acknowledged", ids=[asked])
        message = found(process)["message"]
    assert (message["id"], message["acknowledged_by"], message["ack_status"]) == (asked, ["build2"], "completed")


def test_a_message_that_matches_a_query(builders: Builders) -> None:
    send(builders, "build2", "Building 4.21")
    with waiting(builders, query="[?contains(subject, 'done')]") as process:
        send(builders, "build2", "Still building")
        send(builders, "build2", "Build done")
        result = found(process)
    assert [message["subject"] for message in result["messages"]] == ["Build done"]


def test_a_message_that_filters_select(builders: Builders) -> None:
    send(builders, "build2", "info")
    with waiting(builders, types=["error"], senders=["build2"]) as process:
        send(builders, "build2", "disk full", type="error")
        assert found(process)["message"]["subject"] == "disk full"


def test_time_over(builders: Builders) -> None:
    asked = send(builders, "build1")
    for options in ({"id": asked}, {"query": "[?type=='error']"}, {"senders": ["build2"]}):
        result = fail(builders, "build1", state="awaited", wait_timeout=1, poll_interval=60, **options)
        assert result["reason"] == "no_answer"
        assert "within 1 s" in result["msg"] and "build_heartbeat_fact" in result["msg"]
        assert options.get("id", "") in result["msg"]
