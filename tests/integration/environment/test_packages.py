"""Test package names that apt could interpret as commands."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.environment.packages import is_safe


@pytest.mark.skipif(not shutil.which("apt-cache"), reason="apt is not installed")
def test_final_plus_or_minus_needs_a_package_of_that_name() -> None:
    assert is_safe("jq") and not is_safe("openssh-server-") and not is_safe("no-such-package+")


def test_without_apt_such_a_name_is_never_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert is_safe("jq") and not is_safe("g++")
