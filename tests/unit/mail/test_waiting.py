"""Test the detection of processes that wait for mail, and of the running service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.errors import StateUnusable
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.waiting import (
    SERVICE_LOCK,
    running_service,
    service_runs,
    someone_waits,
    waiting,
)
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory


def test_a_waiter_is_seen_until_the_last_one_ends(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    assert not someone_waits(state)
    with waiting(state), waiting(state):
        assert someone_waits(state)
        assert someone_waits(state), "the check released the lock"
    assert not someone_waits(state)


def test_the_service_is_seen_while_it_runs(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    assert not service_runs(state)
    with running_service(state):
        assert service_runs(state)
        assert not someone_waits(state)
    assert not service_runs(state)


def test_a_second_service_of_a_state_directory_is_refused(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    with running_service(state), pytest.raises(StateUnusable, match=SERVICE_LOCK), running_service(state):
        pytest.fail("two services run")


def test_a_check_leaves_no_file(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "missing")
    assert not someone_waits(state)
    assert not service_runs(state)
    assert not os.listdir(tmp_path)


def test_a_lock_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / SERVICE_LOCK).symlink_to(SERVICE_LOCK)
    with pytest.raises(StateUnusable, match=SERVICE_LOCK):
        service_runs(StateDirectory(tmp_path))
