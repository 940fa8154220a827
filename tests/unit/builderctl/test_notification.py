"""Test notifications to systemd over a real socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.notification import notify


@pytest.mark.parametrize("is_abstract", [False, True])
def test_states_are_one_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_abstract: bool) -> None:
    monkeypatch.chdir(tmp_path)  # the maximum length of the name of a socket is 107 bytes (unix(7))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as server:
        server.bind("" if is_abstract else "notify")
        name = f"@{server.getsockname()[1:].decode()}" if is_abstract else "notify"
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify("READY=1", "STATUS=Started")
        notify("WATCHDOG=1")
        assert [server.recv(100), server.recv(100)] == [b"READY=1\nSTATUS=Started", b"WATCHDOG=1"]


def test_without_systemd_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")
