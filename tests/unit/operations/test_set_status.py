"""Test that a server publishes its status."""

from __future__ import annotations

import difflib
import json
from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import DocumentDamaged, InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity import signatures
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.document import (
    read_status,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.builders import LEGACY_REPO, Builders
from ansible_collections.acs.builders.tests.clock import Clock

BUILDING = Report("building", "job_1", branch="main", commit="c0ffee", log="/var/log/job_1.log")


def published(builders: Builders, server: str = "build1") -> dict[str, Any]:
    """Return a status document from the remote."""
    document: dict[str, Any] = json.loads(builders.show(f"{server}/status.json"))
    return document


def test_first_status_has_identity(builders: Builders, clock: Clock) -> None:
    """An old hook rejects every push while one of these is empty."""
    with builders.host("build1") as host:
        receipt = write_status(clock.on(host), Report("idle"))
    document = published(builders)
    assert receipt.result.raw == document
    expected = {"server": "build1", "hostname": "host-build1", "ip": "192.0.2.1", "manager": "tester"}
    expected.update({"timestamp": "2026-11-22T07:11:46Z", "status": "idle"})
    assert {name: document[name] for name in expected} == expected
    assert (document["current_job"], document["last_build"]) == (None, None)
    assert set(document["system"]) == {"cpu_usage", "memory_used_gb", "disk_free_gb"}
    assert document["capabilities"]["cores"] > 0


def test_identity_without_fleet_file_is_not_empty(builders: Builders) -> None:
    (builders.state("build1") / "fleet.json").unlink()
    with builders.host("build1") as host:
        write_status(host, Report("idle"))
    document = published(builders)
    assert document["server"] == "build1"
    assert all(document[name] for name in ("hostname", "ip", "manager", "timestamp", "status"))


@pytest.mark.parametrize("state", ["success", "failed"])
def test_a_build_from_begin_to_end(builders: Builders, clock: Clock, state: str) -> None:
    with builders.host("build1") as host:
        host = clock.on(host)
        write_status(host, BUILDING)
        document = published(builders)
        assert document["status"] == "building"
        assert document["current_job"] == {
            **{"id": "job_1", "started_at": "2026-11-22T07:11:46Z", "branch": "main", "commit": "c0ffee"},
            "log": "/var/log/job_1.log",
        }
        clock.move(399)
        write_status(host, Report(state, "job_1", artifacts=["a.deb"]))
    document = published(builders)
    assert (document["status"], document["current_job"]) == (state, None)
    assert document["timestamp"] == "2026-11-22T07:18:25Z"
    assert document["last_build"] == {
        **{"id": "job_1", "status": state, "branch": "main", "commit": "c0ffee", "duration_seconds": 399},
        **{"started_at": "2026-11-22T07:11:46Z", "completed_at": "2026-11-22T07:18:25Z"},
        **{"log": "/var/log/job_1.log", "artifacts": ["a.deb"]},
    }


@pytest.mark.parametrize("report", [Report("idle"), BUILDING, Report("success"), Report("failed", "job_9")])
def test_the_same_status_twice_changes_once(builders: Builders, clock: Clock, report: Report) -> None:
    with builders.host("build1") as host:
        host = clock.on(host)
        first = write_status(host, report)
        before = builders.show("build1/status.json")
        clock.move(60)
        second = write_status(host, report)
    assert first.commit
    assert (second.commit, second.files) == (None, {})
    assert second.result == first.result
    assert builders.show("build1/status.json") == before


def test_a_build_that_closes_twice_keeps_its_times(builders: Builders, clock: Clock) -> None:
    with builders.host("build1") as host:
        host = clock.on(host)
        write_status(host, BUILDING)
        clock.move(10)
        done = Report("success", "job_1", artifacts=["a.deb"])
        write_status(host, done)
        document = published(builders)
        clock.move(10)
        assert write_status(host, done).commit is None
        assert write_status(host, Report("success")).commit is None
    assert published(builders) == document


def test_second_report_extends_current_job(builders: Builders, clock: Clock) -> None:
    with builders.host("build1") as host:
        host = clock.on(host)
        write_status(host, Report("building", "job_1"))
        clock.move(60)
        write_status(host, Report("building", log="/l"))
    job = published(builders)["current_job"]
    assert (job["id"], job["started_at"], job["log"]) == ("job_1", "2026-11-22T07:11:46Z", "/l")


def test_another_job_cannot_be_closed(builders: Builders) -> None:
    with builders.host("build1") as host:
        write_status(host, BUILDING)
        before = builders.show("build1/status.json")
        for state in ("success", "failed"):
            with pytest.raises(InvalidInput, match="job_1, not job_2"):
                write_status(host, Report(state, "job_2"))
    assert builders.show("build1/status.json") == before


def test_report_changes_only_its_members(legacy: Builders, clock: Clock) -> None:
    """Unknown keys, order and layout are kept."""
    old = (LEGACY_REPO / "build1" / "status.json").read_text(encoding="utf-8")
    with legacy.host("build1") as host:
        write_status(clock.on(host), Report("building", "job_1"))
    new = legacy.show("build1/status.json").decode("utf-8")
    lines = [line for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line[0] in "+-"]
    changed = {"ip", "manager", "timestamp", "status", "current_job", "cpu_usage", "memory_used_gb", "disk_free_gb"}
    added = {"hostname", "id", "started_at", "branch", "commit", "log"}
    assert {line.split('"')[1] for line in lines if line.startswith("-") and '"' in line} <= changed
    assert {line.split('"')[1] for line in lines if line.startswith("+") and '"' in line} <= changed | added
    before, after = json.loads(old), json.loads(new)
    untouched = ("server", "last_build", "last_package", "capabilities")
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}
    assert list(after) == [*before, "hostname"]
    assert not new.endswith("\n"), "the old document has no final newline"


def test_a_document_of_another_layout_keeps_what_is_there(builders: Builders) -> None:
    builders.commit("build1/status.json", b'\xef\xbb\xbf{"x": 1.50, "status":"idle",\t"y":"\\u0041"}\r\n')
    with builders.host("build1") as host:
        write_status(host, Report("failed"))
    data = builders.show("build1/status.json")
    assert data.startswith(b'\xef\xbb\xbf{"x": 1.50, "status":"failed",\t"y":"\\u0041"')
    assert data.endswith(b"}\r\n") and data.count(b"\n") == data.count(b"\r\n")


def test_a_broken_document_is_never_overwritten(legacy: Builders) -> None:
    legacy.commit("build1/status.json", b'{\n  "status": ')
    commits = legacy.commits()
    with legacy.host("build1") as host, pytest.raises(DocumentDamaged, match=r"build1/status.json, line 2"):
        write_status(host, Report("idle"))
    assert legacy.commits() == commits


def test_a_job_of_the_old_scripts_without_times_can_be_closed(builders: Builders) -> None:
    builders.commit("build1/status.json", b'{"status": "building", "current_job": {"id": "old", "started_at": "x"}}')
    with builders.host("build1") as host:
        write_status(host, Report("success"))
    last = published(builders)["last_build"]
    assert (last["id"], last["duration_seconds"]) == ("old", None)


def test_check_mode_publishes_nothing(legacy: Builders) -> None:
    commits = legacy.commits()
    with legacy.host("build1", check_mode=True) as host:
        receipt = write_status(host, Report("building", "job_1"))
    assert receipt.result.raw["current_job"]["id"] == "job_1"
    assert list(receipt.files) == ["build1/status.json"]
    assert legacy.commits() == commits


def test_later_report_extends_last_build(builders: Builders) -> None:
    with builders.host("build1") as host:
        write_status(host, Report("building", job="job_1"))
        before = write_status(host, Report("success")).result.raw["last_build"]
        after = write_status(host, Report("success", log="/root/build-logs/1.log", artifacts=["a.deb"])).result
    assert after.last_build == {**before, "log": "/root/build-logs/1.log", "artifacts": ["a.deb"]}


def test_unsigned_content_is_kept_with_a_note(legacy: Builders, clock: Clock) -> None:
    """It is not part of the signed content, and nothing is lost."""
    old = json.loads(legacy.show("build1/status.json"))
    legacy.trust()
    with legacy.host("build1") as host:
        for report in (Report("building", "job_1"), Report("success")):
            write_status(host, report)
        (note,) = host.repository.notes
        found, verification = host.repository.read(lambda snapshot: read_status(host, snapshot, "build1"))
    assert found.raw["unverified"] == {name: old[name] for name in ("last_build", "last_package", "capabilities")}
    assert (verification.verified, found.raw["last_build"]["id"]) == ("true", "job_1")
    assert "'unverified'" in note and "last_build, last_package, capabilities" in note


def test_content_signed_by_others_is_removed_with_a_note(builders: Builders) -> None:
    builders.trust()
    with builders.host("build2") as host:
        forged = host.signed({"server": "build1", "status": "success", "profiles": ["a"]}, signatures.STATUS)
    builders.commit("build1/status.json", json.dumps(forged).encode())
    with builders.host("build1") as host:
        status = write_status(host, Report("idle")).result.raw
        assert [note.partition(" were removed: ")[2] for note in host.repository.notes] == ["profiles."]
    assert "unverified" not in status
