"""Write the results of the tests of all scenarios to a report."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set the path of the report, before pytest-reportlog reads it."""
    folder, scenario = os.environ.get("ACS_BUILDERS_REPORTS"), os.environ.get("MOLECULE_SCENARIO_NAME")
    if folder and scenario and not config.option.report_log:
        config.option.report_log = f"{folder}/{scenario}-verify.jsonl"
