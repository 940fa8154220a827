# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the command of a build job apart from whoever started it, and writes down how it ended.

A program of its own, of the standard library only: ``python job_runner.py JOB_FILE``. It is started with a lock that it
holds to its end, so that a lock which is free tells that it is gone.
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
"""What is told of the end of a log."""
MAX_ARTIFACTS = 100


class Told(BaseException):
    """This program was told to stop."""


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run a job to its end and return how that was.

    :param job: command (for bash), source (its folder), log, time_limit (seconds) and artifacts (patterns in source).
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
        except Told:
            result["stopped"] = True
        finally:
            if process.returncode is None:
                _end(process)
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
    """The end of a job of which nothing but its last lines is known."""
    told = {"exit_code": None, "signal": None, "ended_at": ended_at, "last_lines": lines}
    return {**told, "artifacts": [], "more_artifacts": 0}


def last_lines(log: Path, start: int = 0) -> list[str]:
    """The last lines of a log, none when it cannot be read.

    :param start: bytes before it that belong to an earlier job of the same name.
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
    """The files that fit some patterns, each with its path, size in bytes and SHA-256, and how many more there are."""
    found = sorted({path for pattern in patterns for path in source.glob(pattern) if path.is_file()})
    told = [{"path": str(path), "size": path.stat().st_size, "sha256": _digest(path)} for path in found[:MAX_ARTIFACTS]]
    return {"artifacts": told, "more_artifacts": max(0, len(found) - MAX_ARTIFACTS)}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for part in iter(lambda: stream.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it has started."""
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
    """Write a JSON file whole and on disk, or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def main(job_file: str) -> None:
    """Run the job that a file describes and write how it ended to the file that it names."""

    def stop(_number: int, _frame: Any) -> None:
        raise Told

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
