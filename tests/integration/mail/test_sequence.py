"""Test the numbers of messages that several processes send concurrently."""

from __future__ import annotations

import pytest
from ansible_collections.acs.builders.plugins.module_utils.coordination.delivery import deliver
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.forks import in_forks
from ansible_collections.acs.builders.tests.waiting import LIMIT


def send_message(builders: Builders) -> None:
    """Send a message as a separate process would."""
    with builders.host("build1") as host:
        send(host, Draft("Hello", "Hi"), ["all"])


def numbers(builders: Builders, server: str = "build1") -> list[int | None]:
    """Return the numbers of a server's messages, in the order of the mailbox."""
    return [entry.get("seq") for entry in builders.messages() if entry["from"] == server]


def test_processes_that_send_at_once_take_different_numbers(
    builders: Builders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "PATIENCE", LIMIT)
    builders.trust()
    in_forks(3, send_message, [(builders,)] * 6)
    assert numbers(builders) == [1, 2, 3, 4, 5, 6]
