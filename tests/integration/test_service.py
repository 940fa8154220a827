"""The heartbeat service as a process of its own: what it publishes and writes down, and what it survives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from ansible_collections.acs.builders.plugins.module_utils.coordination.messages import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.sending import send
from ansible_collections.acs.builders.tests.ansible_runner import module_variables
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.git_server import git_host
from ansible_collections.acs.builders.tests.waiting import LIMIT, until

COMMAND = "ansible_collections.acs.builders.plugins.module_utils.builderctl"


def config(builders: Builders, server: str, **settings: Any) -> Path:
    """Write a configuration of a server whose service beats every second, and return its path."""
    logs = builders.folder / server / "log"
    logs.mkdir(exist_ok=True)
    places = {
        "repo": str(builders.clone(server)),
        "state_dir": str(builders.state(server)),
        "pat_file": str(builders.folder / "PAT"),
        "log_folder": str(logs),
    }
    path = builders.folder / server / "builderctl.json"
    path.write_text(json.dumps({**places, "interval": 1, "push_budget": 1000, "timeout": 3, **settings}))
    return path


@contextmanager
def service(builders: Builders, server: str, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """Run the service of a server; it is ended afterwards."""
    command = [sys.executable, "-m", COMMAND, "--config", str(config(builders, server, **settings)), "heartbeat"]
    variables = module_variables(builders)
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True, cwd=builders.folder) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def log(builders: Builders, server: str, name: str = "heartbeat") -> list[str]:
    """The lines of a log of a server."""
    path = builders.folder / server / "log" / f"{name}-{server}.log"
    return path.read_text().splitlines() if path.is_file() else []


def beat(builders: Builders, server: str) -> dict[str, Any]:
    """The heartbeat of a server on the remote; empty when there is none."""
    shown = git("show", f"refs/heartbeats/{server}:heartbeat.json", cwd=builders.remote, check=False)
    return json.loads(shown) if shown else {}


def beats_again(builders: Builders, server: str) -> dict[str, Any]:
    """Wait for a heartbeat that is newer than the one there now."""
    before = beat(builders, server).get("sequence", 0)
    return beat_that(builders, server, lambda new: new.get("sequence", 0) > before, "no new heartbeat")


def beat_that(builders: Builders, server: str, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
    """Wait for a heartbeat of a server that is as wanted, and return it."""

    def wanted() -> dict[str, Any]:
        found = beat(builders, server)
        return found if condition(found) else {}

    return until(wanted, what)


def told_problems(builders: Builders, server: str) -> list[str]:
    """Wait for a heartbeat that tells problems, and return them."""
    problems: list[str] = beat_that(builders, server, lambda new: new.get("problems"), "no problems")["problems"]
    return problems


def problems(builders: Builders, server: str) -> list[str]:
    """The lines of the log that tell of problems."""
    return [line for line in log(builders, server) if "Heartbeat updated" not in line]


def test_it_beats_and_says_so_until_it_is_told_to_stop(builders: Builders) -> None:
    with service(builders, "build1") as process:
        first = beats_again(builders, "build1")
        second = beats_again(builders, "build1")
        until(lambda: len(log(builders, "build1")) >= second["sequence"], "the beat is not in the log")
        process.terminate()
        assert process.wait(LIMIT) == 0
        assert process.stderr is not None and process.stderr.read() == ""
    assert first["healthy"] is True and first["interval_seconds"] == 1
    assert second["sequence"] > first["sequence"]
    assert second["daemon"] == {**first["daemon"], "pid": process.pid}
    lines = log(builders, "build1")
    assert all(line.endswith("] Heartbeat updated") and len(line) == 39 for line in lines), lines
    assert git("rev-list", "--all", "--count", cwd=builders.remote) == "1"
    assert not list(builders.state("build1").rglob("*.lock/*"))
    with service(builders, "build1"):
        assert beats_again(builders, "build1")["sequence"] > second["sequence"]


def test_new_mail_is_logged_once_and_stays_unread(builders: Builders) -> None:
    with builders.host("build2") as host:
        send(host, Draft("before", "it started"), ["build1"])
    with service(builders, "build1"):
        until(lambda: log(builders, "build1", "build-messages"), "no message in the log")
        with builders.host("build2") as host:
            hostile = "line one\n[2026-01-01 00:00:00] [ERROR] forged\r\x1b[2J\u202e\nlast"
            message_id = send(host, Draft("Install it", hostile, "request"), ["build1"]).result[0]["id"]
            send(host, Draft("for another", "x"), ["all"])
        until(lambda: len(log(builders, "build1", "build-messages")) >= 8, "no second message in the log")
        beats_again(builders, "build1")
        beats_again(builders, "build1")
    lines = log(builders, "build1", "build-messages")
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
    assert (builders.clone("build1") / "coordination" / "messages.json").exists(), (
        "the clone was not brought up to date"
    )


def test_unread_mail_is_a_problem_when_it_is_overdue(builders: Builders) -> None:
    with builders.host("build2") as host:
        message_id = send(host, Draft("old", "x"), ["build1"]).result[0]["id"]
    with service(builders, "build1", reply_deadline=1):
        assert message_id in told_problems(builders, "build1")[0]
        assert beat(builders, "build1")["healthy"] is False


def test_an_absent_remote_is_told_once_and_survived(builders: Builders) -> None:
    with service(builders, "build1") as process:
        beats_again(builders, "build1")
        away = builders.remote.with_name("away.git")
        builders.remote.rename(away)
        until(lambda: problems(builders, "build1"), "nothing about the remote")
        summary = builders.state("build1") / "summary.json"
        until(lambda: "No heartbeat" in json.loads(summary.read_text())["failure"], "nothing in the summary")
        time.sleep(3)  # cycles that fail in the same way
        assert len(problems(builders, "build1")) == 1
        away.rename(builders.remote)
        beats_again(builders, "build1")
        until(lambda: len(problems(builders, "build1")) == 2, "nothing about the end")
        assert process.poll() is None
    begun, over = problems(builders, "build1")
    assert "] No heartbeat: " in begun and "] No longer: No heartbeat: " in over
    assert json.loads(summary.read_text())["failure"] == ""


def test_a_wrong_token_is_told_once_and_a_rotated_one_works_at_once(builders: Builders) -> None:
    pat = builders.folder / "PAT"
    pat.write_text("wrong\n")
    with git_host(builders.folder, token="right") as host:
        git("config", "http.receivepack", "true", cwd=builders.remote)
        git("remote", "set-url", "origin", f"{host.url}/Build.git", cwd=builders.clone("build1"))
        with service(builders, "build1") as process:
            until(lambda: len(host.passwords) > 6, "no further tries")
            (line,) = problems(builders, "build1")
            assert "does not accept the credential" in line and "token file" in line
            pat.write_text("right\n")
            beats_again(builders, "build1")
            assert process.poll() is None
    assert "right" not in "".join(log(builders, "build1"))


def test_a_log_that_cannot_be_written_stops_no_beat(builders: Builders) -> None:
    path = builders.folder / "build1" / "log" / "heartbeat-build1.log"
    path.mkdir(parents=True)
    with service(builders, "build1"):
        assert "heartbeat-build1.log cannot be written" in told_problems(builders, "build1")[0]
        path.rmdir()
        until(lambda: beat(builders, "build1")["healthy"], "no healthy heartbeat")
        assert log(builders, "build1")


def test_two_hosts_that_beat_as_one_server_are_found(builders: Builders) -> None:
    """A machine was copied, state and all, and both copies run."""
    with service(builders, "build1"):
        until(lambda: beat(builders, "build1").get("sequence", 0) >= 2, "no heartbeat")
    twin = Builders(builders.folder / "twin", builders.ids)
    shutil.copytree(builders.folder / "build1", twin.folder / "build1")
    with service(builders, "build1"):
        beats_again(builders, "build1")
        with service(twin, "build1") as process:
            until(lambda: problems(twin, "build1"), "the copy does not tell")
            (line,) = problems(twin, "build1")
            assert "Duplicate identity: another host beats as build1" in line
            pid = beats_again(builders, "build1")["daemon"]["pid"]
            assert pid != process.pid
    assert problems(builders, "build1") == []


def test_a_damaged_mailbox_stops_no_beat(builders: Builders) -> None:
    with service(builders, "build1"):
        builders.commit("coordination/messages.json", b'{"messages": [')
        beats_again(builders, "build1")
        beats_again(builders, "build1")
        summary = json.loads((builders.state("build1") / "summary.json").read_text())
    assert any("coordination/messages.json, line 1" in problem for problem in summary["problems"])


def test_killed_at_any_moment_it_beats_again(builders: Builders) -> None:
    for moment in (0.3, 0.5, 0.7, 0.9):
        with service(builders, "build1") as process:
            time.sleep(moment)
            process.kill()
    with service(builders, "build1"):
        beats_again(builders, "build1")
        assert problems(builders, "build1") == []


def test_where_the_branch_is_read_it_beats_there_too(builders: Builders) -> None:
    with service(builders, "build1", publish="both"):
        until(lambda: beat(builders, "build1").get("sequence", 0) >= 6, "no heartbeats")
    on_branch = json.loads(builders.show("build1/heartbeat.json"))
    assert on_branch["sequence"] == 5
    assert builders.commits() == 1
    with service(builders, "build2", publish="main"):
        until(lambda: builders.commits() >= 3, "no heartbeats on the branch")
    assert beat(builders, "build2") == {}


def test_without_a_clone_it_ends_and_says_why(builders: Builders) -> None:
    shutil.rmtree(builders.clone("build1"))
    with service(builders, "build1") as process:
        assert process.wait(LIMIT) == 5
        assert process.stderr is not None
        (line,) = process.stderr.read().splitlines()
    assert line.startswith("builderctl: ") and str(builders.clone("build1")) in line


def test_a_beat_can_be_asked_for(builders: Builders) -> None:
    with service(builders, "build1", interval=600) as process:
        first = beats_again(builders, "build1")
        process.send_signal(signal.SIGHUP)
        assert beats_again(builders, "build1")["daemon"] == first["daemon"]


def test_state_that_somebody_has_damaged_stops_no_service(builders: Builders) -> None:
    with service(builders, "build1") as process:
        beats_again(builders, "build1")
        watch = builders.state("build1") / "watch.json"
        watch.write_text("[1]")
        until(lambda: problems(builders, "build1"), "nothing about the damage")
        assert f"{watch} does not hold what it should" in problems(builders, "build1")[0]
        watch.unlink()
        beats_again(builders, "build1")
        assert process.poll() is None


def test_a_remote_that_is_away_is_the_reason_whatever_else_is_wrong(builders: Builders) -> None:
    builders.commit("build2/heartbeat.json", b"{")
    with service(builders, "build1"):
        until(lambda: any("build2/heartbeat.json, line 1" in line for line in problems(builders, "build1")), "no note")
        beats_again(builders, "build1")
        builders.commit("a", b"1")
        beats_again(builders, "build1")
        with git_host(builders.folder, answer=503) as host:
            git("remote", "set-url", "origin", f"{host.url}/Build.git", cwd=builders.clone("build1"))
            until(lambda: len(problems(builders, "build1")) >= 2, "nothing about the remote")
            time.sleep(3)
        lines = problems(builders, "build1")
    assert len(lines) == 2, lines
    assert "No heartbeat" in lines[1] and "heartbeat.json" not in lines[1]


def test_the_interval_grows_with_the_fleet(builders: Builders) -> None:
    with service(builders, "build1", push_budget=1):
        assert beats_again(builders, "build1")["interval_seconds"] == 120


def test_descriptors_and_processes_do_not_grow(builders: Builders) -> None:
    def descriptors(pid: int) -> int:
        """The fewest that are open at a moment without children, which is between two cycles."""
        fewest: list[int] = []
        while len(fewest) < 20:
            count = len(os.listdir(f"/proc/{pid}/fd"))
            if not Path(f"/proc/{pid}/task/{pid}/children").read_text():
                fewest.append(count)
            time.sleep(0.05)
        return min(fewest)

    with service(builders, "build1") as process:
        until(lambda: beat(builders, "build1").get("sequence", 0) >= 2, "no heartbeat")
        first = descriptors(process.pid)
        until(lambda: beat(builders, "build1").get("sequence", 0) >= 8, "no heartbeats")
        assert descriptors(process.pid) <= first
