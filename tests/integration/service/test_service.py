"""Test the heartbeat service as a separate process: its heartbeats and logs, and its recovery from failures."""

from __future__ import annotations

import json
import os
import shutil
import signal
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.git_server import git_host
from ansible_collections.acs.builders.tests.running_service import service, started
from ansible_collections.acs.builders.tests.waiting import LIMIT, until


def test_it_beats_and_logs_it_until_it_is_stopped(builders: Builders) -> None:
    with service(builders, "build1") as running:
        first = running.beat()
        second = running.next_beat()
        running.process.terminate()
        assert running.process.wait(LIMIT) == 0
        assert running.process.stderr is not None and running.process.stderr.read() == ""
        lines = running.log()
    assert first["healthy"] is True and first["interval_seconds"] == LIMIT
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert second["daemon"] == {**first["daemon"], "pid": running.process.pid}
    assert len(lines) == 2
    assert all(line.endswith("] Heartbeat updated") and len(line) == 39 for line in lines), lines
    assert git("rev-list", "--all", "--count", cwd=builders.remote) == "1"
    assert not list(builders.state("build1").rglob("*.lock/*"))
    with service(builders, "build1") as running:
        assert running.beat()["sequence"] == 3


def test_it_beats_again_after_the_interval(builders: Builders) -> None:
    with service(builders, "build1", interval=1) as running:
        until(lambda: running.beat()["sequence"] >= 3, "no heartbeat without a request")


def test_new_mail_is_logged_once_and_stays_unread(builders: Builders) -> None:
    with builders.host("build2") as host:
        send(host, Draft("before", "it started"), ["build1"])
    with service(builders, "build1") as running:
        assert running.log("build-messages")
        with builders.host("build2") as host:
            hostile = "line one\n[2026-01-01 00:00:00] [ERROR] forged\r\x1b[2J\u202e\nlast"
            message_id = send(host, Draft("Install it", hostile, "request"), ["build1"]).result[0].id
            send(host, Draft("for another", "x"), ["all"])
        running.next_beat()
        running.next_beat()
        lines = running.log("build-messages")
    assert len(lines) == 8, lines
    heads = [line for line in lines if not line.startswith("    | ")]
    assert [head[22:].split(" (")[0] for head in heads] == [
        "[INFO] build2 -> build1: before",
        "[REQUEST] build2 -> build1: Install it",
        "[INFO] build2 -> all: for another",
    ]
    assert f"({message_id}, sent " in heads[1]
    assert lines[4] == "    | [2026-01-01 00:00:00] [ERROR] forged\\r\\x1b[2J\\u202e"
    assert [entry["read_by"] for entry in builders.messages()] == [[], [], []]
    assert (builders.clone("build1") / "coordination" / "messages.json").exists(), "the clone was not updated"


def test_overdue_mail_needs_attention_and_makes_no_server_sick(builders: Builders) -> None:
    with builders.host("build2") as host:
        an_hour_ago = Clock(datetime.now(timezone.utc), timedelta(hours=-1)).on(host)
        message_id = send(an_hour_ago, Draft("old", "x"), ["build1"]).result[0].id
    with service(builders, "build1", reply_deadline=60) as running:
        beat = running.beat()
    assert message_id in beat["attention"][0]
    assert (beat["healthy"], beat["problems"]) == (True, [])


def test_an_absent_remote_is_reported_once_and_survived(builders: Builders) -> None:
    summary = builders.state("build1") / "summary.json"
    with service(builders, "build1") as running:
        moved = builders.remote.with_name("away.git")
        builders.remote.rename(moved)
        for _cycle in range(3):
            assert running.cycle().startswith("No heartbeat")
        assert len(running.problems()) == 1
        assert "No heartbeat" in json.loads(summary.read_text())["failure"]
        moved.rename(builders.remote)
        running.next_beat()
        begun, resolved = running.problems()
    assert "] No heartbeat: " in begun and "] Resolved: No heartbeat: " in resolved
    assert json.loads(summary.read_text())["failure"] == ""


def test_a_wrong_token_is_reported_once_and_a_rotated_one_works_at_once(builders: Builders) -> None:
    pat = builders.folder / "PAT"
    pat.write_text("wrong\n")
    with git_host(builders.folder, token="right") as host:
        git("config", "http.receivepack", "true", cwd=builders.remote)
        git("remote", "set-url", "origin", f"{host.url}/Build.git", cwd=builders.clone("build1"))
        with service(builders, "build1") as running:
            running.cycle()
            assert set(host.passwords) == {"wrong"}
            (line,) = running.problems()
            assert "rejected the credential" in line and "token file" in line
            pat.write_text("right\n")
            running.next_beat()
            lines = running.log()
    assert "right" not in "".join(lines)


def test_a_log_that_cannot_be_written_stops_no_beat(builders: Builders) -> None:
    path = builders.folder / "build1" / "log" / "heartbeat-build1.log"
    path.mkdir(parents=True)
    with service(builders, "build1") as running:
        assert "heartbeat-build1.log cannot be written" in running.next_beat()["problems"][0]
        path.rmdir()
        running.next_beat()
        assert running.next_beat()["healthy"]
        assert running.log()


def test_two_hosts_that_beat_as_one_server_are_found(builders: Builders) -> None:
    """A host was copied with its state, and both copies run."""
    with service(builders, "build1") as running:
        running.next_beat()
    twin = Builders(builders.folder / "twin", builders.ids)
    shutil.copytree(builders.folder / "build1", twin.folder / "build1")
    with service(builders, "build1") as running:
        running.next_beat()
        with service(twin, "build1") as other:
            (line,) = other.problems()
            assert "Duplicate identity: another host beats as build1" in line
            assert running.next_beat()["daemon"]["pid"] == running.process.pid
        assert running.problems() == []


def test_a_damaged_mailbox_stops_no_beat(builders: Builders) -> None:
    with service(builders, "build1") as running:
        builders.commit("coordination/messages.json", b'{"messages": [')
        running.next_beat()
        running.next_beat()
        summary = json.loads((builders.state("build1") / "summary.json").read_text())
    assert any("coordination/messages.json, line 1" in problem for problem in summary["problems"])


KILLS_PARENT = """#!/bin/sh
PATH=${{PATH#*:}}
echo >> "$0.calls"
if [ "$(wc -l < "$0.calls")" -ge {call} ]; then
    if [ {when} = after ]; then git "$@"; fi
    kill -9 $PPID
else
    exec git "$@"
fi
"""
"""A git that kills its parent process at the given call, before or after its work.

Two that run at the same time may both count both calls."""


@pytest.mark.parametrize(("when", "call"), [("before", 2), ("after", 3), ("before", 6), ("after", 8), ("after", 9)])
def test_killed_at_any_moment_it_beats_again(builders: Builders, when: str, call: int) -> None:
    program = builders.folder / "programs" / "git"
    program.parent.mkdir()
    program.write_text(KILLS_PARENT.format(when=when, call=call))
    program.chmod(0o755)
    with started(builders, "build1", f"{program.parent}{os.pathsep}{os.environ['PATH']}") as running:
        assert running.process.wait(LIMIT) == -signal.SIGKILL
    with service(builders, "build1") as running:
        running.next_beat()
        assert running.problems() == []


def test_where_the_branch_is_read_it_beats_there_too(builders: Builders) -> None:
    with service(builders, "build1", publish="both") as running:
        for _beat in range(5):
            running.next_beat()
    on_branch = json.loads(builders.show("build1/heartbeat.json"))
    assert on_branch["sequence"] == 5
    assert builders.commits() == 1
    with service(builders, "build2", publish="main") as running:
        running.cycle()
        assert builders.commits() == 3
        assert running.beat() == {}


def test_without_a_clone_it_ends_and_says_why(builders: Builders) -> None:
    shutil.rmtree(builders.clone("build1"))
    with started(builders, "build1", interval=1) as running:
        assert running.process.wait(LIMIT) == 5
        assert running.process.stderr is not None
        (line,) = running.process.stderr.read().splitlines()
    assert line.startswith("builderctl: ") and str(builders.clone("build1")) in line


def test_state_that_somebody_has_damaged_stops_no_service(builders: Builders) -> None:
    with service(builders, "build1") as running:
        watch = builders.state("build1") / "watch.json"
        watch.write_text("[1]")
        running.cycle()
        assert f"{watch} has unexpected content" in running.problems()[0]
        watch.unlink()
        running.next_beat()


def test_a_remote_that_is_away_is_the_reason_whatever_else_is_wrong(builders: Builders) -> None:
    builders.commit("build2/heartbeat.json", b"{")
    with service(builders, "build1") as running:
        assert any("build2/heartbeat.json, line 1" in line for line in running.problems())
        builders.commit("a", b"1")
        running.next_beat()
        with git_host(builders.folder, answer=503) as host:
            git("remote", "set-url", "origin", f"{host.url}/Build.git", cwd=builders.clone("build1"))
            running.cycle()
            running.cycle()
        lines = running.problems()
    assert len(lines) == 2, lines
    assert "No heartbeat" in lines[1] and "heartbeat.json" not in lines[1]


def test_the_interval_grows_with_the_fleet(builders: Builders) -> None:
    with service(builders, "build1", interval=1, push_budget=1) as running:
        assert running.beat()["interval_seconds"] == 120


def test_descriptors_and_processes_do_not_grow(builders: Builders) -> None:
    """Counted between two cycles and looks, while the service waits.

    The first count may include the socket of a notification; a leak in each of five cycles would exceed it.
    """
    with service(builders, "build1") as running:
        process = Path("/proc", str(running.process.pid))

        def opened() -> list[str]:
            return os.listdir(process / "fd")

        first = until(opened, "no descriptor")
        for _cycle in range(5):
            running.next_beat()
            until(lambda: len(opened()) <= len(first), "no end of more descriptors")
            until(lambda: not (process / "task" / process.name / "children").read_text(), "no end of the child process")
