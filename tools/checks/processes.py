"""A step as a process: started, waited for, and ended with everything that it has started itself."""

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
"""The environment variable by which the processes of a step are found, also those that left its process group."""
LEAVE_SECONDS = 300
"""How long what a step has started may outlive it: ssh keeps a connection for some seconds."""
GRACE_SECONDS = 20
"""How long a step that is told to end may take before it is killed."""


class Ended(NamedTuple):
    """How a step ended.

    :param code: the exit code; None when the step did not run.
    :param reason: why it did not run.
    :param seconds: how long it took.
    :param processor_seconds: the processor time of the step and of the processes that it waited for.
    :param left: the processes that it left running, which were killed.
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
    :param is_live: whether the output goes to the terminal; else to a file for each step.
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
        """The steps that are running, each with the seconds since its start."""
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
                # Popen is not waited for: os.wait4 tells the processor time too.
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
        """End every step that is running, with all that it has started; none starts afterwards."""
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
            self._kill(self._leftovers(step))
            if step.clean_up:
                subprocess.run([str(BIN / step.clean_up[0]), *step.clean_up[1:]], cwd=TOP, check=False)

    def _command(self, step: Step) -> list[str]:
        program, *words = step.command
        places = {REPORTS: str(self.reports / step.slug), SCRATCH: str(self._scratch)}
        for name, place in places.items():
            words = [word.replace(name, place) for word in words]
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
        """Wait until nothing that a step has started is left; kill and return what does not end."""
        deadline = time.monotonic() + LEAVE_SECONDS
        while self._leftovers(step):
            if time.monotonic() > deadline:
                return self._kill(self._leftovers(step))
            time.sleep(0.2)
        return ()

    def _leftovers(self, step: Step) -> list[Path]:
        """The processes of a step that are there, as their folders in /proc."""
        wanted = f"{MARK}={self._mark}-{step.slug}\0".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if wanted in folder.joinpath("environ").read_bytes():
                    found.append(folder)
        return found

    def _kill(self, folders: list[Path]) -> tuple[str, ...]:
        told = []
        for folder in folders:
            with suppress(OSError):
                words = folder.joinpath("cmdline").read_bytes().split(b"\0")
                told.append(b" ".join(words).decode(errors="replace").strip())
                os.kill(int(folder.name), signal.SIGKILL)
        return tuple(told)


def log_file(step: Step) -> Path:
    """Where the output of a step is kept."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    return OUTPUT / f"{step.slug}.log"
