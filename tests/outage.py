"""Making the remote unreachable for Git, and letting the time limit of commands expire."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable
from unittest import mock

from ansible_collections.acs.builders.plugins.module_utils.coordination.git import process
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.waiting import until


@contextmanager
def closed_port() -> Iterator[str]:
    """Reserve a port, which refuses connections, and yield the URL of a remote there."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}/Build.git"


@contextmanager
def outage(builders: Builders) -> Iterator[None]:
    """Make the remote refuse connections inside the context."""
    with closed_port() as address:
        elsewhere = f"url.{address}.insteadOf={builders.remote}"
        with mock.patch.object(process, "SAFE_CONFIG", (*process.SAFE_CONFIG, elsewhere)):
            yield


@contextmanager
def time_over(word: str, when: Callable[[], object]) -> Iterator[None]:
    """Let the time limit of a command expire inside the context, as soon as a condition holds and not before.

    :param word: one of the words of the command.
    :param when: returns whether the condition holds.
    """
    communicate = subprocess.Popen.communicate
    over: set[int] = set()

    def limited(process: subprocess.Popen[Any], input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        if timeout is not None and word in process.args and process.pid not in over:  # type: ignore[operator]
            until(lambda: when() or process.poll() is not None, f"{word} did not get that far")
            if process.poll() is None:
                over.add(process.pid)
                raise subprocess.TimeoutExpired(process.args, timeout)
        return communicate(process, input, timeout)

    with mock.patch.object(subprocess.Popen, "communicate", limited):
        yield
