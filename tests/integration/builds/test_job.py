"""Test build jobs with real processes: they outlive the process that starts them, and are reported once."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service import run as run_service
from ansible_collections.acs.builders.plugins.module_utils.coordination.builds import job as jobs
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.tests.ansible_runner import fail, succeed
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.waiting import LIMIT, until


class Build:
    """A server that builds, and the documents that it has published."""

    def __init__(self, builders: Builders) -> None:
        self.builders = builders
        self.source = builders.folder / "source"
        self.logs = builders.folder / "logs"
        self.source.mkdir()

    def start(self, command: str, job: str = "job_1", **options: Any) -> dict[str, Any]:
        """Start a job with the module."""
        given = {"source": str(self.source), "log_folder": str(self.logs), **options}
        return succeed(self.builders, "build1", "build_job", state="started", job=job, command=command, **given)

    def hang(self) -> None:
        """Start a job that does not end by itself, and wait until its command runs."""
        begun = self.source / "begun"
        self.start(f"echo begun; touch {begun}; sleep {LIMIT}")
        until(begun.exists, "no start of the command")

    def end_unseen(self) -> None:
        """Run a job that ends after the module that starts it, so that no process has closed it."""
        release = self.source / "go"
        self.start(f"until [ -e {release} ]; do sleep 0.1; done")
        release.touch()
        until((self.builders.state("build1") / jobs.RESULT_FILE).exists, "no result of the job")

    def watch(self, wait: int = LIMIT, **options: Any) -> dict[str, Any]:
        """Return the module's result when the job or the wait has ended."""
        return succeed(self.builders, "build1", "build_job", wait=wait, **options)

    def status(self) -> dict[str, Any]:
        """Return the status document on the remote."""
        found: dict[str, Any] = json.loads(self.builders.show("build1/status.json"))
        return found

    def reported(self) -> list[tuple[str, str]]:
        """Return the types and subjects of the messages to the partner."""
        return [(message["type"], message["subject"]) for message in self.builders.messages()]

    def processes(self) -> list[int]:
        """Return the processes of the job, the runner first."""
        mark = os.fsencode(self.builders.folder)
        parents = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "cmdline").read_bytes():
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        found = [pid for pid in parents if pid != os.getpid()]
        return sorted(found, key=lambda pid: parents[pid] in found)


@pytest.fixture
def build(builders: Builders) -> Iterator[Build]:
    """Return build1 of two servers that trust each other, and end its processes afterwards."""
    builders.trust()
    build = Build(builders)
    yield build
    with suppress(IndexError, OSError):  # it may end by itself at any moment
        end_runner(build)


def test_the_same_job_again_reports_its_own_run(build: Build) -> None:
    build.start("echo the first run")
    assert build.watch()["job"]["last_lines"] == ["the first run"]
    build.start("echo the second run; exit 3")
    job = build.watch()["job"]
    assert (job["last_lines"], job["exit_code"]) == (["the second run"], 3)
    assert (build.logs / "job_1.log").read_text() == "the first run\nthe second run\n"
    assert build.status()["last_build"]["last_lines"] == ["the second run"]
    build.start("exit 4")
    assert build.watch()["job"]["last_lines"] == []
    assert "the first run" not in build.builders.messages()[-1]["body"]


def test_a_job_that_succeeds(build: Build) -> None:
    git("init", "--quiet", "--initial-branch=main", build.source)
    git("-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "--allow-empty", "-qm", "x", cwd=build.source)
    commit = git("rev-parse", "HEAD", cwd=build.source)
    release = build.source / "go"
    command = f"echo one; until [ -e {release} ]; do sleep 0.1; done; echo -n x > a.deb; echo two"
    started = build.start(command, artifacts=["*.deb"])
    assert started["changed"] and started["job"]["running"]
    status = build.status()
    job = status["current_job"]
    assert (status["status"], job["id"], job["branch"], job["commit"]) == ("building", "job_1", "main", commit)
    assert build.reported() == [("info", "Build started: job_1")]
    assert build.builders.messages()[0]["request"] == {"action": "build_started", "job": "job_1"}
    seen = build.watch(wait=0)
    assert (seen["changed"], seen["job"]["running"]) == (False, True)
    release.touch()
    ended = build.watch()
    sha = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # printf x | sha256sum
    assert ended["changed"] and ended["job"]["last_lines"] == ["one", "two"]
    artifact = {"path": str(build.source / "a.deb"), "size": 1, "sha256": sha}
    last = build.status()["last_build"]
    assert (last["status"], last["exit_code"], last["reason"]) == ("success", 0, "exit code 0")
    assert last["artifacts"] == [artifact] and last["last_lines"] == ["one", "two"] and last["duration_seconds"] >= 0
    message = build.builders.messages()[-1]
    assert (message["type"], message["subject"]) == ("info", "Build succeeded: job_1")
    assert f"a.deb, 1 bytes, SHA-256 {sha}" in message["body"] and "\n  two" in message["body"]
    facts = {fact["name"]: fact["value"] for fact in message["facts"]}
    assert (facts["exit code"], facts["status"], facts["commit"]) == (0, "success", commit)
    assert build.watch()["changed"] is False and len(build.reported()) == 2


@pytest.mark.parametrize(
    ("command", "reason", "code"),
    [
        ("echo no; exit 3", "exit code 3", 3),
        ("kill -9 $$", "killed by SIGKILL", None),
        ("no-such-program", "exit code 127", 127),
    ],
)
def test_a_job_that_fails(build: Build, command: str, reason: str, code: int | None) -> None:
    build.start(command)
    job = build.watch()["job"]
    assert (job["running"], job["status"], job["reason"], job["exit_code"]) == (False, "failed", reason, code)
    assert build.status()["status"] == "failed" and build.status()["last_build"]["reason"] == reason
    message = build.builders.messages()[-1]
    assert (message["type"], message["priority"]) == ("error", "high")
    assert message["request"] == {"action": "build_failed", "job": "job_1", "reason": reason}


def test_a_job_that_takes_too_long_is_ended_with_all_that_it_started(build: Build) -> None:
    build.start(f"sleep {LIMIT} {build.source} & sleep {LIMIT}", time_limit=1)
    job = build.watch()["job"]
    assert (job["status"], job["reason"]) == ("failed", "it was terminated at its time limit of 1 s")
    until(lambda: not build.processes(), "no end of the processes that it started")


def test_a_runner_that_is_stopped_reports_it(build: Build) -> None:
    build.hang()
    os.kill(build.processes()[0], signal.SIGTERM)
    job = build.watch()["job"]
    assert (job["status"], job["reason"]) == ("failed", "it was terminated by a signal to its runner")


def end_runner(build: Build) -> None:
    """Kill the runner and its children, so that no process can report the result of the job."""
    runner = build.processes()[0]
    children = Path(f"/proc/{runner}/task/{runner}/children").read_text().split()
    os.kill(runner, signal.SIGKILL)
    for leader in map(int, children):
        os.killpg(leader, signal.SIGKILL)
    await_end(build)


def await_end(build: Build) -> None:
    """Wait until no process of the job runs, and the kernel has released its lock."""
    until(lambda: not build.processes(), "no end of the runner")
    with (build.builders.state("build1") / jobs.RUNNING_LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


def test_a_job_whose_process_is_gone_is_closed_by_the_next_heartbeat(build: Build) -> None:
    build.hang()
    end_runner(build)
    config = Config(
        repo=str(build.builders.clone("build1")),
        state_dir=str(build.builders.state("build1")),
        log_folder=str(build.builders.folder),
        timeout=LIMIT,
    )
    assert run_service(config, once=True) == 0
    assert build.status()["last_build"]["reason"] == "its process ended without a result"
    assert build.status()["last_build"]["last_lines"] == ["begun"]
    assert build.reported()[1:] == [("error", "Build failed: job_1")]
    assert run_service(config, once=True) == 0
    assert build.watch()["changed"] is False and len(build.reported()) == 2


def test_the_end_is_reported_once_the_remote_is_there_again(build: Build) -> None:
    build.end_unseen()
    moved = build.builders.remote.with_suffix(".away")
    build.builders.remote.rename(moved)
    failed = fail(build.builders, "build1", "build_job", wait=LIMIT, timeout=LIMIT)
    assert failed["reason"] == "remote_missing"
    moved.rename(build.builders.remote)
    assert build.watch()["changed"] and build.watch()["changed"] is False
    assert build.reported() == [("info", "Build started: job_1"), ("info", "Build succeeded: job_1")]


def close(builders: Builders) -> bool:
    """Close the job as a separate process would."""
    with builders.host("build1") as host:
        return jobs.close(host)


def test_of_several_that_close_one_does(build: Build) -> None:
    build.end_unseen()
    await_end(build)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        closed = pool.map(close, [build.builders] * 4)
    assert sorted(closed) == [False, False, False, True] and len(build.reported()) == 2


def test_a_closer_that_died_in_the_middle_is_followed_by_one_that_says_the_same(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first process has published everything, but has not recorded that."""
    build.hang()
    end_runner(build)

    class Died(Exception):
        pass

    def die(host: Any, record: Any, result: Any) -> Any:
        publish(host, record, result)
        raise Died

    publish = jobs.publish_end
    monkeypatch.setattr(jobs, "publish_end", die)
    with pytest.raises(Died):
        close(build.builders)
    monkeypatch.undo()
    commits = build.builders.commits()
    assert close(build.builders) and build.builders.commits() == commits


def test_one_job_at_a_time(build: Build) -> None:
    build.hang()
    assert build.start("true")["changed"] is False
    refused = fail(
        build.builders, "build1", "build_job", state="started", job="job_2", command="true", source=str(build.source)
    )
    assert "The job job_1 is running on build1" in refused["msg"]
    end_runner(build)
    assert build.start("true", job="job_2")["changed"]
    assert [subject for _type, subject in build.reported()][:3] == [
        "Build started: job_1",
        "Build failed: job_1",
        "Build started: job_2",
    ]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"job": "../evil"}, "is not a valid id of a job"),
        ({"job": ""}, "is not a valid id of a job"),
        ({"job": "a\nb"}, "is not a valid id of a job"),
        ({"source": "/nonexistent"}, "The folder /nonexistent does not exist"),
        ({"command": " "}, "The command is empty"),
        ({"time_limit": 0}, "not a positive number"),
        ({"artifacts": ["../../etc/shadow"]}, "is not a pattern of files in the source"),
        ({"artifacts": ["/etc/shadow"]}, "is not a pattern of files in the source"),
    ],
)
def test_bad_input_starts_nothing(build: Build, options: dict[str, Any], reason: str) -> None:
    given = {"job": "job_1", "source": str(build.source), "command": "true", **options}
    refused = fail(build.builders, "build1", "build_job", state="started", **given)
    assert refused["reason"] == "invalid_input" and reason in refused["msg"]
    assert not (build.builders.state("build1") / "job.json").exists()


def test_check_mode_starts_and_closes_nothing(build: Build) -> None:
    assert build.start("touch ran", check=True)["changed"]
    assert not (build.builders.state("build1") / "job.json").exists()
    build.end_unseen()
    assert build.watch(check=True)["changed"] is False
    assert build.reported() == [("info", "Build started: job_1")] and not (build.source / "ran").exists()


def test_what_the_log_says_is_harmless_and_without_secrets(build: Build) -> None:
    token = "ghp_" + "a1B2" * 9
    build.start(f"printf 'token {token}\\n\\033[2Jclear\\377\\n'")
    job = build.watch()["job"]
    assert job["running"] is False and token not in json.dumps(job)
    last = build.status()["last_build"]["last_lines"]
    assert token not in json.dumps(build.builders.messages()) and token not in json.dumps(last)
    assert last[1].startswith("\\x1b[2Jclear") and "\x1b" not in json.dumps(build.builders.messages())


def test_what_a_running_job_says_is_shown_without_secrets(build: Build) -> None:
    token = "ghp_" + "a1B2" * 9
    build.start(f"echo token {token}; touch begun; sleep {LIMIT}")
    until((build.source / "begun").exists, "no start of the command")
    job = build.watch(wait=0)["job"]
    assert job["running"] is True and job["last_lines"] == ["token [redacted: a GitHub token]"]


def test_no_job_is_no_error(build: Build) -> None:
    assert build.watch(wait=0) == {**build.watch(wait=0), "changed": False, "job": {}}
