"""Test that one server sends an alert for each change of the fleet once, and that the next one takes over for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.acs.builders.tests.cluster.beats import beats_again, configured, heartbeat
from ansible_collections.acs.builders.tests.cluster.network import plug
from ansible_collections.acs.builders.tests.cluster.rig import Rig
from ansible_collections.acs.builders.tests.waiting import until

STATE = "var/lib/acs-builders"
COMMAND = "/usr/local/bin/tell"
RECEIVED = "root/told"
PROGRAM = f"#!/bin/sh\ncat >> /{RECEIVED}\n"
WAYS = [{"name": "file", "command": [COMMAND], "kinds": ["server", "build"]}]
LONG_AGO = "2026-01-01T00:00:00Z"
SERVERS = ("build1", "build2")


@pytest.fixture(scope="module", autouse=True)
def alerts(rig: Rig) -> Iterator[None]:
    """Let both servers send alerts, with a short interval, and remove this again."""
    for server in SERVERS:
        rig.machines[server].write(COMMAND.lstrip("/"), PROGRAM, 0o755)
    set_up(rig, WAYS)
    modes = rig.ssh("build1", "stat --format='%a %U' /etc/acs-builders/alerts.json").stdout.strip()
    assert modes == "600 root"
    with ExitStack() as stack:
        for server in SERVERS:
            stack.enter_context(configured(rig, server, interval=3))
        yield
    set_up(rig, [])
    left = "ls /etc/acs-builders/alerts.json /etc/systemd/system/build-alerts.path"
    assert rig.ssh("build1", left, check=False).stdout == ""
    rig.ssh("build2", "builderctl status idle")
    for server in SERVERS:
        assert "alerts" not in beats_again(rig, server)


def set_up(rig: Rig, ways: list[dict[str, Any]]) -> None:
    """Run the setup with ways of alerts, then again in check mode without a change."""
    arguments = ("setup.yml", "--diff", "--extra-vars", json.dumps({"build_alerts": ways}))
    _code, output = rig.playbook(*arguments)
    assert COMMAND not in output, "the ways are secret, but the diff shows them"
    _code, output = rig.playbook(*arguments, "--check")
    assert output.partition("PLAY RECAP")[2].count("changed=0") == len(SERVERS), output


def sent(rig: Rig, server: str) -> list[str]:
    """Return the texts of the alerts that a server has sent so far."""
    path = Path(rig.machines[server].root, RECEIVED)
    return [json.loads(line)["text"] for line in path.read_text().splitlines()] if path.exists() else []


def all_sent(rig: Rig) -> list[str]:
    """Return the texts of the alerts that all servers have sent so far."""
    return [text for server in SERVERS for text in sent(rig, server)]


def silence(rig: Rig, reader: str, server: str) -> None:
    """Make the last heartbeat of a server old in the records of another server."""
    path = Path(rig.machines[reader].root, STATE, "watch.json")
    record = json.loads(path.read_text())
    if server in record["servers"]:
        record["servers"][server].update(first_seen=LONG_AGO)
        new = path.with_name(".watch.test")
        new.write_text(json.dumps(record))
        new.replace(path)  # the service may read it at any time


def wait_for_alert(rig: Rig, reader: str, server: str, text: str) -> None:
    """Wait until a server has sent an alert about another one without new heartbeats."""

    def is_sent() -> bool:
        silence(rig, reader, server)
        beats_again(rig, reader)
        return text in sent(rig, reader)

    until(is_sent, f"no alert: {text}")


def run_cycles(rig: Rig, server: str, before: Callable[[], object] = list) -> None:
    """Run some more cycles of a server."""
    for _cycle in range(3):
        before()
        beats_again(rig, server)


def test_alerts_of_a_fleet(rig: Rig) -> None:
    assert all(heartbeat(rig, server)["alerts"] for server in SERVERS)
    rig.ssh("build2", "builderctl status building --job job_alerts && builderctl status failed")
    until(lambda: sent(rig, "build1") == ["A build of build2 failed"], "no alert: the failed build")

    plug(rig.folder, "build2", False)
    try:
        wait_for_alert(rig, "build1", "build2", "build2 is stale")
        run_cycles(rig, "build1", lambda: silence(rig, "build1", "build2"))
    finally:
        plug(rig.folder, "build2", True)
    until(lambda: "Resolved: build2 is stale" in all_sent(rig), "no alert: build2 is back")
    expected = ["A build of build2 failed", "build2 is stale", "Resolved: build2 is stale"]
    assert sorted(all_sent(rig)) == sorted(expected)

    rig.ssh("build1", "systemctl kill --signal=KILL build-heartbeat && systemctl stop build-heartbeat")
    wait_for_alert(rig, "build2", "build1", "build1 is stale")
    run_cycles(rig, "build2", lambda: silence(rig, "build2", "build1"))
    rig.ssh("build1", "systemctl start build-heartbeat")
    until(lambda: "Resolved: build1 is stale" in all_sent(rig), "no alert: build1 is back")
    rig.ssh("build2", "builderctl status building --job job_again && builderctl status success")
    until(lambda: "Resolved: A build of build2 failed" in all_sent(rig), "no alert: the build succeeded")
    for server in SERVERS:
        run_cycles(rig, server)
    expected += ["build1 is stale", "Resolved: build1 is stale", "Resolved: A build of build2 failed"]
    print(f"alerts sent: {len(all_sent(rig))}, expected: {len(expected)}")
    assert sorted(all_sent(rig)) == sorted(expected)
    listed = json.loads(rig.ssh("build2", "builderctl alerts --json").stdout)
    assert listed["alerts"] == []
    assert rig.ssh("build2", "builderctl alerts --test").stdout.strip() == "file: sent"
