"""Test the record of alerts in the Build repository: one of two writers succeeds, and forged records are ignored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.record import NO_ALERTS, Alert, Record
from ansible_collections.acs.builders.plugins.module_utils.coordination.alerts.shared_record import (
    REF,
    SharedRecord,
    shared_record,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.tests.builders import Builders, git

TIME = "2026-11-22T07:11:46Z"
ONE = Record(1, {"server/b": Alert("server", "b", "b is stale", (), ("silent",), "open", TIME, TIME, "build1", 1)})


@pytest.fixture
def hosts(trusted: Builders) -> Iterator[dict[str, Host]]:
    """Return the host of each server."""
    with ExitStack() as stack:
        yield {server: stack.enter_context(trusted.host(server)) for server in trusted.ids}


@pytest.fixture
def records(hosts: dict[str, Host]) -> Iterator[dict[str, SharedRecord]]:
    """Return the record as opened by each server."""
    with ExitStack() as stack:
        yield {server: stack.enter_context(shared_record(host)) for server, host in hosts.items()}


def test_what_one_server_records_the_other_reads(records: dict[str, SharedRecord]) -> None:
    assert records["build1"].read() == NO_ALERTS
    assert records["build1"].replace(ONE)
    assert records["build2"].read() == ONE
    assert records["build2"].replace(Record(2, {}))
    assert records["build1"].read() == Record(2, {})


def test_of_two_writers_one_succeeds(records: dict[str, SharedRecord]) -> None:
    """Both servers assume at the same time that they send the alerts of the fleet."""
    for known in (NO_ALERTS, ONE):
        assert [record.read() for record in records.values()] == [known, known]
        new = Record(known.number + 1, ONE.alerts)
        assert [record.replace(new) for record in records.values()] == [True, False]
        assert records["build2"].read() == new


def test_a_record_of_somebody_else_is_ignored_and_replaced(
    trusted: Builders, hosts: dict[str, Host], records: dict[str, SharedRecord]
) -> None:
    records["build1"].read()
    assert records["build1"].replace(ONE)
    trusted.commit("alerts.json", b'{"number": 9, "alerts": {}, "server": "build1", "timestamp": "%s"}' % TIME.encode())
    forged = git("rev-parse", "main", cwd=trusted.remote)
    git("update-ref", REF, forged, cwd=trusted.remote)
    assert records["build2"].read() == NO_ALERTS
    (note,) = hosts["build2"].repository.notes
    assert note.startswith(f"The record of alerts in {REF} is ignored: not signed")
    assert records["build2"].replace(ONE)
    assert records["build1"].read() == ONE


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"server": "all"}', b'{"number": true}'])
def test_a_damaged_record_is_ignored(trusted: Builders, records: dict[str, SharedRecord], content: bytes) -> None:
    git("update-ref", REF, trusted.commit("alerts.json", content), cwd=trusted.remote)
    assert records["build1"].read() == NO_ALERTS
    assert records["build1"].replace(ONE)


def test_a_ref_that_is_no_commit_is_replaced(trusted: Builders, records: dict[str, SharedRecord]) -> None:
    trusted.commit("a", b"1")
    git("update-ref", REF, git("rev-parse", "main:a", cwd=trusted.remote), cwd=trusted.remote)
    assert records["build1"].read() == NO_ALERTS
    assert records["build1"].replace(ONE)
    git("update-ref", "-d", REF, cwd=trusted.remote)
    assert records["build1"].read() == NO_ALERTS
    assert records["build1"].replace(ONE)
