"""Test that of concurrent processes one acts upon a message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.actionable import act
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.clock import Clock
from ansible_collections.acs.builders.tests.forks import in_forks

REQUEST = Draft("Install jq", "Please.", "request", request={"action": "install_packages", "packages": ["jq"]})


def asked(builders: Builders, now: Clock, ahead: float = 0, to: str = "build2") -> str:
    """Send a request from build1, dated some seconds ahead, and return its id."""
    clock = replace(now, passed=now.passed + timedelta(seconds=ahead))
    with builders.host("build1") as host:
        return str(send(clock.on(host), REQUEST, [to]).result[0].id)


def acted(builders: Builders, now: Clock, message_id: str, **options: Any) -> bool:
    """Act upon a message as build2, as a separate process would, and return whether to execute it."""
    with builders.host("build2", **options) as host:
        return act(now.on(host), message_id)[1]


def test_of_two_at_once_one_is_told_to(trusted: Builders, now: Clock) -> None:
    request = asked(trusted, now)
    results = in_forks(4, acted, [(trusted, now, request)] * 8)
    assert sorted(results) == [False] * 7 + [True]
