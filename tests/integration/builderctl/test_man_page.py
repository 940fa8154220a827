"""Test the manual page as shown by man."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ansible_collections.acs.builders.tests.ansible_runner import TOP

PAGE = TOP / "roles" / "build_heartbeat" / "files" / "builderctl.1"


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_shows_it_without_a_warning() -> None:
    shown = subprocess.run(
        ["man", "--local-file", "--warnings=w", str(PAGE)],
        env={**os.environ, "MANWIDTH": "80", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    assert "builderctl read [OPTION]... [ID]..." in shown.stdout
    assert "--since TIME|ID" in shown.stdout
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
