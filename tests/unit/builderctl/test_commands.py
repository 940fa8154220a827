"""Test the commands of builderctl in this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.cli import main
from ansible_collections.acs.builders.plugins.module_utils.builderctl.command import Outcome
from ansible_collections.acs.builders.plugins.module_utils.builderctl.commands import ON_REPOSITORY
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders
from ansible_collections.acs.builders.tests.waiting import LIMIT

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(builders: Builders, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run builderctl as a server, check the exit code, and return the JSON output."""

    def act(server: str, *words: str, code: int = 0, **settings: Any) -> dict[str, Any]:
        paths = {"repo": builders.clone(server), "state_dir": builders.state(server), "log_folder": builders.folder}
        usual = {name: str(path) for name, path in paths.items()}
        config = builders.folder / f"{server}.json"
        config.write_text(json.dumps({**usual, "pat_file": str(builders.folder / "PAT"), "timeout": LIMIT, **settings}))
        ended = main(["--json", "--config", str(config), *words])
        printed = capsys.readouterr()
        assert ended == code, printed.out
        result: dict[str, Any] = json.loads(printed.out)
        assert "builderctl: " not in printed.err
        return result

    return act


def test_filters(builders: Builders, run: Run) -> None:
    for kind, subject in (("info", "one"), ("error", "two"), ("warning", "three")):
        run("build2", "send", subject, "x", "--type", kind)

    def subjects(*words: str) -> list[str]:
        return [one["subject"] for one in run("build1", "read", *words)["messages"]]

    assert subjects() == ["two", "three", "one"]
    assert subjects("--type", "info", "--type", "warning") == ["three", "one"]
    assert subjects("--limit", "1") == ["two"]
    assert subjects("--from", "build3") == []
    assert subjects("--since", "2999-01-01T00:00:00Z") == []
    first = builders.messages()[0]["id"]
    assert subjects("--since", first) == ["two", "three"]
    run("build1", "mark-read", first)
    assert subjects() == ["two", "three"]
    assert subjects("--all") == ["two", "three", "one"]
    assert subjects(first) == ["one"]


def test_recipients(builders: Builders, run: Run) -> None:
    assert [one["to"] for one in run("build1", "send", "a", "b")["messages"]] == ["build2"]
    assert run("build1", "send", "a", "b", "--to", "all")["messages"][0]["to"] == "all"


def test_a_status(run: Run) -> None:
    assert run("build1", "status")["status"] == {}
    run("build1", "status", "building", "--job", "job_42", "--git-branch", "main", "--log", "/log")
    done = run("build1", "status", "success", "--artifact", "/a.deb", "--git-commit", "d8e22ab")
    assert (done["server"], done["delivery"], done["changed"]) == ("build1", "pushed", True)
    build = done["status"]["last_build"]
    assert [build[name] for name in ("id", "branch", "commit", "log")] == ["job_42", "main", "d8e22ab", "/log"]
    assert build["artifacts"] == ["/a.deb"]
    seen = run("build2", "status", "--server", "build1")
    assert (seen["status"], seen["commit"], seen["remote_age_seconds"]) == (done["status"], done["commit"], 0)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("invalid_input", ["read", "--since", "soon"]),
        ("invalid_input", ["send", "", "Body"]),
        ("invalid_input", ["send", "Subject", ""]),
        ("invalid_input", ["send", "Subject", "Body", "--to", "all", "--to", "build2"]),
        ("invalid_input", ["status", "idle", "--server", "build2"]),
        ("invalid_input", ["status", "--job", "job_42"]),
        ("invalid_input", ["status", "idle", "--job", "job_42"]),
        ("invalid_input", ["status", "building", "--artifact", "/a.deb"]),
        ("invalid_input", ["mark-read"]),
        ("invalid_input", ["read", "--config", "/nowhere/config.json"]),
        ("unknown_server", ["send", "Subject", "Body", "--to", "build9"]),
        ("unknown_server", ["status", "--server", "build9"]),
        ("unknown_message", ["reply", "msg_1", "Body"]),
        ("unknown_message", ["ack", "msg_1"]),
        ("unknown_message", ["mark-read", "msg_1"]),
    ],
)
def test_wrong_usage_writes_nothing(builders: MemoryBuilders, run: Run, kind: str, words: list[str]) -> None:
    assert run("build1", *words, code=2)["error"] == kind
    assert (builders.tip, builders.memory.beats) == (None, {})


def test_an_error_is_json_that_every_reader_takes(run: Run) -> None:
    """An argument may contain bytes that are not UTF-8; jq and others reject lone surrogates."""
    assert run("build1", "ack", "--x=\udcff", code=2)["message"].isprintable()


def test_a_half_character_in_an_own_file_is_json_too(builders: Builders, run: Run) -> None:
    (builders.state("build1") / "audit.json").write_text(
        json.dumps({"senders": {}, "alarms": {"\ud800": "9999-12-31T23:59:59Z"}, "forged": {}, "commit": ""})
    )
    assert run("build1", "read")["notes"] == ["?"]


def test_commands_that_record_activity(builders: Builders, run: Run) -> None:
    """Reading and writing messages is activity; showing the health, as scripts do, is not."""
    activity = builders.state("build1") / "manager.json"
    run("build2", "send", "Subject", "Body")
    asked = builders.messages()[0]["id"]
    run("build1", "health", code=1)
    assert not activity.exists()
    for words in (["read"], ["ack", asked], ["mark-read", asked], ["reply", asked, "Body"], ["send", "a", "b"]):
        run("build1", *words)
        assert activity.exists(), words
        activity.unlink()


@pytest.mark.parametrize("words", [["send", "a", "b", "--to", "bild2"], ["status", "--server", "bild2"]])
def test_the_error_of_a_mistyped_server_names_a_similar_one(run: Run, words: list[str]) -> None:
    assert "Did you mean 'build2'? Its servers are build1, build2." in run("build1", *words, code=2)["message"]


def test_a_sender_that_is_no_server_is_noted_if_nothing_is_found(builders: Builders, run: Run) -> None:
    (note,) = run("build1", "read", "--from", "bild2")["notes"]
    assert "The fleet has no server bild2. Did you mean 'build2'?" in note
    assert run("build1", "read", "--from", "build2")["notes"] == []


def test_the_time_for_the_network_of_one_call(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def look(host: Host, *_more: object) -> Outcome:
        seen.append(host.repository.timeout)
        return Outcome({}, lambda _paint: "")

    monkeypatch.setitem(ON_REPOSITORY, "health", look)
    run("build1", "health", "--timeout", "2m")
    run("build1", "health")
    assert seen == [120, LIMIT]


def test_other_wrong_usage(builders: Builders, run: Run) -> None:
    run("build1", "send", "one", "1", "--key", "k")
    assert run("build1", "send", "two", "2", "--key", "k", code=2)["error"] == "key_conflict"
    unknown = run("build1", "read", code=2, intervall=5)
    assert unknown["error"] == "invalid_input" and "'intervall'" in unknown["message"]
    (builders.state("build1") / "server_id").unlink()
    assert run("build1", "read", code=2)["error"] == "identity"


def test_write_not_accepted_in_time(builders: MemoryBuilders, run: Run) -> None:
    run("build1", "send", "one", "1")
    builders.memory.breaks_off = True
    assert run("build1", "send", "two", "2", "--offline", "fail", code=3, timeout=1)["error"] == "deadline"
    sent = run("build1", "send", "three", "3", timeout=1)
    assert (sent["delivery"], sent["changed"]) == ("queued", True)
    (waits,) = run("build1", "outbox")["waiting"]
    assert waits["summary"] == "info to build2: three" and waits["messages"] == [sent["messages"][0]["id"]]
    assert run("build1", "outbox", "--drop", waits["id"])["dropped"] == [waits]
    assert run("build1", "outbox")["waiting"] == []
    assert "not in the outbox" in run("build1", "outbox", "--retry", waits["id"], code=2)["message"]


def test_two_hosts_with_one_identity(builders: Builders, run: Run) -> None:
    copied = builders.folder / "copied"
    copied.mkdir()
    for name in ("server_id", "fleet.json"):
        shutil.copy(builders.state("build1") / name, copied)
    for _beat in range(2):  # with one heartbeat each in the same second, both would publish the same
        assert run("build1", "heartbeat", "--once") == {"notes": []}
    refused = run("build1", "heartbeat", "--once", code=4, state_dir=str(copied))
    assert refused["error"] == "duplicate_identity"


def test_a_host_or_document_that_is_unusable(builders: Builders, run: Run) -> None:
    assert run("build1", "read", code=5, repo=str(builders.folder / "nothing"))["error"] == "clone"
    builders.commit(MESSAGES, b'{"messages": [')
    damaged = run("build1", "read", code=5)
    assert damaged["error"] == "document_damaged" and "messages.json, line 1" in damaged["message"]
    assert run("build1", "read", code=5, state_dir=str(builders.folder / "build1.json"))["error"] == "state"
    (builders.state("build1") / "fleet.json").write_text("{")
    assert run("build1", "read", code=5)["error"] == "state"
