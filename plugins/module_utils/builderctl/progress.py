# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line on the terminal which shows that long work goes on."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from ..coordination.identity.host import Host
from ..coordination.timestamps import duration

DELAY = 1
"""Seconds before the line is shown, and between two updates of it."""
_CLEAR = "\r\x1b[K"
"""Erases the line (ECMA-48, section 8.3.41)."""


def what_takes_time(args: Namespace, host: Host) -> str:
    """Return what a command waits for, in words."""
    if args.command == "wait":
        return f"Waiting for a message, at most {duration(args.wait_timeout)}"
    if not Path(host.repository.private_path).exists():
        return "Fetching the first copy of the Build repository"
    return "Waiting for the remote"


@contextlib.contextmanager
def shown(what: str) -> Iterator[None]:
    """Show a text and the time since the start on standard error while the block runs, if that is a terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    ended = threading.Event()
    line = threading.Thread(target=_show, args=(what, ended), daemon=True)
    line.start()
    try:
        yield
    finally:
        ended.set()
        line.join()


def _show(what: str, ended: threading.Event) -> None:
    started = time.monotonic()
    text = ""
    with contextlib.suppress(OSError):
        while not ended.wait(DELAY):
            text = f"{_CLEAR}{what}: {duration(time.monotonic() - started)}"
            sys.stderr.write(text)
            sys.stderr.flush()
        if text:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
