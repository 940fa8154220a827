"""Test the status document of a server."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.host import Host
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.document import (
    NO_STATUS,
    Status,
    read_status,
)
from ansible_collections.acs.builders.tests.builders import Builders


@pytest.mark.parametrize("value", [None, "", [], {}, 0])
def test_a_status_without_values(value: Any) -> None:
    status = Status(dict.fromkeys(("status", "manager", "timestamp", "current_job", "last_build"), value))
    assert (status.state, status.manager, status.written_at) == ("unknown", "", None)
    assert not status.current_job and not status.last_build
    assert status and not NO_STATUS


def test_a_status_with_values_of_wrong_types() -> None:
    document = {"status": 7, "manager": ["a"], "timestamp": 7, "current_job": "job_1", "last_build": ["job_0"]}
    status = Status(document)
    assert (status.state, status.manager, status.written_at) == ("7", "['a']", None)
    assert (status.current_job, status.last_build) == (None, None)
    assert status.as_dict() == document


def test_a_status_with_hidden_characters() -> None:
    job = {"id": "a\nb", "x\u202e": ["\x1b"]}
    status = Status({"status": "\ud800", "manager": "a\tb", "current_job": job, "\u200b": "c\r"})
    assert (status.state, status.manager, status.current_job) == ("?", "a\\tb", job)
    assert status.as_dict() == {
        **{"status": "?", "manager": "a\\tb", "\\u200b": "c\\r"},
        "current_job": {"id": "a\\nb", "x\\u202e": ["\\x1b"]},
    }


def test_reading_the_status_of_another(legacy: Builders) -> None:
    def read(host: Host, server: str) -> Status:
        return host.repository.read(lambda snapshot: read_status(host, snapshot, server))[0]

    with legacy.host("build1") as host:
        assert read(host, "build2").manager == "GitHub Copilot"
        assert read(host, "build3") == NO_STATUS, "it has only a heartbeat"
