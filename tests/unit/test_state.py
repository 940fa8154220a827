"""This host's own files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory

HOLDER = textwrap.dedent(
    """
    import fcntl, os, sys
    fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
    """
)


def test_a_file_is_written_and_read(state: StateDirectory) -> None:
    assert state.read_json("x.json") is None
    state.write_json("x.json", {"a": ["\ud800", "ü"]})
    assert state.read_json("x.json") == {"a": ["\ud800", "ü"]}
    state.write_json("x.json", [])
    assert state.read_json("x.json") == []
    assert os.listdir(state.path) == ["x.json"], "a temporary file was left"


def test_files_are_readable_by_owner_only(state: StateDirectory) -> None:
    state.write_json("x.json", {})
    assert state.path.stat().st_mode & 0o777 == 0o700
    assert (state.path / "x.json").stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_old_file(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    state.write_json("x.json", {"old": True})
    with pytest.raises(TypeError):
        state.write_json("x.json", {"a": 1, "b": object()})

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateUnusable, match="No space left on device") as caught:
        state.write_json("x.json", {"new": True})
    assert "disk space" in caught.value.remedy
    assert state.read_json("x.json") == {"old": True}
    assert os.listdir(state.path) == ["x.json"], "a temporary file was left"


def test_readers_see_the_old_or_the_new_file_and_never_a_part(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the moment of the replacement the file is whole and old, and then what replaces it is on disk."""
    state.write_json("x.json", {"old": True})
    seen: list[Any] = []
    synced: list[int] = []
    replace, fsync = os.replace, os.fsync

    def watch(source: str, target: Path) -> None:
        seen.append((state.read_json("x.json"), json.loads(Path(source).read_text()), len(synced)))
        replace(source, target)

    def note(descriptor: int) -> None:
        synced.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "replace", watch)
    monkeypatch.setattr(os, "fsync", note)
    state.write_json("x.json", {"new": True})
    assert seen == [({"old": True}, {"new": True}, 1)]
    assert len(synced) == 2, "the folder was not synced"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"a": 1} x', b"[" * 100_000])
def test_a_file_that_is_not_json(state: StateDirectory, content: bytes) -> None:
    (state.make() / "x.json").write_bytes(content)
    with pytest.raises(StateUnusable, match=r"x\.json is not JSON") as caught:
        state.read_json("x.json")
    assert "remove it" in caught.value.remedy


def test_a_state_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    state = StateDirectory(tmp_path / "state")
    with pytest.raises(StateUnusable):
        state.make()
    with pytest.raises(StateUnusable, match=str(tmp_path)):
        state.write_json("x.json", {})
    with pytest.raises(StateUnusable):
        state.read_json("x.json")
    with pytest.raises(StateUnusable), state.lock("x.lock", 0):
        pass


def test_a_folder_where_a_file_should_be(state: StateDirectory) -> None:
    state.make("x.json")
    with pytest.raises(StateUnusable):
        state.read_json("x.json")
    with pytest.raises(StateUnusable):
        state.write_json("x.json", {})
    with pytest.raises(StateUnusable), state.lock("x.json", 0):
        pass
    assert os.listdir(state.path) == ["x.json"], "a temporary file was left"


def test_a_lock_that_another_process_holds(state: StateDirectory) -> None:
    """It is refused with a clear error, and free again when that process is killed."""
    lock = state.make("repos") / "x.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateUnusable, match=f"held the lock {lock}") as caught, state.lock("repos/x.lock", 0.05):
            pass
        assert f"fuser -v {lock}" in caught.value.remedy
        holder.kill()
    with state.lock("repos/x.lock", 0):
        assert lock.exists()


def test_a_lock_is_free_again_after_an_error(state: StateDirectory) -> None:
    with pytest.raises(ZeroDivisionError), state.lock("x.lock", 0):
        raise ZeroDivisionError
    with state.lock("x.lock", 0), pytest.raises(StateUnusable), state.lock("x.lock", 0):
        pass
    with state.lock("x.lock", 0), state.lock("y.lock", 0):
        pass
