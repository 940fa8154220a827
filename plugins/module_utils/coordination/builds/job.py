# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build jobs on this server: starting, watching and closing them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..environment.facts import commit_of
from ..errors import InvalidInput
from ..identity.host import Host
from ..operations.polling import wait_until
from ..secrets.redaction import redacted
from ..state_dir import StateDirectory
from ..text import one_line
from ..timestamps import parse_time, utc_text
from . import runner
from .report import announce_start, publish_building, publish_end

JOB_FILE = "job.json"
RESULT_FILE = "job_result.json"
RUNNER_FILE = "job_runner.py"
RUNNING_LOCK = "job.lock"
CHANGING_LOCK = "job_changing.lock"
POLL = 0.2
"""Seconds between two checks whether a job has ended."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Job:
    """A build job.

    :param id: the id of the job; its log is ``log_folder/ID.log``.
    :param source: the folder in which the command runs.
    :param command: the command line for bash.
    :param time_limit: seconds after which the command is terminated.
    :param artifacts: glob patterns of the files that it creates, relative to ``source``.
    :param log_folder: the folder of the log.
    """

    id: str
    source: str
    command: str
    time_limit: int = 7200
    artifacts: tuple[str, ...] = ()
    log_folder: str = "/root/build-logs"


def start(host: Host, job: Job) -> bool:
    """Publish the start of a job and run it in a process of its own.

    An earlier job that ended and was not closed is closed first.

    :return: false if the job is running already.
    :raises InvalidInput: if the job is invalid, or another job is running.
    :raises CoordinationError: if the start cannot be published; then the job is not run.
    """
    _check(job)
    with host.state.lock(CHANGING_LOCK, host.repository.timeout), _running_lock(host.state) as lock:
        known = host.state.read(JOB_FILE, _parse_job)
        if lock is None:
            if known and known["id"] == job.id:
                return False
            raise InvalidInput(
                f"The job {known['id'] if known else '?'} is running on {host.id}.",
                f"Wait for its end, or terminate it: fuser -k -TERM {host.state.path / RUNNING_LOCK}",
            )
        if host.check_mode:
            return True
        _close(host)
        record = _record(host, job)
        host.state.write_json(JOB_FILE, record)
        (host.state.path / RESULT_FILE).unlink(missing_ok=True)
        try:
            publish_building(host, record)
        except BaseException:
            (host.state.path / JOB_FILE).unlink()
            raise
        announce_start(host, record)
        _spawn(host.state, lock, Path(record["log"]))
    return True


def watch(host: Host, wait: float = 0) -> tuple[dict[str, Any], bool]:
    """Wait for the end of the last job, and close it if it has ended.

    :param wait: the maximum of seconds to wait.
    :return: ``id``, ``running``, ``elapsed_seconds``, ``log``, ``log_size`` (bytes), ``last_lines``, ``branch``,
        ``commit`` and ``started_at``, for a closed job also the result of :func:`.report.outcome`, empty if there is
        no job; and whether the end was published now.
    """
    wait_until(lambda _last: not _is_running(host.state), wait, POLL)
    closed = close(host)
    record = host.state.read(JOB_FILE, _parse_job)
    return ({} if record is None else _job_info(host, record)), closed


def close(host: Host) -> bool:
    """Publish the result of the last job, if that is pending.

    :return: whether the result was published now.
    :raises CoordinationError: if it cannot be published; the next call tries again.
    """
    record = host.state.read(JOB_FILE, _parse_job)
    if host.check_mode or not record or record.get("closed") or _is_running(host.state):
        return False
    with host.state.lock(CHANGING_LOCK, host.repository.timeout):
        return _close(host)


def _close(host: Host) -> bool:
    record = host.state.read(JOB_FILE, _parse_job)
    if not record or record.get("closed"):
        return False
    result = host.state.read(RESULT_FILE, _parse_result)
    if result is None:  # it is saved, so that a second attempt publishes the same
        lines = runner.last_lines(Path(record["log"]), record["log_start"])
        result = {"gone": True, **runner.not_run(utc_text(host.clock()), lines)}
        host.state.write_json(RESULT_FILE, result)
    outcome = publish_end(host, record, result)
    host.state.write_json(JOB_FILE, {**record, "closed": True, "outcome": outcome})
    return True


def _parse_job(record: Any) -> dict[str, Any]:
    """Parse the record of a job; a closed job has ``closed`` and ``outcome``."""
    if b"\0" in record["log"].encode():
        raise ValueError("the path of its log")
    texts = {name: str(record[name]) for name in ("id", "source", "log", "started_at")}
    known = {name: None if record[name] is None else str(record[name]) for name in ("branch", "commit")}
    ended = {"outcome": dict(record["outcome"])} if "outcome" in record else {}
    numbers = {"time_limit": int(record["time_limit"]), "log_start": int(record.get("log_start", 0))}
    return {**record, **texts, **known, **numbers, **ended}


def _parse_result(result: Any) -> dict[str, Any]:
    """Parse the result that the runner wrote."""
    artifacts = [(str(one["path"]), int(one["size"]), str(one["sha256"])) for one in result["artifacts"]]
    code, signal = result["exit_code"], result["signal"]
    return {
        **result,
        "exit_code": None if code is None else int(code),
        "signal": None if signal is None else str(signal),
        "ended_at": str(result["ended_at"]),
        "last_lines": [str(line) for line in result["last_lines"]],
        "artifacts": [{"path": path, "size": size, "sha256": digest} for path, size, digest in artifacts],
        "more_artifacts": int(result["more_artifacts"]),
    }


def _check(job: Job) -> None:
    if not _ID.fullmatch(job.id):
        raise InvalidInput(
            f"{one_line(job.id)!r} is not a valid id of a job.",
            "Use 1 to 64 letters, digits, ., _ and -, with a letter or digit first.",
        )
    if not Path(job.source).is_dir():
        raise InvalidInput(f"The folder {one_line(job.source)} does not exist.", "Set source to an existing folder.")
    if not job.command.strip() or "\0" in job.command:
        raise InvalidInput("The command is empty or contains a null byte.", "Set command to a command line for bash.")
    if job.time_limit <= 0:
        raise InvalidInput("The time limit is not a positive number of seconds.", "Set it to at least 1.")
    for pattern in job.artifacts:
        if not pattern or pattern.startswith("/") or ".." in Path(pattern).parts:
            raise InvalidInput(
                f"{one_line(pattern)!r} is not a pattern of files in the source.", "Use for example *.deb."
            )


def _record(host: Host, job: Job) -> dict[str, Any]:
    folder = Path(job.log_folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = commit_of(os.path.realpath(job.source)) or {}
    log = folder / f"{job.id}.log"
    return {
        **asdict(job),
        "log": str(log),
        "log_start": log.stat().st_size if log.exists() else 0,
        "result": str(host.state.path / RESULT_FILE),
        "started_at": utc_text(host.clock()),
        "branch": found.get("branch"),
        "commit": found.get("commit"),
    }


def _spawn(state: StateDirectory, lock: int, log: Path) -> None:
    """Start the runner, which holds the lock until it ends.

    It runs from a copy in the state directory, because Ansible removes the files of a module after its run.
    """
    program = state.path / RUNNER_FILE
    program.write_bytes(pkgutil.get_data(__package__, "runner.py") or b"")
    with log.open("ab") as output:
        subprocess.Popen(  # the runner continues after this process ends
            [sys.executable, str(program), str(state.path / JOB_FILE)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(lock,),
        )


@contextlib.contextmanager
def _running_lock(state: StateDirectory) -> Iterator[int | None]:
    """Hold the lock of the runner.

    Its descriptor is yielded; None if a job is running.
    """
    descriptor = os.open(state.make() / RUNNING_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def _is_running(state: StateDirectory) -> bool:
    if not (state.path / RUNNING_LOCK).exists():
        return False
    with _running_lock(state) as lock:
        return lock is None


def _job_info(host: Host, record: dict[str, Any]) -> dict[str, Any]:
    started = parse_time(record["started_at"]) or host.clock()
    log = Path(record["log"])
    with contextlib.suppress(OSError):
        record = {**record, "log_size": log.stat().st_size}
    last_lines = "\n".join(runner.last_lines(log, record["log_start"]))
    return {
        "id": record["id"],
        "running": not record.get("closed", False),
        "elapsed_seconds": max(0, int((host.clock() - started).total_seconds())),
        "log": record["log"],
        "log_size": record.get("log_size", 0),
        "last_lines": [one_line(line) for line in redacted(last_lines).splitlines()],
        **{name: record[name] for name in ("branch", "commit", "started_at")},
        **record.get("outcome", {}),
    }
