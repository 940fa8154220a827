"""Test the fuzzer: a short run with a seed, and that it finds planted bugs."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.documents.json_document import (
    EntryList,
    parse_object,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.snapshot import Change
from ansible_collections.acs.builders.tests.fuzz import __main__ as command
from ansible_collections.acs.builders.tests.fuzz import kept, mutation, running
from ansible_collections.acs.builders.tests.fuzz.failure import Violation
from ansible_collections.acs.builders.tests.fuzz.memory import Remote
from ansible_collections.acs.builders.tests.fuzz.running import Target, run_target
from ansible_collections.acs.builders.tests.fuzz.targets import targets
from ansible_collections.acs.builders.tests.waiting import LIMIT

SEED, EXAMPLES = 1, 4
STARTS = [{"server": "build1", "status": "idle", "problems": ["late", "full"]}]
MAILBOX = b'{"v": 1, "messages": [\n  {"id": "a", "read": false, "x":  "\\u00e9"},\n  {"id": "b"}\n], "w": 2}'


def test_a_short_run_with_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some examples of every target; a separate command does the full run."""
    monkeypatch.setattr(running, "ROUND", EXAMPLES)
    print(f"seed {SEED}, the first {EXAMPLES} examples of each target's round 0")
    with targets() as all_targets:
        results = [run_target(target, SEED, 0) for target in all_targets]
    assert [(one.name, one.failure, one.example) for one in results if one.failure] == []
    assert len(results) > 45
    assert all(one.executions > 0 for one in results)
    assert sum(one.refused for one in results) < sum(one.executions for one in results) / 2
    assert any(one.refused < one.executions for one in results if one.name == "build_message")


def planted(reader: Callable[[bytes], object]) -> Target:
    """Return a target with a reader of this test."""

    def run(document: mutation.Document) -> int:
        data = mutation.encode(document, STARTS)
        reader(data)
        return len(data)

    return Target("planted", mutation.documents(len(STARTS)), run, lambda one: repr(mutation.encode(one, STARTS)))


def crashes(data: bytes) -> None:
    """Fail if the status is not a string."""
    parse_object(data, "x").value.get("status", "").upper()


def hangs(data: bytes) -> None:
    """Loop endlessly without a status."""
    value = parse_object(data, "x").value
    while "status" not in value:
        pass


def allocates(data: bytes) -> bytes:
    """Allocate far more memory than the size of the data if the problems differ."""
    problems = parse_object(data, "x").value.get("problems")
    return bytes(0 if problems == ["late", "full"] else 2 * running.MEMORY_BASE)


def exits(data: bytes) -> None:
    """Exit the program if the server differs."""
    if parse_object(data, "x").value.get("server") != "build1":
        raise SystemExit(3)


@pytest.mark.parametrize(
    ("reader", "reported"),
    [
        (crashes, "AttributeError"),
        (hangs, "it took more than"),
        (allocates, "of memory"),
        (exits, "SystemExit"),
    ],
)
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, reader: Callable[[bytes], object], reported: str
) -> None:
    monkeypatch.setattr(running, "CPU_LIMIT", 0.5 if reader is hangs else 10)
    monkeypatch.setattr(running, "TRACING", 1)
    monkeypatch.setattr(running, "MEASURED_EVERY", 1)
    monkeypatch.setattr(running, "SHRINKING", 0.5)
    gc.freeze()  # collecting objects of other tests could take as long as the limit
    try:
        found = run_target(planted(reader), 2, LIMIT, most=40)
        again = run_target(planted(reader), 2, 0, only=found.failed_round)
    finally:
        gc.unfreeze()
    assert reported in found.failure
    assert found.example.startswith("b'")
    assert reported in again.failure


def test_a_found_bug_is_reported_so_that_it_can_be_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def one_target() -> Iterator[list[Target]]:
        yield [planted(crashes)]

    monkeypatch.setattr(command, "targets", one_target)
    assert command.main(["--seed", "7", "--seconds", str(LIMIT)]) == 1
    printed = capsys.readouterr().out
    assert "seed 7" in printed and "AttributeError" in printed and "example: b'" in printed
    round_number = printed.partition("--target 'planted' --seed 7 --round ")[2].split()[0]
    assert command.main(["--seed", "7", "--target", "planted", "--round", round_number, "--json"]) == 1
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report["seed"] == 7 and report["failed"] == ["planted"]
    assert command.main(["--target", "nonsense"]) == 2


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(json.dumps(json.loads(MAILBOX), indent=2).encode(), id="serialised anew"),
        pytest.param(MAILBOX.replace(b'"b"', b'"c"'), id="another id"),
        pytest.param(MAILBOX.replace(b"\\u00e9", b"\xc3\xa9"), id="an escape is gone"),
        pytest.param(MAILBOX.replace(b'"v": 1, ', b""), id="a key is gone"),
        pytest.param(MAILBOX.replace(b'"w": 2', b'"w": 3'), id="a value behind the list"),
        pytest.param(MAILBOX.replace(b',\n  {"id": "b"}', b""), id="a message is gone"),
        pytest.param(MAILBOX.replace(b"false", b"NaN"), id="NaN"),
        pytest.param(MAILBOX.replace(b"false", b'"\\ud800"'), id="a lone surrogate"),
        pytest.param(MAILBOX[:-3], id="cut short"),
    ],
)
def test_a_write_that_damages_is_found(new: bytes) -> None:
    remote = Remote()
    remote.reset({"coordination/messages.json": MAILBOX})
    with pytest.raises(Violation):
        remote.add(Change(None, {"coordination/messages.json": new}))


def test_a_write_that_keeps_everything_is_none() -> None:
    remote = Remote()
    remote.reset({"coordination/messages.json": MAILBOX})
    new = EntryList(MAILBOX, "x", "messages").splice({0: {"read": True, "read_by": ["c"]}}, [{"id": "n"}])
    assert remote.add(Change(None, {"coordination/messages.json": new})) == remote.tip
    kept.check_with_jq(new, "x")


def test_what_cannot_be_read_is_not_overwritten() -> None:
    remote = Remote()
    remote.reset({"build1/status.json": b'{"status": '})
    with pytest.raises(Violation, match="was overwritten"):
        remote.add(Change(None, {"build1/status.json": b'{"status": "idle"}'}))


def test_a_status_keeps_what_others_wrote() -> None:
    remote = Remote()
    old = b'{"status": "idle", "mine":  1.50}'
    remote.reset({"build1/status.json": old})
    remote.add(Change(None, {"build1/status.json": old.replace(b"idle", b"failed")}))
    with pytest.raises(Violation, match="'mine'"):
        remote.add(Change(None, {"build1/status.json": old.replace(b"1.50", b"1.5")}))
