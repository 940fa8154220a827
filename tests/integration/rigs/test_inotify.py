"""The hosts of a cluster are not booted where the kernel would give their units no inotify instances."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest
from ansible_collections.acs.builders.tests.cluster import inotify
from ansible_collections.acs.builders.tests.cluster.command import Failed


def test_hosts_need_inotify_instances_that_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one that they need is taken by this process."""
    limit = tmp_path / "limit"
    monkeypatch.setattr(inotify, "LIMIT", limit)
    monkeypatch.setattr(inotify, "PROCESSES", str(os.getpid()))
    limit.write_text("30")
    inotify.require_instances(3)
    instance = ctypes.CDLL(None).inotify_init()
    assert instance >= 0
    try:
        with pytest.raises(Failed, match="3 hosts need 30 inotify instances, but 1 of 30 are in use"):
            inotify.require_instances(3)
        inotify.require_instances(2)
    finally:
        os.close(instance)
