"""Test the files of the state directory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.login import summary, write_failure
from ansible_collections.acs.builders.plugins.module_utils.builderctl.mail_log import log_new_mail
from ansible_collections.acs.builders.plugins.module_utils.coordination.builds.job import Job, start, watch
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.config import Config
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import act
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.audit import recent_alarms
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.archive import archiving_notice
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.contract.memory_builders import make_memory_builders


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
    """The old file is complete until it is replaced, and the new one is on disk before that."""
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


def test_a_lock_is_free_again_after_an_error(state: StateDirectory) -> None:
    with pytest.raises(ZeroDivisionError), state.lock("x.lock", 0):
        raise ZeroDivisionError
    with state.lock("x.lock", 0), pytest.raises(StateUnusable), state.lock("x.lock", 0):
        pass
    with state.lock("x.lock", 0), state.lock("y.lock", 0):
        pass


@dataclass(frozen=True)
class Scene:
    """Two servers that trust each other, and a message of build1 to build2."""

    builders: Builders
    message_id: str


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Two servers that trust each other, and a message."""
    builders = make_memory_builders(tmp_path_factory.mktemp("state"))
    builders.trust()
    with builders.host("build1") as host:
        message_id = send(host, Draft("Do", "it")).result[0].id
    return Scene(builders, message_id)


Operation = Callable[[Host, str], object]


READERS: dict[str, Operation] = {
    "read.json": lambda host, _message_id: list_messages(host, Filter()),
    "acknowledged.json": lambda host, message_id: acknowledge(host, [message_id]),
    "acted.json": act,
    "archiving.json": lambda host, _message_id: archiving_notice(host),
    "audit.json": lambda host, _message_id: recent_alarms(host),
    "beat.json": lambda host, _message_id: beat(host),
    "keys.json": lambda host, _message_id: send(host, Draft("Hello", "Hi", key="k")),
    "logged.json": lambda host, _message_id: log_new_mail(host, [], Path("/dev/null")),
    "manager.json": lambda host, _message_id: beat(host),
    "pages.json": lambda host, _message_id: mark_read(host),
    "outbox.json": lambda host, _message_id: send(host, Draft("Hello", "Hi")),
    "sequence.json": lambda host, _message_id: beat(host),
    "series.json": lambda host, _message_id: send(host, Draft("Hello", "Hi"), series="greetings"),
    "statuses.json": lambda host, _message_id: read_health(host),
    "summary.json": lambda host, _message_id: write_failure(host, "x"),
    "watch.json": lambda host, _message_id: read_health(host),
}


ODD = '{"ids": 7, "messages": [], "servers": [], "attempted": 7}'
CASES = [(name, content) for name in READERS for content in ("[1]", "7", '"text"', ODD)]


@pytest.mark.parametrize(("name", "content"), [case for case in CASES if case != ("statuses.json", ODD)])
def test_a_file_of_another_shape(scene: Scene, name: str, content: str) -> None:
    path = scene.builders.state("build2") / name
    path.write_text(content)
    try:
        with scene.builders.host("build2") as host, pytest.raises(StateUnusable) as caught:
            READERS[name](host, scene.message_id)
    finally:
        path.unlink()
    assert caught.value.what.startswith(f"{path} has unexpected content (")
    assert caught.value.what.count("\n") == 0 and "remove it" in caught.value.remedy


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity"])
def test_number_outside_of_json_is_rejected(scene: Scene, number: str) -> None:
    path = scene.builders.state("build2") / "sequence.json"
    path.write_text(f'{{"sequence": {number}}}')
    with scene.builders.host("build2") as host, pytest.raises(StateUnusable, match=f"{number} is not a number"):
        beat(host)
    path.unlink()


JOB: dict[str, Any] = {
    **{"id": "job_1", "source": "/", "log": "/log", "started_at": "", "time_limit": 1},
    **{"branch": None, "commit": None},
}


RESULT: dict[str, Any] = {
    **{"exit_code": 0, "signal": None, "ended_at": ""},
    **{"last_lines": [], "artifacts": [], "more_artifacts": 0},
}


@pytest.mark.parametrize(
    "content", ["[1]", "7", '"text"', "{}", *(json.dumps({**JOB, "log": log}) for log in ("\0", "\ud800"))]
)
def test_a_job_of_another_shape(scene: Scene, content: str) -> None:
    with _state_file(scene, "job.json", content), scene.builders.host("build2") as host:
        with pytest.raises(StateUnusable, match="has unexpected content"):
            watch(host)
        with pytest.raises(StateUnusable, match="has unexpected content"):
            start(host, Job("job_1", "/", "make"))


@pytest.mark.parametrize("content", ["[1]", "7", '"text"', "{}", json.dumps({**RESULT, "artifacts": [1]})])
def test_the_end_of_a_job_of_another_shape(scene: Scene, content: str) -> None:
    with (
        _state_file(scene, "job.json", json.dumps(JOB)),
        _state_file(scene, "job_result.json", content),
        scene.builders.host("build2") as host,
        pytest.raises(StateUnusable, match=r"job_result\.json has unexpected content"),
    ):
        watch(host)


@contextmanager
def _state_file(scene: Scene, name: str, content: str) -> Iterator[None]:
    path = scene.builders.state("build2") / name
    path.write_text(content)
    try:
        yield
    finally:
        path.unlink()


@pytest.mark.parametrize("content", ["[]", '{"server": {"a": "build2"}}'])
def test_the_summary_of_another_shape(scene: Scene, content: str) -> None:
    (scene.builders.state("build2") / "summary.json").write_text(content)
    config = Config(repo="", state_dir=str(scene.builders.state("build2")))
    with pytest.raises(StateUnusable, match="has unexpected content"):
        summary(config)


@pytest.mark.parametrize("name", ["beat.json", "audit.json"])
def test_invalid_commit_is_rejected(scene: Scene, name: str) -> None:
    """It would become an argument of Git."""
    record = {"commit": "--\0", "senders": {}, "alarms": {}, "forged": {}}
    with (
        _state_file(scene, name, json.dumps(record)),
        scene.builders.host("build2") as host,
        pytest.raises(StateUnusable, match="is not a commit"),
    ):
        READERS[name](host, scene.message_id)
