"""Test the events after which the service looks at once."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.builderctl.service import Calls
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.waiting import waiting
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.tests.builders import Builders


@pytest.fixture
def calls(builders: Builders) -> Calls:
    """The calls on build1."""
    return Calls(StateDirectory(builders.state("build1")))


def test_a_process_that_begins_to_wait_calls_once(builders: Builders, calls: Calls) -> None:
    assert not calls.is_new()
    with waiting(StateDirectory(builders.state("build1"))):
        assert calls.is_new() and not calls.someone_waits
        calls.answer()
        assert not calls.is_new() and calls.someone_waits
    assert not calls.is_new()
    calls.answer()
    assert not calls.someone_waits


def test_a_message_of_the_manager_calls_once(builders: Builders, calls: Calls) -> None:
    with builders.host("build1") as host:
        send(host, Draft("Hello", "x"), ["build2"])
    assert calls.is_new()
    calls.answer()
    assert not calls.is_new()


def test_a_state_directory_that_cannot_be_read_does_not_call(builders: Builders, calls: Calls) -> None:
    builders.state("build1").rename(builders.state("build1").with_name("moved"))
    builders.state("build1").write_text("")
    assert not calls.is_new()
