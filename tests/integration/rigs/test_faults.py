"""Test a short selection of rows of the fault rig, and that its checker finds planted faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.acs.builders.tests.builders import MESSAGES, Builders, git
from ansible_collections.acs.builders.tests.faults import mixed_fleet, run
from ansible_collections.acs.builders.tests.faults.checker import Findings, check
from ansible_collections.acs.builders.tests.faults.git_host import GitHostProcess
from ansible_collections.acs.builders.tests.faults.ledger import Ledger
from ansible_collections.acs.builders.tests.faults.operations import FAILED, UNKNOWN, Answer, Order, carry_out
from ansible_collections.acs.builders.tests.faults.relay import CUT, REFUSE, SWALLOW, Mode, Relay
from ansible_collections.acs.builders.tests.faults.rows import Row
from ansible_collections.acs.builders.tests.faults.run import ROWS, Rig, rig

SEED = 20
SHORT = {
    "relay cuts after accept": 0.05,
    "SIGKILL at each step of a send": 0.03,
    "git killed after its k-th call": 0.02,
    "remote rewound": 0.1,
}
"""The selected rows, with their lengths."""
Entries = list[dict[str, Any]]


@pytest.fixture(scope="module")
def the_rig() -> Iterator[Rig]:
    """Return the rig without a world."""
    with rig() as found:
        yield found


@pytest.fixture
def recorded(builders: Builders) -> tuple[Builders, Ledger]:
    """Return a remote with three messages and a status of build1, and the ledger of these operations."""
    ledger = Ledger()
    with builders.host("build1") as host:
        for order in (*(Order("send", f"t{number}", "build2") for number in range(3)), Order("status", "job")):
            ledger.record("build1", "build1", carry_out(host, order))
    return builders, ledger


def look(builders: Builders, ledger: Ledger) -> Findings:
    return check(builders, ledger, set())


def plant(builders: Builders, change: Callable[[Entries], Entries]) -> None:
    """Change the messages on the remote without recording it in the ledger."""
    document = {"messages": change(builders.messages())}
    builders.commit(MESSAGES, json.dumps(document).encode())


@pytest.mark.parametrize("name", SHORT)
def test_a_short_look_at_a_fault_finds_no_violation(the_rig: Rig, name: str) -> None:
    print(f"to repeat it: make faults SEED={SEED} LENGTH={SHORT[name]} ROW='{name}'")
    (row,) = (row for row in ROWS if row.name == name)
    result = the_rig.run(row, SEED, SHORT[name])
    assert result.findings.violations == []
    assert result.faults > 0
    assert result.findings.delivered > 0


def test_an_old_writer_races_with_ours(the_rig: Rig) -> None:
    if mixed_fleet.cannot():
        pytest.skip(f"not run: {mixed_fleet.cannot()}")
    result = the_rig.run(Row("mixed", lambda world, _length: mixed_fleet.race(world, 16)), SEED)
    assert result.findings.violations == []
    assert result.findings.delivered >= 11


def test_a_row_that_breaks_off_is_a_violation(the_rig: Rig) -> None:
    def broken(_world: object, _length: float) -> None:
        raise KeyError("no such thing")

    assert "no such thing" in the_rig.run(Row("broken", broken), SEED).findings.crashed[0]


def test_a_lock_that_is_left_is_reported_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leave(world: Any, _length: float) -> None:
        (world.builders.private("build1") / "index.lock").touch()

    monkeypatch.setattr(run, "ROWS", (Row("leaves a lock", leave), Row("not here", leave, lambda: "needs luck")))
    assert run.main(["--seed", "7", "--json", "--quiet"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["seed"], report["failed"]) == (7, True)
    (violation,) = report["rows"][0]["violations"].pop("wedged")
    assert violation.startswith("build1: lock state/repos/") and report["rows"][0]["violations"] == {}
    assert report["rows"][1]["skipped"] == "needs luck"


def test_nothing_is_found_where_nothing_is_wrong(recorded: tuple[Builders, Ledger]) -> None:
    found = look(*recorded)
    assert found.violations == []
    assert (found.asked, found.acknowledged, found.delivered) == (4, 4, 4)


def test_a_planted_loss_is_found(recorded: tuple[Builders, Ledger]) -> None:
    plant(recorded[0], lambda entries: entries[1:])
    found = look(*recorded)
    assert [what.split()[0] for what in found.lost] == ["t0"]
    assert found.violations == [f"lost: {found.lost[0]}"]
    recorded[1].withdrawn.add("t0")
    again = look(*recorded)
    assert (again.lost, again.withdrawn) == ([], 1)


def test_a_planted_duplicate_is_found(recorded: tuple[Builders, Ledger]) -> None:
    plant(recorded[0], lambda entries: [*entries, {**entries[0], "id": "msg_other"}])
    assert look(*recorded).duplicated == ["message t0 is there 2 times"]
    plant(recorded[0], lambda entries: [*entries[:3], {**entries[0], "body": "another"}])
    assert [what.split()[0] for what in look(*recorded).duplicated] == ["id"]


def test_a_planted_reorder_is_found(recorded: tuple[Builders, Ledger]) -> None:
    plant(recorded[0], lambda entries: entries[::-1])
    assert look(*recorded).reordered == ["t1 stands before t0", "t2 stands before t1"]


def test_a_lost_status_is_found(recorded: tuple[Builders, Ledger]) -> None:
    status = json.loads(recorded[0].show("build1/status.json"))
    recorded[0].commit("build1/status.json", json.dumps({**status, "current_job": {"id": "older"}}).encode())
    assert look(*recorded).lost == ["the status job of build1 (there: older)"]


def test_a_lost_mark_is_found(recorded: tuple[Builders, Ledger]) -> None:
    builders, ledger = recorded
    with builders.host("build2") as host:
        ledger.record("build2", "build2", carry_out(host, Order("read", "mark")))
    assert look(builders, ledger).violations == []
    plant(builders, lambda entries: [{**entry, "read_by": []} for entry in entries])
    assert [what.split()[0] for what in look(builders, ledger).lost] == ["mark"]


@pytest.mark.parametrize(("outcome", "phantoms"), [(FAILED, 1), (UNKNOWN, 0)])
def test_what_was_not_written_and_is_there_is_found(
    recorded: tuple[Builders, Ledger], outcome: str, phantoms: int
) -> None:
    builders, ledger = recorded
    with builders.host("build1") as host:
        carry_out(host, Order("send", "t9", "build2"))
    ledger.record("build1", "build1", Answer(Order("send", "t9", "build2"), outcome))
    assert len(look(builders, ledger).phantom) == phantoms


def test_the_relay_refuses_cuts_swallows_and_counts(builders: Builders) -> None:
    with GitHostProcess(builders.folder) as host, Relay(host.port) as relay:
        url = f"{relay.url}/{builders.remote.name}"
        clone = builders.clone("build1")
        git("remote", "set-url", "origin", url, cwd=clone)
        git("commit", "--quiet", "--allow-empty", "--message", "one", cwd=clone)
        relay.set(Mode(REFUSE))
        assert push(clone) is False
        relay.set(Mode(CUT, bytes=100, times=1))
        assert push(clone) is False
        assert builders_commits(builders) == 0
        relay.set(Mode(SWALLOW))
        assert push(clone) is False
        assert builders_commits(builders) == 1
        relay.set(Mode(delay=20))
        git("commit", "--quiet", "--allow-empty", "--message", "two", cwd=clone)
        assert push(clone) is True
        counts = relay.counts()
    assert builders_commits(builders) == 2
    assert counts["broken"] == 2
    assert counts["POST git-receive-pack"] == 2
    assert counts["GET refs git-receive-pack"] == counts["connections"] - 2


def push(clone: Path) -> bool:
    """Push with Git, and return whether it succeeded."""
    git("push", "--quiet", "origin", "HEAD:main", cwd=clone, check=False)
    return git("status", "--porcelain", "--branch", cwd=clone).endswith("origin/main")


def builders_commits(builders: Builders) -> int:
    return len(git("rev-list", "--all", cwd=builders.remote).split())


def test_the_names_of_the_rows_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--list"]) == 0
    assert capsys.readouterr().out.splitlines() == [row.name for row in ROWS]
    assert run.main(["--row", "no such row"]) == 2
