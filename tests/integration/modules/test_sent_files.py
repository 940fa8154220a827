"""Test that Ansible sends only the files that a module needs."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.sent_files import sent_files

MOST = {
    "build_dashboard": 100,
    "build_environment_fact": 13,
    "build_files": 0,
    "build_heartbeat_fact": 86,
    "build_job": 77,
    "build_message": 89,
    "build_response": 85,
    "build_status": 67,
}
"""The maximum number of files of each module. Raise one only for a feature that needs it."""


@pytest.mark.parametrize("module", MOST)
def test_a_module_sends_only_what_it_needs(builders: Builders, module: str) -> None:
    sent = sent_files(builders.folder, module)
    assert len(sent) <= MOST[module], sent
    assert not [name for name in sent if name.startswith("builderctl/")]
