"""Test which tests are selected for a change."""

from __future__ import annotations

import pytest
from checks.changed import touched


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ("tests/unit/test_text.py", "tests/unit/test_text.py"),
        ("tests/outage.py", "tests/contract/test_repository.py"),
        ("plugins/module_utils/coordination/mail/audit.py", "tests/unit/mail/test_audit.py"),
        ("plugins/module_utils/coordination/mail/audit.py", "tests/integration/modules/test_listing.py"),
        ("plugins/module_utils/coordination/text.py", "tests/unit/test_text.py"),
        ("plugins/modules/build_job.py", "tests/integration/builds/test_job.py"),
        ("roles/build_pat/tasks/main.yml", "tests/integration/roles/test_build_pat.py"),
        ("playbooks/run_build.yml", "tests/integration/playbooks/test_run_build.py"),
        ("plugins/filter/package_report.py", "tests/integration/playbooks/test_install_packages.py"),
        ("plugins/module_utils/builderctl/rendering.py", "tests/integration/builderctl/test_command.py"),
        ("plugins/module_utils/builderctl/whoami.py", "tests/integration/builderctl/test_whoami.py"),
        ("plugins/module_utils/coordination/alerts/rules.py", "tests/integration/alerts/test_telling.py"),
        ("tools/checks/summary.py", "tests/integration/tools/test_checks.py"),
    ],
)
def test_a_test_that_leads_to_a_change_is_touched(changed: str, test: str) -> None:
    assert test in touched([changed])


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ("tests/unit/test_text.py", "tests/unit/test_timestamps.py"),
        ("plugins/module_utils/coordination/mail/audit.py", "tests/unit/test_timestamps.py"),
        ("roles/build_pat/tasks/main.yml", "tests/unit/test_text.py"),
        ("README.md", "tests/unit/test_text.py"),
    ],
)
def test_others_are_not(changed: str, test: str) -> None:
    assert test not in touched([changed])
