"""A file of this host's own state that holds another kind of JSON than it should ends in one clear sentence."""

from __future__ import annotations

import json
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
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.message import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.health import read_health
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.archive import first_notice
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.listing import Filter, list_messages
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.mark import acknowledge, mark_read
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders, make_builders
from ansible_collections.acs.builders.tests.unit.beating import beat


@dataclass(frozen=True)
class Scene:
    """Two servers that trust each other, and a message of build1 to build2."""

    builders: Builders
    message_id: str


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The servers, and the message."""
    builders = make_builders(tmp_path_factory.mktemp("state"))
    builders.trust()
    with builders.host("build1") as host:
        message_id = send(host, Draft("Do", "it")).result[0]["id"]
    return Scene(builders, message_id)


Operation = Callable[[Host, str], object]

READERS: dict[str, Operation] = {
    "read.json": lambda host, _message_id: list_messages(host, Filter()),
    "acknowledged.json": lambda host, message_id: acknowledge(host, [message_id]),
    "acted.json": act,
    "archiving.json": lambda host, _message_id: first_notice(host),
    "audit.json": lambda host, _message_id: recent_alarms(host),
    "beat.json": lambda host, _message_id: beat(host),
    "keys.json": lambda host, _message_id: send(host, Draft("Hello", "Hi", key="k")),
    "listed.json": lambda host, _message_id: mark_read(host),
    "logged.json": lambda host, _message_id: log_new_mail(host, [], Path("/dev/null")),
    "manager.json": lambda host, _message_id: beat(host),
    "outbox.json": lambda host, _message_id: send(host, Draft("Hello", "Hi")),
    "sequence.json": lambda host, _message_id: beat(host),
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


def test_the_record_of_pushes_of_another_shape(scene: Scene) -> None:
    path = scene.builders.private("build1").with_suffix(".attempts.json")
    path.write_text('[{"commit": 1}]')
    with scene.builders.host("build1") as host, pytest.raises(StateUnusable, match="has unexpected content"):
        send(host, Draft("Hello", "Hi"))


def test_the_summary_of_another_shape(scene: Scene) -> None:
    (scene.builders.state("build2") / "summary.json").write_text("[]")
    config = Config(repo="", state_dir=str(scene.builders.state("build2")))
    with pytest.raises(StateUnusable, match="has unexpected content"):
        summary(config)


@pytest.mark.parametrize("name", ["beat.json", "audit.json"])
def test_invalid_commit_is_rejected(scene: Scene, name: str) -> None:
    """Git would be asked for it."""
    record = {"commit": "--\0", "senders": {}, "alarms": {}, "forged": {}}
    with (
        _state_file(scene, name, json.dumps(record)),
        scene.builders.host("build2") as host,
        pytest.raises(StateUnusable, match="is not a commit"),
    ):
        READERS[name](host, scene.message_id)
