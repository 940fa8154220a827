"""Test that reading changes only fetched files and records of shown messages in the state directory."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl import cli
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.ansible_runner import succeed
from ansible_collections.acs.builders.tests.beating import beat
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.running_service import config

FETCHED = ("repos/", "beats.")
"""Prefixes of the private repositories and their locks, with the known state of the remote."""
CHECKED = {"verdicts.json"}
SHOWN = {"pages.json", "pages.lock", "shown.json", "shown.lock", "manager.json"}
RECORDS = {"audit.json", "read.json", "acknowledged.json", "statuses.json", "watch.json"}
"""Records of the service about what it has seen."""


def versions(builders: Builders) -> dict[str, tuple[int, int]]:
    """Return the inode and time of each file in the state directory of build1, except fetched ones."""
    folder = builders.state("build1")
    files = {str(path.relative_to(folder)): path.stat() for path in folder.rglob("*") if path.is_file()}
    return {name: (one.st_ino, one.st_mtime_ns) for name, one in files.items() if not name.startswith(FETCHED)}


def changed(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> set[str]:
    """Return the names of the files that were written, created or removed."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def builderctl(builders: Builders, *argv: str) -> None:
    """Run builderctl as build1; an unhealthy fleet is no error."""
    path = builders.folder / "build1" / "builderctl.json"
    assert cli.main(["--config", str(path), *argv]) in (0, 1)


@pytest.fixture(params=["with records of the service", "without records"])
def fleet(builders: Builders, request: pytest.FixtureRequest) -> Builders:
    """Return two servers that trust each other. The data of build2 is new to build1."""
    builders.trust()
    for server in builders.ids:
        config(builders, server)
    publish(builders)
    if request.param == "with records of the service":
        builderctl(builders, "heartbeat", "--once")
    kept = RECORDS & versions(builders).keys()
    assert kept == (RECORDS if request.param == "with records of the service" else set())
    return builders


def publish(builders: Builders) -> None:
    """Send a message of build2, and publish its status and a heartbeat."""
    with builders.host("build2") as host:
        send(host, Draft("Hello", "Hi"), ["build1"])
        write_status(host, Report("building"))
        beat(host)


def test_looks_of_the_command(fleet: Builders) -> None:
    asked = fleet.messages()[0]["id"]
    looks: dict[tuple[str, ...], set[str]] = {
        ("health",): CHECKED,
        ("health", "--json"): CHECKED,
        ("status",): CHECKED,
        ("status", "--server", "build2"): CHECKED,
        ("recover",): CHECKED,
        ("trace", asked): CHECKED,
        ("outbox",): set(),
        ("read",): CHECKED | SHOWN,
        ("read", "--all", "--archived"): CHECKED | SHOWN,
        ("read", "--thread", asked): CHECKED | SHOWN,
        ("read", asked): CHECKED | SHOWN,
    }
    for argv, allowed in looks.items():
        publish(fleet)
        before = versions(fleet)
        builderctl(fleet, *argv)
        assert changed(before, versions(fleet)) <= allowed, argv


def test_looks_of_the_modules(fleet: Builders) -> None:
    looks = {"build_message": CHECKED | SHOWN, "build_status": CHECKED, "build_heartbeat_fact": CHECKED}
    looks["build_dashboard"] = CHECKED
    for check in (False, True):
        for module, allowed in looks.items():
            publish(fleet)
            before = versions(fleet)
            assert succeed(fleet, "build1", module, check=check)["changed"] is False
            assert changed(before, versions(fleet)) <= (set() if check else allowed), module
