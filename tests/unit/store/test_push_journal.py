"""When a write that has failed is tried again."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.git.failures import ConnectionLost, PushRejected
from ansible_collections.acs.builders.plugins.module_utils.coordination.state_dir import StateDirectory
from ansible_collections.acs.builders.plugins.module_utils.coordination.store.push_journal import (
    JournalFile,
    PushJournal,
)
from ansible_collections.acs.builders.tests.waiting import LIMIT


@pytest.mark.parametrize("error", [PushRejected("fetch first"), ConnectionLost("cut off")], ids=["rejected", "cut"])
def test_each_retry_waits_for_a_random_time_with_a_growing_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(random, "uniform", lambda least, most: least + most)
    record = JournalFile(StateDirectory(tmp_path), "attempts.json")
    journal = PushJournal("file:///remote", LIMIT, record)
    for _failure in range(20):
        journal.wait_before_retry(error)
    assert waits[:3] == pytest.approx([0.06, 0.12, 0.18])
    assert max(waits) == waits[-1] == 1.0
