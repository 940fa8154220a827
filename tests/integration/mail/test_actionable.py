"""Test that of concurrent processes one acts upon a message."""

from __future__ import annotations

from ansible_collections.acs.builders.tests.answering import acted, asked
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.forks import in_forks


def test_of_two_at_once_one_acts(trusted: Builders, now: Clock) -> None:
    request = asked(trusted, now)
    results = in_forks(4, acted, [(trusted, now, request)] * 8)
    assert sorted(results) == [False] * 7 + [True]
