"""Cutting servers off from their remote, as Git sees it, and letting the time for an answer be over."""

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
def nobody_listens() -> Iterator[str]:
    """The address of a remote at a port that refuses connections while this lasts, since nothing else can take it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/Build.git"


@contextmanager
def outage(builders: Builders) -> Iterator[None]:
    """While this lasts, nobody listens where the remote is."""
    with nobody_listens() as address:
        elsewhere = f"url.{address}.insteadOf={builders.remote}"
        with mock.patch.object(process, "SAFE_CONFIG", (*process.SAFE_CONFIG, elsewhere)):
            yield


@contextmanager
def time_over(word: str, when: Callable[[], object]) -> Iterator[None]:
    """While this lasts, the time for a command that has a limit is over as soon as something holds, and not before.

    :param word: one of the words of the command.
    """
    communicate = subprocess.Popen.communicate
    over: set[int] = set()

    def limited(process: subprocess.Popen[Any], input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        if timeout is not None and word in process.args and process.pid not in over:  # type: ignore[operator]
            until(lambda: when() or process.poll() is not None, f"{word} does not come so far")
            if process.poll() is None:
                over.add(process.pid)
                raise subprocess.TimeoutExpired(process.args, timeout)
        return communicate(process, input, timeout)

    with mock.patch.object(subprocess.Popen, "communicate", limited):
        yield
