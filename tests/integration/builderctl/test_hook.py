"""Test the script that the clients of a manager call: it ends with 0 whatever fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import (
    Inbox,
    UnreadMessage,
    write_inbox,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.ansible_runner import TOP, environment
from ansible_collections.acs.builders.tests.hook_script import install_hook
from ansible_collections.acs.builders.tests.running_service import COMMAND
from ansible_collections.acs.builders.tests.waiting import LIMIT

SHORT = 0.9
"""Seconds after which the script ends a command that does not end by itself."""
MESSAGE = UnreadMessage(
    "msg_1", "build2", "request", "normal", "Install jq", "2026-11-22T07:11:46Z", "msg_1", "", "true", True, False
)


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    """Return the script on a server with an unread message."""
    write_inbox(StateDirectory(tmp_path / "state"), Inbox("build1", None, "2026-11-22T07:11:50Z", 1, (MESSAGE,)))
    return install_hook(tmp_path, tmp_path / "state")


def call(hook: Path, event: str = "turn-end", stdout: int = subprocess.PIPE) -> str:
    """Run the script as a client does, and return its output; it must not print errors."""
    variables = environment(hook.parent / "home")
    with given(hook) as stdin:
        done = subprocess.run(
            [hook, event, "claude"],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=LIMIT,
            env=variables,
            check=True,
        )
    assert done.stderr == ""
    return done.stdout or ""


def given(hook: Path) -> IO[str]:
    """Return a client's input as a file, because the command waits only briefly for input from a pipe."""
    path = hook.parent / "given"
    path.write_text(json.dumps({"session_id": "a", "stop_hook_active": False}))
    return path.open()


def replace_command(hook: Path, *lines: str) -> None:
    """Replace builderctl by a shell script."""
    command = hook.parent / "builderctl"
    command.write_text("\n".join(["#!/bin/sh", *lines, ""]))


def test_no_process_is_started_without_mail(hook: Path) -> None:
    (hook.parent / "state" / "unread").unlink()
    replace_command(hook, f"touch {hook.parent}/started")
    assert call(hook) == "" == call(hook, "session-start")
    assert not (hook.parent / "started").exists()
    (hook.parent / "state" / "unread").touch()
    assert call(hook) == "" and (hook.parent / "started").exists()


def test_a_call_shows_that_a_session_is_attached(hook: Path) -> None:
    (hook.parent / "state" / "unread").unlink()
    (hook.parent / "state" / "sessions").mkdir()
    seen = hook.parent / "state" / "sessions" / "seen"
    call(hook)
    os.utime(seen, (0, 0))
    call(hook)
    assert seen.stat().st_mtime > 0


@pytest.mark.parametrize(
    "lines",
    [("exit 2",), ("echo broken >&2", "exit 1"), ("kill -SEGV $$",), ("exec sleep 600",)],
    ids=["refuses", "fails", "crashes", "hangs"],
)
def test_a_broken_command_is_not_seen(hook: Path, lines: tuple[str, ...]) -> None:
    install_hook(hook.parent, hook.parent / "state", SHORT)
    replace_command(hook, *lines)
    assert call(hook) == ""


def test_a_missing_command_or_state_directory_is_not_seen(hook: Path) -> None:
    (hook.parent / "builderctl").unlink()
    assert call(hook) == ""
    (hook.parent / "state").rename(hook.parent / "gone")
    assert call(hook) == ""
    (hook.parent / "state").write_text("not a folder")
    assert call(hook) == ""


def test_output_that_cannot_be_written_is_not_seen(hook: Path) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        call(hook, stdout=full.fileno())


def test_input_that_never_ends_does_not_hold_the_client(hook: Path) -> None:
    install_hook(hook.parent, hook.parent / "state", SHORT)
    replace_command(hook, "exec cat")
    reading, writing = os.pipe()
    try:
        done = subprocess.run([hook, "turn-end", "claude"], stdin=reading, timeout=LIMIT, check=False)
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode == 0


def test_the_hook_loads_neither_gitpython_nor_the_modules_of_the_network(hook: Path) -> None:
    script = (
        f"import sys; from {COMMAND} import main; main(['--config', {str(hook.parent / 'builderctl.json')!r}, "
        "'hook', 'turn-end']); print(sorted({'git', 'gitdb', 'ssl', 'http.client'} & set(sys.modules)))"
    )
    with given(hook) as stdin:
        done = subprocess.run(
            [sys.executable, "-c", script],
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            env={**environment(hook.parent / "home"), "PYTHONPATH": str(TOP / "collections")},
            check=True,
        )
    held, modules = done.stdout.splitlines()
    assert "msg_1" in json.loads(held)["reason"] and modules == "[]"
