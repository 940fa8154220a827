"""Test processes of Git."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.process import GitCommand
from ansible_collections.acs.builders.tests.builders import git
from ansible_collections.acs.builders.tests.outage import time_over
from ansible_collections.acs.builders.tests.waiting import LIMIT


def test_a_process_that_keeps_the_output_open_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh, pid_file = tmp_path / "ssh", tmp_path / "pid"
    child = f"echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep {LIMIT}"
    ssh.write_text(f"#!/bin/sh\nsetsid sh -c '{child}' </dev/null >/dev/null &\nsleep {LIMIT}\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    git("init", "--quiet", "--bare", tmp_path / "own.git")
    with time_over("ls-remote", pid_file.exists):
        assert GitCommand(tmp_path / "own.git").run("ls-remote", "ssh://host/x", timeout=LIMIT).status is None
    os.kill(int(pid_file.read_text()), 9)  # fails if the child has already ended
