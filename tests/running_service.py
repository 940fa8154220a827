"""The heartbeat service as a process that beats on request of a test, and what it publishes and logs."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.acs.builders.tests.ansible_runner import module_variables
from ansible_collections.acs.builders.tests.builders import Builders, git
from ansible_collections.acs.builders.tests.python_server import COMMAND
from ansible_collections.acs.builders.tests.waiting import LIMIT, until


def config(builders: Builders, server: str, **settings: Any) -> Path:
    """Write a configuration of a server whose service beats on request, and return its path."""
    logs = builders.folder / server / "log"
    logs.mkdir(exist_ok=True)
    places = {
        "repo": str(builders.clone(server)),
        "state_dir": str(builders.state(server)),
        "pat_file": str(builders.folder / "PAT"),
        "log_folder": str(logs),
    }
    path = builders.folder / server / "builderctl.json"
    path.write_text(json.dumps({**places, "interval": LIMIT, "push_budget": 1000, "timeout": LIMIT, **settings}))
    return path


class Service:
    """The running service of a server.

    :param process: its process.
    :param sent: the datagrams that it has sent to systemd so far.
    """

    def __init__(self, builders: Builders, server: str, process: subprocess.Popen[str], sent: list[str]) -> None:
        self.process = process
        self._builders = builders
        self._server = server
        self._sent = sent

    def cycle(self) -> str:
        """Request a beat, wait until the service has finished it, and return the status that follows."""
        before = len(self.statuses())
        self.process.send_signal(signal.SIGHUP)
        return self.await_status(before + 1)

    def await_status(self, number: int) -> str:
        """Wait until the service has sent this number of statuses, and return the last one."""

        def sent() -> list[str]:
            return self.statuses()[number - 1 :] or (["ended"] if self.process.poll() is not None else [])

        return until(sent, "no status")[-1]

    def statuses(self) -> list[str]:
        """Return the statuses that the service has sent to systemd: the first at its start, then one for each cycle."""
        return [states.partition("STATUS=")[2] for states in self._sent if "STATUS=" in states]

    def beat(self) -> dict[str, Any]:
        """Return the heartbeat of the server on the remote; empty if there is none."""
        shown = git("show", f"refs/heartbeats/{self._server}:heartbeat.json", cwd=self._builders.remote, check=False)
        return json.loads(shown) if shown else {}

    def next_beat(self) -> dict[str, Any]:
        """Request a beat, which must succeed, and return it."""
        before, status = self.beat().get("sequence", 0), self.cycle()
        beat = self.beat()
        assert beat.get("sequence") == before + 1, status
        return beat

    def log(self, name: str = "heartbeat") -> list[str]:
        """Return the lines of a log."""
        path = self._builders.folder / self._server / "log" / f"{name}-{self._server}.log"
        return path.read_text().splitlines() if path.is_file() else []

    def problems(self) -> list[str]:
        """Return the lines of the log about problems."""
        return [line for line in self.log() if "Heartbeat updated" not in line]


@contextmanager
def service(builders: Builders, server: str, **settings: Any) -> Iterator[Service]:
    """Run the service of a server, wait for its first attempt to beat, and kill it afterwards."""
    with started(builders, server, **settings) as running:
        running.await_status(2)
        yield running


@contextmanager
def started(builders: Builders, server: str, path: str = "", **settings: Any) -> Iterator[Service]:
    """Start the service of a server, and kill it afterwards.

    :param path: its PATH, if not that of this process.
    """
    command = [sys.executable, "-m", COMMAND, "--config", str(config(builders, server, **settings)), "heartbeat"]
    with notifications() as (address, sent):
        variables = module_variables(builders, NOTIFY_SOCKET=address, **({"PATH": path} if path else {}))
        with subprocess.Popen(
            command, env=variables, stderr=subprocess.PIPE, text=True, cwd=builders.folder
        ) as process:
            try:
                yield Service(builders, server, process, sent)
            finally:
                process.kill()


@contextmanager
def notifications() -> Iterator[tuple[str, list[str]]]:
    """Receive notifications to systemd: yield a value for NOTIFY_SOCKET, and a list to which each datagram is added."""
    sent: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("")  # the kernel chooses an abstract address
        thread = threading.Thread(target=_receive, args=(server, sent))
        thread.start()
        try:
            yield f"@{server.getsockname()[1:].decode()}", sent
        finally:
            server.shutdown(socket.SHUT_RD)
            thread.join()


def _receive(server: socket.socket, sent: list[str]) -> None:
    """Receive datagrams until the socket is shut down; senders wait when none are received."""
    while states := server.recv(4096):
        sent.append(states.decode())
