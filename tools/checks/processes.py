"""The processes of the steps: start, wait, and end with all their children."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .steps import BIN, OUTPUT, REPORTS, SCRATCH, TOP, Step, cannot_run

MARK = "BUILDERS_CHECK"
"""The environment variable that identifies all processes of a step."""
LEAVE_SECONDS = 300
"""How long children of a step may run after its end, such as ssh connections."""
GRACE_SECONDS = 20
"""How long a step may take to end after a signal before it is killed."""


class Ended(NamedTuple):
    """How a step ended.

    :param code: the exit code; None when the step did not run.
    :param reason: why it did not run.
    :param seconds: the duration.
    :param processor_seconds: the processor time of the step and its children.
    :param left: the processes that were still running after the end, and were killed.
    """

    step: Step
    code: int | None
    reason: str = ""
    seconds: float = 0
    processor_seconds: float = 0
    left: tuple[str, ...] = ()


class Processes:
    """The processes of a run.

    :param scratch: the folder for temporary files.
    :param reports: the folder where each step gets a folder for the reports of pytest.
    :param is_live: whether the output goes to the terminal; otherwise to a file for each step.
    """

    def __init__(self, scratch: Path, reports: Path, is_live: bool) -> None:
        self.reports = reports
        self._scratch = scratch
        self._is_live = is_live
        self._mark = secrets.token_hex(8)
        self._started: dict[Step, float] = {}
        self._groups: dict[Step, int] = {}
        self._lock = threading.Lock()
        self._is_stopped = False

    def running(self) -> dict[Step, float]:
        """Return the running steps, each with the seconds since its start."""
        with self._lock:
            return {step: time.monotonic() - self._started[step] for step in self._groups}

    def run(self, step: Step, arguments: list[str]) -> Ended:
        """Run a step to its end.

        :param arguments: further arguments for pytest.
        """
        reason = cannot_run(step)
        if reason:
            return Ended(step, None, reason)
        begin = time.monotonic()
        with log_file(step).open("wb") as log:
            with self._lock:
                if self._is_stopped:
                    return Ended(step, None, "the run was ended")
                # os.wait4 is used instead of Popen.wait, since it also returns the processor time.
                process = subprocess.Popen(
                    [*self._command(step), *([] if step.arguments_variable else arguments)],
                    cwd=TOP,
                    env=self._environment(step, arguments),
                    stdin=subprocess.DEVNULL,
                    stdout=None if self._is_live else log,
                    stderr=None if self._is_live else subprocess.STDOUT,
                    start_new_session=True,
                )
                self._started[step], self._groups[step] = begin, process.pid
            _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begin
        left = () if self._is_stopped or os.environ.get("KEEP") else self._wait_for_leftovers(step)
        with self._lock:
            del self._groups[step]
        return Ended(step, process.returncode, "", seconds, used.ru_utime + used.ru_stime, left)

    def stop(self) -> None:
        """End all running steps with their children, and start no further ones."""
        with self._lock:
            self._is_stopped = True
            groups = dict(self._groups)
        for number in (signal.SIGINT, signal.SIGKILL):
            for group in groups.values():
                with suppress(ProcessLookupError):
                    os.killpg(group, number)
            deadline = time.monotonic() + GRACE_SECONDS
            while self.running() and time.monotonic() < deadline:
                time.sleep(0.1)
        for step in groups:
            deadline = time.monotonic() + LEAVE_SECONDS
            while self._kill(self._leftovers(step)) and time.monotonic() < deadline:
                time.sleep(0.02)  # until they have ended
            if step.clean_up:
                subprocess.run([str(BIN / step.clean_up[0]), *step.clean_up[1:]], cwd=TOP, check=False)

    def _command(self, step: Step) -> list[str]:
        program, *words = step.command
        values = {REPORTS: str(self.reports / step.slug), SCRATCH: str(self._scratch)}
        for name, value in values.items():
            words = [word.replace(name, value) for word in words]
        return [str(BIN / program), *words]

    def _environment(self, step: Step, arguments: list[str]) -> dict[str, str]:
        given = {step.arguments_variable: shlex.join(arguments)} if step.arguments_variable else {}
        reports = self.reports / step.slug
        reports.mkdir(parents=True)
        return {
            **os.environ,
            **given,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "160" if not self._is_live else os.environ.get("COLUMNS", "160"),
            "TMPDIR": str(self._scratch),
            "ACS_BUILDERS_REPORTS": str(reports),
            MARK: f"{self._mark}-{step.slug}",
        }

    def _wait_for_leftovers(self, step: Step) -> tuple[str, ...]:
        """Wait for all processes of a step; kill and return those that do not end."""
        deadline = time.monotonic() + LEAVE_SECONDS
        while self._leftovers(step):
            if time.monotonic() > deadline:
                return self._kill(self._leftovers(step))
            time.sleep(0.2)
        return ()

    def _leftovers(self, step: Step) -> list[Path]:
        """Return the running processes of a step, as folders in /proc."""
        wanted = f"{MARK}={self._mark}-{step.slug}\0".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if wanted in folder.joinpath("environ").read_bytes():
                    found.append(folder)
        return found

    def _kill(self, folders: list[Path]) -> tuple[str, ...]:
        killed = []
        for folder in folders:
            with suppress(OSError):
                words = folder.joinpath("cmdline").read_bytes().split(b"\0")
                killed.append(b" ".join(words).decode(errors="replace").strip())
                os.kill(int(folder.name), signal.SIGKILL)
        return tuple(killed)


def log_file(step: Step) -> Path:
    """Return the file for the output of a step."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    return OUTPUT / f"{step.slug}.log"
