# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that runs the command of a build job and writes its result.

It is run as ``python job_runner.py JOB_FILE`` and uses only the standard library. It inherits a lock and holds it until
it ends, so the lock is free if and only if it does not run.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

GRACE = 10
"""Seconds between SIGTERM and SIGKILL."""
MAX_LINES = 20
MAX_CHARACTERS = 2_000
"""The size of the end of a log that is published."""
MAX_ARTIFACTS = 100


class Stopped(BaseException):
    """This program received SIGTERM."""


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run a job and return its result.

    :param job: ``command`` (for bash), ``source`` (its folder), ``log``, ``log_start`` (bytes), ``time_limit``
        (seconds) and ``artifacts`` (glob patterns in ``source``).
    :return: ``timed_out``, ``stopped``, ``exit_code``, ``signal``, ``ended_at``, ``last_lines``, ``artifacts`` and
        ``more_artifacts``.
    """
    result: dict[str, Any] = {"timed_out": False, "stopped": False}
    with open(job["log"], "ab") as log:
        process = subprocess.Popen(
            ["bash", "-c", job["command"]],
            cwd=job["source"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(job["time_limit"])
        except subprocess.TimeoutExpired:
            result["timed_out"] = True
        except Stopped:
            result["stopped"] = True
        finally:
            if process.returncode is None:
                _terminate(process)
    code = process.returncode
    return {
        **result,
        "exit_code": code if code >= 0 else None,
        "signal": signal.Signals(-code).name if code < 0 else None,
        "ended_at": _now(),
        "last_lines": last_lines(Path(job["log"]), job.get("log_start", 0)),
        **artifacts(Path(job["source"]), job["artifacts"]),
    }


def not_run(ended_at: str, lines: list[str]) -> dict[str, Any]:
    """Return the result of a job without exit code and artifacts.

    :param ended_at: the time of its end, as text.
    :param lines: the last lines of its log, or an error.
    """
    unknown: dict[str, Any] = {"exit_code": None, "signal": None, "artifacts": [], "more_artifacts": 0}
    return {**unknown, "ended_at": ended_at, "last_lines": lines}


def last_lines(log: Path, start: int = 0) -> list[str]:
    """Return the last lines of a log; none if it cannot be read.

    :param start: the size in bytes of the part that belongs to an earlier run of the job.
    """
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(start if start <= size else 0, size - 4 * MAX_CHARACTERS))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text[-MAX_CHARACTERS:].splitlines()[-MAX_LINES:]


def artifacts(source: Path, patterns: list[str]) -> dict[str, Any]:
    """Return the files that match glob patterns.

    :return: ``artifacts``, at most ``MAX_ARTIFACTS`` mappings with ``path``, ``size`` (bytes) and ``sha256``, and
        ``more_artifacts``, the number of further files.
    """
    found = sorted({path for pattern in patterns for path in source.glob(pattern) if path.is_file()})
    listed = [
        {"path": str(path), "size": path.stat().st_size, "sha256": _digest(path)} for path in found[:MAX_ARTIFACTS]
    ]
    return {"artifacts": listed, "more_artifacts": max(0, len(found) - MAX_ARTIFACTS)}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for part in iter(lambda: stream.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """Terminate a command and its children with SIGTERM, then with SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file atomically and durably."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def main(job_file: str) -> None:
    """Run the job in a file, and write its result.

    The path of the result is in the job as ``result``.
    """

    def stop(_number: int, _frame: Any) -> None:
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    try:
        result = run(job)
    except OSError as error:
        result = {"timed_out": False, "stopped": False, **not_run(_now(), [str(error)])}
    write(Path(job["result"]), result)


if __name__ == "__main__":
    main(sys.argv[1])
