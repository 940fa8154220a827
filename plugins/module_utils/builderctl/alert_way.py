# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the ways by which alerts are sent: a command, a webhook, mail."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..coordination.alerts.ways import Way
from ..coordination.text import short
from .alert_text import mail, title, webhook_text

WEBHOOK = Path(__file__).with_name("webhook.py")


def call(way: Way, alert: Mapping[str, Any]) -> str:
    """Send an alert by a way, in a process group of its own, which is ended at the deadline.

    :param alert: the alert as in the record.
    :return: the reason of a failure, empty after a success.
    """
    argv, given = _program(way, alert)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if way.webhook else sys.stderr.fileno(),
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        return f"{argv[0]} cannot be started: {error.strerror}"
    try:
        output, _errors = process.communicate(given, way.timeout)
    except subprocess.TimeoutExpired:
        return f"it did not end within {way.timeout} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if process.returncode == 0:
        return ""
    said = short((output or b"").decode("utf-8", "replace"))
    return said or f"{argv[0]} ended with {process.returncode}"


def _program(way: Way, alert: Mapping[str, Any]) -> tuple[list[str], bytes]:
    """Return a program with its arguments, and its standard input. A secret is never an argument."""
    if way.webhook:
        given = {"url": way.webhook, "text": webhook_text(alert), "timeout": way.timeout}
        return [sys.executable, "-I", str(WEBHOOK)], json.dumps(given).encode()
    if way.mail:
        return [way.sendmail, "-oi", "-t"], mail(alert, way.mail)
    return list(way.command), f"{json.dumps(for_programs(alert))}\n".encode()


def for_programs(alert: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a command gets: a JSON object with ``event``, ``kind``, ``server``, ``text`` and others."""
    names = ("event", "kind", "server", "details", "since", "at", "by", "number")
    return {"text": title(alert), **{name: alert[name] for name in names}}
