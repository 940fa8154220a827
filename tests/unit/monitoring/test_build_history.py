"""Test the past builds of all servers."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.monitoring.build_history import past_builds
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.contract.memory_builders import MemoryBuilders


def build(builders: MemoryBuilders, clock: Clock, server: str, job: str, result: str, **details: Any) -> None:
    """Report a build that takes a minute."""
    with builders.host(server) as host:
        write_status(clock.on(host), Report("building", job, **details))
        clock.move(60)
        write_status(clock.on(host), Report(result))


def builds(builders: MemoryBuilders) -> list[dict[str, Any]]:
    """Return the builds as build1 sees them."""
    with builders.host("build1") as host:
        return host.repository.read(lambda snapshot: past_builds(host, snapshot, builders.ids))


def test_all_builds_are_found_in_the_versions_of_the_statuses(builders: MemoryBuilders, now: Clock) -> None:
    assert builds(builders) == []
    builders.trust()
    build(builders, now, "build1", "job_1", "success", branch="main", commit="d8e22ab")
    build(builders, now, "build2", "job_2", "failed")
    build(builders, now, "build1", "job_3", "success")
    with builders.host("build1") as host:
        write_status(now.on(host), Report("building", "job_4"))
    found = builds(builders)
    assert [(one["server"], one["id"], one["status"]) for one in found] == [
        ("build1", "job_3", "success"),
        ("build2", "job_2", "failed"),
        ("build1", "job_1", "success"),
    ]
    assert (found[2]["branch"], found[2]["commit"], found[1]["branch"]) == ("main", "d8e22ab", "")
    assert found[2]["started_at"] < found[2]["completed_at"] <= found[1]["started_at"]


def test_a_forged_status_and_a_damaged_one_show_no_build(builders: MemoryBuilders, now: Clock) -> None:
    builders.trust()
    build(builders, now, "build1", "job_1", "success")
    good = builders.show("build1/status.json")
    forged = json.loads(good)
    forged["last_build"]["id"] = "job_forged"
    for content in (json.dumps(forged).encode(), b'{"last_build": {"id": "cut', good):
        builders.commit("build1/status.json", content)
    assert [one["id"] for one in builds(builders)] == ["job_1"]
