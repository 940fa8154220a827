"""What the tests of all scenarios share: their results go to a file in the folder that a variable names."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have the results written, when molecule runs the tests, before pytest-reportlog looks where to."""
    folder, scenario = os.environ.get("ACS_BUILDERS_REPORTS"), os.environ.get("MOLECULE_SCENARIO_NAME")
    if folder and scenario and not config.option.report_log:
        config.option.report_log = f"{folder}/{scenario}-verify.jsonl"
