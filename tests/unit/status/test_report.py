"""Test the reports of a server about its state."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import InvalidInput
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.set_status import write_status
from ansible_collections.acs.builders.plugins.module_utils.coordination.status.report import Report
from ansible_collections.acs.builders.tests.builders import Builders


@pytest.mark.parametrize(
    "report",
    [
        *(Report(state) for state in ("", "Idle", "done")),
        Report("idle", job="\ud800"),
        Report("building", log="\0"),
        Report("success", artifacts=["ok", "\udfff"]),
    ],
)
def test_invalid_reports(builders: Builders, report: Report) -> None:
    with builders.host("build1") as host, pytest.raises(InvalidInput):
        write_status(host, report)
    assert builders.commits() == 0
