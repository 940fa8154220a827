"""Test which mail the hooks of the real clients pass to the model, and when."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.inbox import (
    Inbox,
    UnreadMessage,
    write_inbox,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.clients.clients import CLIENTS, COPILOT, Manager
from ansible_collections.acs.builders.tests.clients.model_server import RUN

HELD = "of which this session was not told before"
MESSAGE = UnreadMessage(
    "msg_early", "build2", "request", "normal", "Early", "2026-11-22T07:11:46Z", "msg_early", "", "true", True, False
)


class Scene(Manager):
    """A client whose hooks read a state directory that the test fills."""

    def receive(self, *subjects: str, folder: Path | None = None) -> Path:
        """Record unread mail, as the service does, in the state directory or in another folder."""
        messages = tuple(replace(MESSAGE, id=f"msg_{word.lower()}", subject=word) for word in subjects)
        where = folder or self.state
        write_inbox(StateDirectory(where), Inbox("build1", None, "2026-11-22T07:11:50Z", len(messages), messages))
        return where

    def work_with(self, *answers: str) -> list[str]:
        """Give the client a task, with these answers of its model in order; return its requests to the model."""
        return self.work(lambda _text, number: answers[min(number, len(answers)) - 1])


@pytest.fixture(params=CLIENTS)
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    """A manager with each of the clients."""
    (tmp_path / "state").mkdir()
    return Scene(request.param, tmp_path, tmp_path / "state")


def test_mail_reaches_the_model_once(manager: Scene, tmp_path: Path) -> None:
    manager.receive("Early")
    later = manager.receive("Early", "Late", folder=tmp_path / "later")
    deliver = f"{RUN}cp {shlex.quote(str(later / 'inbox.json'))} {shlex.quote(str(manager.state))}"
    first, _second, third, *more = manager.work_with(deliver, "Done.")
    assert more == [], "the turn is held once"
    assert ("msg_early" in first) == (manager.client != COPILOT), "its session start does not reach the model"
    assert "msg_late" not in first
    assert third.count(HELD) == 1 and "msg_late" in third.partition(HELD)[2]
    assert ("msg_early" in third.partition(HELD)[2]) == (manager.client == COPILOT)


def test_without_mail_nothing_is_printed(manager: Scene) -> None:
    assert len(manager.work_with(f"{RUN}true", "Done.")) == 2


@pytest.mark.parametrize("damage", ["damaged", "missing", "hangs"])
def test_a_broken_server_does_not_hold_the_client(manager: Scene, damage: str) -> None:
    manager.receive("Early")
    if damage == "damaged":
        (manager.state / "inbox.json").write_text("{")
    elif damage == "missing":
        manager.state.rename(manager.state.with_name("gone"))
    else:
        (manager.hook.parent / "builderctl").write_text("#!/bin/sh\nexec sleep 600\n")
    assert [HELD in asked for asked in manager.work_with("Done.")] == [False]


@pytest.fixture
def full_disk(manager: Scene) -> Iterator[None]:
    """A state directory with unread mail, on a small file system that is full."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", manager.state], check=True)
    try:
        manager.receive("Early")
        with pytest.raises(OSError), open(manager.state / "rest", "wb", buffering=0) as rest:
            while True:
                rest.write(b"\0" * 4096)
        yield
    finally:
        subprocess.run(["umount", manager.state], check=True)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_does_not_hold_the_client(manager: Scene) -> None:
    assert [HELD in asked for asked in manager.work_with("Done.")] == [False]


def test_a_git_host_that_hangs_does_not_hold_the_client(manager: Scene, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as host:
        clone = tmp_path / "Build"
        git("init", "--quiet", clone)
        url = f"http://127.0.0.1:{host.getsockname()[1]}/Build.git"
        git("remote", "add", "origin", url, cwd=clone)
        (tmp_path / "builderctl.json").write_text(json.dumps({"state_dir": str(manager.state), "repo": str(clone)}))
        manager.receive("Early")
        asked = manager.work_with("Done.")
    assert "msg_early" in asked[-1] and len(asked) == (2 if manager.client == COPILOT else 1)
